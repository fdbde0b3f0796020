#include <poll.h>
#include <signal.h>

#include <charconv>

#include "db/messages.h"
#include "gossip/text.h"
#include "gossipc/store.h"
#include "gossipc/when.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr int kLookAgainMs = 200;

volatile std::sig_atomic_t g_interrupted = 0;

// The first signal ends us when the page is printed, or in a write that waits; a second one at once. What was ignored when we
// started stays so: nohup, and the shell for what it runs in the background, mean it.
void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { g_interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &action, nullptr);
  }
}

class View {
 public:
  View(Call& call, db::Database& db, db::Filter filter)
      : call_(call), db_(db), filter_(std::move(filter)), json_(call.options.has(kJson)), raw_(call.options.has(kRaw)) {}

  void start_at_last(std::uint64_t n) { at_ = db::start_of_last(db_, filter_, n); }

  // All there is now. False when nobody reads any more, or we were told to end.
  bool print() {
    for (;;) {
      Seq scanned = at_;
      const std::vector<db::Shown> page = db::read_messages(db_, at_, filter_, db::kPage, json_, scanned);
      for (const db::Shown& m : page) call_.out.put(line_of(m));
      printed_ = printed_ || !page.empty();
      if (!call_.out.flush() || g_interrupted) return false;
      if (scanned == at_) return true;
      at_ = scanned;
    }
  }

  void follow() {
    catch_interrupts();
    call_.out.give_up_on(&g_interrupted);
    for (;;) {
      const std::int64_t version = db_.pragma("data_version");  // before reading: what comes meanwhile changes it
      if (!print()) return;
      while (db_.pragma("data_version") == version) {
        pollfd reader{call_.out.fd(), 0, 0};  // tells when a pipe's reader has gone
        if (::poll(&reader, 1, kLookAgainMs) > 0 && (reader.revents & (POLLERR | POLLHUP)) != 0) return;
        if (g_interrupted) return;
      }
    }
  }

  bool printed() const { return printed_; }

 private:
  void append(std::string& out, std::string_view text, Show how) const {
    if (raw_) {
      out += text;
    } else {
      append_shown(out, text, how);
    }
  }

  std::string line_of(const db::Shown& m) const {
    if (json_) return (raw_ ? m.json : shown(m.json, Show::kJson)) + "\n";
    std::string out = format_utc(m.heard_ms) + "|delivered_by:";
    append_shown(out, m.delivered_by, Show::kSender);
    out += "|sender:";
    append(out, m.sender, Show::kSender);
    out += '|';
    if (!m.known) {
      out += "a message of a kind this version does not know";
    } else if (!m.kept) {
      out += "the text is no longer kept";
    } else {
      append(out, m.text, Show::kLine);
    }
    return out += '\n';
  }

  Call& call_;
  db::Database& db_;
  db::Filter filter_;
  bool json_, raw_, printed_ = false;
  Seq at_ = 0;
};

std::optional<std::uint64_t> parse_count(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A friend, ourselves, or a friend who was deleted and is shown as name~N.
bool known_deliverer(db::Database& db, const std::string& name) {
  return name == "self" || name.find('~') != std::string::npos || db::find_peer(db, name);
}

}  // namespace

int view(Call& call) {
  const Options& options = call.options;
  if (options.has(kRaw) && call.out.terminal())
    return fail(kUsage, "--raw does not write to a terminal", "send it to a file or a pipe");
  db::Filter filter;
  filter.kept = !options.has(kAll);
  if (options.has(kSince)) {
    const Result<std::int64_t> since = parse_since(options.value(kSince), sys::wall_ms());
    if (!since) return fail(kUsage, since.refusal());
    filter.since_ms = *since;
  }
  const std::optional<std::uint64_t> last = parse_count(options.value(kLast));
  if (options.has(kLast) && !last) return fail(kUsage, "--last takes a number, not " + quoted(options.value(kLast)));

  db::Database db = open_to_read(call);
  if (options.has(kFrom)) {
    filter.from = options.value(kFrom);
    if (!known_deliverer(db, *filter.from)) return no_such_peer(db, *filter.from);
  }
  View out(call, db, filter);
  if (last) out.start_at_last(*last);
  if (options.has(kFollow)) {
    out.follow();
  } else {
    out.print();
  }
  return out.printed() ? kDone : kNothing;
}

}  // namespace gossip::client
