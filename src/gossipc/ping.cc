#include <poll.h>

#include "db/json.h"
#include "db/ping.h"
#include "gossip/text.h"
#include "gossipc/friends.h"
#include "gossipc/store.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr Micros kPatience = 10 * kSecond;
constexpr int kLookAgainMs = 10;

// Nothing: no answer in time.
std::optional<std::int64_t> await_answer(db::Database& db, std::int64_t id) {
  const Micros until = sys::mono_us() + kPatience;
  for (;;) {
    if (const auto took = db::ping_answer(db, id)) return took;
    if (sys::mono_us() >= until) return std::nullopt;
    ::poll(nullptr, 0, kLookAgainMs);
  }
}

std::string milliseconds(std::int64_t us) {
  const std::string thousandths = std::to_string(1000 + us % 1000);
  return std::to_string(us / 1000) + "." + thousandths.substr(1) + " ms";
}

}  // namespace

int ping(Call& call) {
  const std::string& name = call.options.value(kName);
  if (name.empty()) return fail(kUsage, "ping needs a friend's name", "gossipc ping NAME");
  db::Database db = open_to_write(call, false);
  const std::optional<db::Peer> peer = db::find_peer(db, name);
  if (!peer) return no_such_peer(db, name);
  if (!ring(call)) return fail(kNoDaemon, "the daemon is not running, or it cannot be reached beside the database", "start gossipd");
  const FriendView view = friend_view(*peer, db::peer_states(db), true, sys::wall_ms());
  if (!view.up) return fail(kNothing, "no session with " + peer->name, peer->name + " is " + view.words);

  const std::int64_t id = db::ask_ping(db, peer->id, sys::wall_ms());
  ring(call);
  const std::optional<std::int64_t> took = await_answer(db, id);
  db::forget_ping(db, id);
  if (!took) return fail(kTimedOut, "no answer from " + peer->name + " within 10 s", "gossipc status says how the session is");
  if (call.options.has(kJson)) {
    call.out.put(shown(db::JsonObject(db).text("peer", peer->name).integer("round_trip_us", *took).take(), Show::kJson) + "\n");
  } else {
    call.out.put(peer->name + " answered in " + milliseconds(*took) + "\n");
  }
  return kDone;
}

}  // namespace gossip::client
