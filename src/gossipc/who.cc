// What is known of one message: who told us of it, and which friends have passed it.
#include "gossipc/who.h"

#include "db/heard.h"
#include "db/json.h"
#include "db/messages.h"
#include "gossip/text.h"
#include "gossipc/friends.h"
#include "gossipc/message_id.h"
#include "gossipc/store.h"
#include "gossipc/when.h"

namespace gossip::client {
namespace {

struct One {
  Hash id{};
  Seq seq = 0;
  std::vector<db::Teller> tellers;  // who delivered it is the first; never empty
};

// kDone, or what was said.
int find(db::Database& db, const std::string& typed, One& one) {
  db::Found found;
  if (const int code = find_one(db, typed, found)) return code;
  one = {found.id, found.seq, db::tellers(db, found.seq)};
  return one.tellers.empty() ? fail(kNoSuch, "no message with this id", "gossipc view --json shows the ids") : kDone;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

void line(Call& call, const std::string& words) { call.out.put(shown(words) + "\n"); }

const char* how(const One& one, std::size_t i) {
  if (!one.tellers[i].delivered) return "told";
  return one.tellers[i].name == "self" ? "wrote" : "delivered";
}

}  // namespace

int status_of_message(Call& call, const std::string& typed) {
  db::Database db = open_to_read(call);
  One one;
  if (const int code = find(db, typed, one)) return code;
  std::vector<std::string> told, passed, waiting;
  for (const db::Teller& teller : one.tellers) {
    if (!teller.delivered) told.push_back(teller.name);
  }
  const std::vector<db::PeerSync> syncs = db::peer_syncs(db);
  for (const db::Peer& peer : db::list_peers(db)) {
    const db::PeerSync* sync = sync_of(syncs, peer.id);
    (sync && sync->acked >= one.seq ? passed : waiting).push_back(peer.name);
  }
  const std::size_t all = passed.size() + waiting.size();
  const db::Teller& first = one.tellers[0];
  const std::optional<db::Shown> message = db::read_message(db, one.seq);
  const bool kept = message && message->kept;
  if (call.options.has(kJson)) {
    db::JsonObject out(db);
    out.text("id", to_hex(one.id)).integer("heard_ms", first.at_ms).text("delivered_by", first.name);
    out.integer("friends", static_cast<std::int64_t>(all)).integer("passed", static_cast<std::int64_t>(passed.size()));
    out.texts("passed_by", passed).texts("waiting", waiting).texts("told_by", told).boolean("kept", kept);
    call.out.put(shown(out.take(), Show::kJson) + "\n");
    return kDone;
  }
  line(call, "heard " + format_utc(first.at_ms) + ", delivered by " + first.name + (kept ? "" : "; the text is no longer kept"));
  if (!told.empty()) line(call, "told of by " + joined(told));
  line(call, std::to_string(passed.size()) + " of " + std::to_string(all) + " friends have passed it" +
                 (passed.empty() ? "" : ": " + joined(passed)));
  if (!waiting.empty()) line(call, "not yet: " + joined(waiting));
  return kDone;
}

int who(Call& call) {
  if (!call.options.has(kId)) return fail(kUsage, "who needs a message's id", "gossipc view --json shows the ids");
  db::Database db = open_to_read(call);
  One one;
  if (const int code = find(db, call.options.value(kId), one)) return code;
  for (std::size_t i = 0; i < one.tellers.size(); ++i) {
    const db::Teller& teller = one.tellers[i];
    if (call.options.has(kJson)) {
      db::JsonObject out(db);
      out.text("id", to_hex(one.id)).integer("place", static_cast<std::int64_t>(i + 1)).text("peer", teller.name);
      out.text("how", how(one, i)).integer("at_ms", teller.at_ms);
      call.out.put(shown(out.take(), Show::kJson) + "\n");
    } else {
      line(call, format_utc(teller.at_ms) + "|" + teller.name + "|" + how(one, i));
    }
  }
  return kDone;
}

}  // namespace gossip::client
