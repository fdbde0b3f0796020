#include "db/mute.h"

#include "db/json.h"
#include "gossip/message.h"
#include "gossip/text.h"
#include "gossipc/store.h"
#include "gossipc/when.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr const char* kExample = "gossipc mute carol, or gossipc mute --from alice";

std::optional<Refusal> read(const Options& options, db::Mute& one) {
  if (options.has(kName) == options.has(kFrom)) return Refusal{"give a sender, or a friend with --from", kExample};
  one.from = options.has(kFrom);
  one.name = options.value(one.from ? kFrom : kName);
  if (one.from) return std::nullopt;
  auto refusal = check_sender(one.name);
  return refusal ? std::optional(Refusal{"no message has such a sender: " + refusal->words.what, kExample}) : std::nullopt;
}

std::string words_of(const db::Mute& one) {
  std::string out = (one.from ? "what " : "what claims to be from ") + shown(one.name, Show::kSender) + (one.from ? " delivers" : "");
  return out + (one.until_ms ? ", until " + format_utc(*one.until_ms) : "");
}

}  // namespace

int mute(Call& call) {
  const std::int64_t now_ms = sys::wall_ms();
  db::Mute one;
  if (const auto refusal = read(call.options, one)) return fail(kUsage, *refusal);
  if (call.options.has(kFor)) {
    const std::string& given = call.options.value(kFor);
    const std::optional<std::int64_t> span = parse_span(given);
    if (!span || *span == 0) return fail(kUsage, "--for does not understand " + quoted(given), "give how long: 90m, 2h, 7d");
    one.until_ms = now_ms + *span;
  }
  if (one.from && one.name == "self") return fail(kUsage, "your own messages cannot be muted", kExample);
  db::Database db = open_to_write(call, false);
  if (!db::mute(db, one)) return no_such_peer(db, one.name);
  if (!call.quiet()) note("muted: " + words_of(one));
  return kDone;
}

int unmute(Call& call) {
  db::Mute one;
  if (const auto refusal = read(call.options, one)) return fail(kUsage, *refusal);
  db::Database db = open_to_write(call, false);
  if (!db::unmute(db, one, sys::wall_ms())) return fail(kNothing, "not muted: " + words_of(one), "gossipc mutes lists what is");
  if (!call.quiet()) note("shown again: " + words_of(one));
  return kDone;
}

int mutes(Call& call) {
  db::Database db = open_to_read(call);
  const std::vector<db::Mute> all = db::mutes(db, sys::wall_ms());
  for (const db::Mute& one : all) {
    if (!call.options.has(kJson)) {
      call.out.put(words_of(one) + "\n");
      continue;
    }
    db::JsonObject out(db);
    one.from ? out.text("from", one.name) : out.text("sender", one.name);
    one.until_ms ? out.integer("until_ms", *one.until_ms) : out.null("until_ms");
    call.out.put(shown(out.take(), Show::kJson) + "\n");
  }
  if (all.empty() && !call.quiet()) note("nothing is muted");
  return kDone;
}

}  // namespace gossip::client
