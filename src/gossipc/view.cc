#include <algorithm>
#include <charconv>
#include <limits>

#include "db/search.h"
#include "gossipc/follow.h"
#include "gossipc/layout.h"
#include "gossipc/message_id.h"
#include "gossipc/store.h"
#include "gossipc/when.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

// What the command line asks for.
struct Wanted {
  db::Filter filter;
  std::optional<std::uint64_t> last;
  std::vector<Piece> format;
  bool marks = false;  // what is shown is read from then on
};

class View {
 public:
  View(Call& call, db::Database& db, const Wanted& wanted, std::unique_ptr<Layout> layout)
      : call_(call), db_(db), wanted_(wanted), filter_(wanted.filter), layout_(std::move(layout)) {}

  void start_after(Seq seq) { at_ = std::max(at_, seq); }

  // All there is now. False when nobody reads any more, or we were told to end.
  bool print() {
    if (filter_.mutes_ms) filter_.mutes_ms = sys::wall_ms();
    const bool going = print_pages();
    if (going && wanted_.marks && printed_ > 0 && shown_ > marked_) {
      db::Database writer = open_as_it_is(call_, true);  // the other one may be of a medium that cannot be written
      db::note_read(writer, shown_);
      marked_ = shown_;
    }
    return going;
  }

  void follow() {
    Follower follower(db_, call_.out);
    for (std::int64_t version = follower.version(); print() && follower.wait(version);) version = follower.version();
  }

  bool printed() const { return printed_ > 0; }

 private:
  bool print_pages() {
    for (;;) {
      Seq scanned = at_;
      const std::vector<db::Shown> page = db::read_messages(db_, at_, filter_, db::kPage, layout_->json(), scanned);
      if (!page.empty()) layout_->print(page, call_.out);
      printed_ += page.size();
      if (!call_.out.flush()) return false;
      shown_ = scanned;
      if (Follower::interrupted()) return false;
      if (scanned == at_) return true;
      at_ = scanned;
    }
  }

  Call& call_;
  db::Database& db_;
  const Wanted& wanted_;
  db::Filter filter_;
  const std::unique_ptr<Layout> layout_;
  std::size_t printed_ = 0;
  Seq at_ = 0, shown_ = 0, marked_ = 0;  // read up to; written up to; noted up to
};

std::optional<std::uint64_t> parse_count(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A friend, ourselves, or a friend who was deleted and is shown as name~N.
bool known_deliverer(db::Database& db, const std::string& name) {
  return name == "self" || db::who_named(db, name);
}

std::optional<Refusal> read_time(const Options& options, Opt which, const char* name, std::optional<std::int64_t>& to) {
  if (!options.has(which)) return std::nullopt;
  const Result<std::int64_t> when = parse_when(options.value(which), sys::wall_ms(), name);
  if (!when) return when.refusal();
  to = *when;
  return std::nullopt;
}

Result<Wanted> read_wanted(const Call& call) {
  const Options& options = call.options;
  Wanted out;
  if (options.has(kRaw) && call.out.terminal())
    return Refusal{"--raw does not write to a terminal", "send it to a file or a pipe"};
  if (options.has(kFormat) && options.has(kJson)) return Refusal{"--format and --json are two layouts", "one at a time"};
  if (auto bad = read_time(options, kSince, "--since", out.filter.since_ms)) return *bad;
  if (auto bad = read_time(options, kUntil, "--until", out.filter.until_ms)) return *bad;
  out.last = parse_count(options.value(kLast));
  if (options.has(kLast) && !out.last) return Refusal{"--last takes a number, not " + quoted(options.value(kLast))};
  const std::optional<std::uint64_t> sources = parse_count(options.value(kMinSources));
  if (options.has(kMinSources) && !sources) return Refusal{"--min-sources takes a number, not " + quoted(options.value(kMinSources))};
  out.filter.min_sources = std::min<std::uint64_t>(sources.value_or(0), std::numeric_limits<std::int64_t>::max());
  if (options.has(kFormat)) {
    auto format = parse_format(options.value(kFormat));
    if (!format) return format.refusal();
    out.format = std::move(*format);
  }
  if (options.has(kSearch)) {
    out.filter.words = db::search_expression(options.value(kSearch));
    if (!out.filter.words) return Refusal{"--search needs a word, with a letter or a digit in it"};
  }
  if (options.has(kFrom)) out.filter.from = options.value(kFrom);
  if (options.has(kSender)) out.filter.sender = options.value(kSender);
  out.filter.others = options.has(kUnread);
  out.filter.kept = !options.has(kAll);
  if (!options.has(kAll)) out.filter.mutes_ms = sys::wall_ms();
  bool narrowed = false;
  for (Opt option : {kLast, kSince, kUntil, kFrom, kSender, kSearch, kMinSources, kAfter}) narrowed = narrowed || options.has(option);
  out.marks = options.has(kUnread) && !narrowed;
  return out;
}

std::unique_ptr<Layout> layout_for(const Call& call, db::Database& db, const Wanted& wanted) {
  const bool raw = call.options.has(kRaw);
  if (call.options.has(kJson)) return json_layout(raw);
  if (call.options.has(kFormat)) return format_layout(wanted.format, raw);
  return call.out.terminal() ? human_layout(db, terminal_of(call.out.fd())) : line_layout(raw);
}

}  // namespace

int view(Call& call) {
  const Options& options = call.options;
  const Result<Wanted> wanted = read_wanted(call);
  if (!wanted) return fail(kUsage, wanted.refusal());
  db::Database db = open_to_read(call);
  const db::Filter& filter = wanted->filter;
  if (filter.from && !known_deliverer(db, *filter.from)) return no_such_peer(db, *filter.from);
  View out(call, db, *wanted, layout_for(call, db, *wanted));
  if (options.has(kAfter)) {
    db::Found after;
    if (const int code = find_one(db, options.value(kAfter), after)) return code;
    out.start_after(after.seq);
  }
  if (options.has(kUnread)) out.start_after(db::read_mark(db));
  if (wanted->last) out.start_after(db::start_of_last(db, filter, *wanted->last));
  if (options.has(kFollow)) {
    out.follow();
  } else {
    out.print();
  }
  if (out.printed()) return kDone;
  if (call.out.terminal() && !call.quiet() && !options.has(kFollow)) note("nothing to show; gossipc status says how it goes");
  return kNothing;
}

}  // namespace gossip::client
