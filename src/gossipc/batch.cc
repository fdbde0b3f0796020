#include "gossipc/batch.h"

#include <unistd.h>

#include <cstdio>

#include "gossip/bytes.h"
#include "gossip/text.h"
#include "gossipc/compose.h"
#include "gossipc/lines.h"
#include "gossipc/progress.h"
#include "gossipc/store.h"
#include "sys/clock.h"
#include "sys/error.h"

namespace gossip::client {
namespace {

// One transaction holds so much: large enough that the fsync costs nothing, small enough that a daemon waits a tenth of a second.
constexpr std::size_t kTogether = 16384;
constexpr std::size_t kTogetherBytes = 8 << 20;
constexpr std::size_t kJsonRoom = 4096;  // of a line besides its text, of which every byte may be an escape of six

BadLine usage(std::string what, std::string hint = {}) { return {kUsage, {std::move(what), std::move(hint)}}; }

std::variant<Said, BadLine> checked(Said said, std::size_t limit) {
  if (said.source.empty()) return usage("no sender", "give \"source\" in the line, --source, or GOSSIPD_USERNAME");
  if (auto refusal = check_sender(said.source)) return BadLine{kUsage, std::move(refusal->words)};
  if (auto refusal = check_text(said.text, limit)) return BadLine{exit_for(refusal->fault), std::move(refusal->words)};
  return said;
}

// Reads lines, stages messages, commits them together; what is staged is committed before it waits for more input.
class Batch {
 public:
  Batch(Call& call, const std::string& source)
      : call_(call),
        source_(source),
        db_(open_as_it_is(call, true, true)),
        log_(db_, composer_.crypto(), sys::wall_ms),
        json_(db_),
        lines_(call.options.has(kJson) ? 6 * call.config.max_message + kJsonRoom : call.config.max_message) {}

  int run() {
    std::string piece;
    for (bool more = true; more;) {
      if (bytes_ > 0 && !readable_now(0)) commit();
      if (out_gone_) return stop_unheard();
      more = read_some(0, piece);
      more ? lines_.feed(piece) : lines_.end();
      while (const auto line = lines_.next()) {
        if (const auto bad = take(*line)) return stop_at(*bad);
        if (out_gone_) return stop_unheard();
      }
    }
    commit();
    if (out_gone_) return stop_unheard();
    ticker_.clear();
    return sent_ == 0 ? fail(kNothing, "no line, nothing sent") : kDone;
  }

 private:
  std::optional<BadLine> take(std::string_view line) {
    ++number_;
    const std::size_t limit = call_.config.max_message;
    auto got = call_.options.has(kJson) ? read_json(json_, line, source_, limit) : read_plain(line, source_, limit);
    if (auto* bad = std::get_if<BadLine>(&got)) return *bad;
    const Said& said = std::get<Said>(got);
    staged_.push_back(composer_.compose(said.source, said.text));
    bytes_ += staged_.back().message.size();
    if (staged_.size() >= kTogether || bytes_ >= kTogetherBytes) commit();
    return std::nullopt;
  }

  void commit() {
    if (staged_.empty()) return;
    try {
      append_all(db_, log_, staged_);
    } catch (const db::Error& error) { throw db::Error(error.trouble(), error.what(), rest_words(error.hint())); }
    ring(call_);
    sent_ += staged_.size();
    try {
      for (const Incoming& message : staged_) call_.out.put(to_hex(message.id) + "\n");
      if (!call_.out.flush()) out_gone_ = "nobody reads the ids any more";
    } catch (const sys::Error& error) {
      out_gone_ = error.what();
    }
    staged_.clear();
    bytes_ = 0;
    ticker_.show([this] { return std::to_string(sent_) + " sent"; });
  }

  int stop_at(const BadLine& bad) {
    commit();
    if (out_gone_) return stop_unheard();
    ticker_.clear();
    return fail(bad.code, "line " + std::to_string(number_) + ": " + bad.words.what, rest_words(bad.words.hint));
  }

  int stop_unheard() {
    ticker_.clear();
    return fail(kIo, *out_gone_, rest_words(""));
  }

  std::string rest_words(const std::string& hint) const {
    const std::string sent = "sent: " + std::to_string(sent_) + ", nothing after that";
    return hint.empty() ? sent : hint + "; " + sent;
  }

  Call& call_;
  const std::string source_;
  Composer composer_;
  db::Database db_;
  db::Log log_;
  db::JsonLines json_;
  LineBuffer lines_;
  std::vector<Incoming> staged_;
  std::size_t bytes_ = 0, number_ = 0, sent_ = 0;
  std::optional<std::string> out_gone_;  // why the ids cannot be written any more
  Ticker ticker_{call_.quiet()};
};

}  // namespace

std::variant<Said, BadLine> read_plain(std::string_view line, const std::string& source, std::size_t limit) {
  if (line.size() > limit) return BadLine{kRefused, {"longer than the limit of " + std::to_string(limit) + " bytes"}};
  return checked({source, std::string(line)}, limit);
}

std::variant<Said, BadLine> read_json(db::JsonLines& json, std::string_view line, const std::string& source, std::size_t limit) {
  if (line.size() > 6 * limit + kJsonRoom) return BadLine{kRefused, {"longer than any line with a text within the limit"}};
  Result<std::vector<db::JsonField>> fields = json.parse(line);
  if (!fields) return BadLine{kUsage, fields.refusal()};
  Said said{source, ""};
  bool text = false, named = false;
  for (db::JsonField& field : *fields) {
    const bool is_text = field.key == "text";
    if (!is_text && field.key != "source")
      return usage("unknown field " + quoted(field.key), "\"text\" and \"source\" are known");
    if (!field.is_text) return usage(quoted(field.key) + " is not a string");
    bool& seen = is_text ? text : named;
    if (seen) return usage(quoted(field.key) + " is there twice");
    seen = true;
    if (utf8_fault(field.text))  // the line was valid UTF-8, so it can only be this
      return usage("there is a lone surrogate in " + quoted(field.key),
                   "\\ud800 to \\udbff need one of \\udc00 to \\udfff right behind them");
    (is_text ? said.text : said.source) = std::move(field.text);
  }
  if (!text) return usage("no \"text\" in it");
  if (named && said.source.empty()) return usage("the sender is empty", "leave \"source\" out, or give a name in it");
  return checked(std::move(said), limit);
}

int send_batch(Call& call, const std::string& source) { return Batch(call, source).run(); }

}  // namespace gossip::client
