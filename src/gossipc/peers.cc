#include "gossipc/friends.h"
#include "gossipc/store.h"
#include "gossipc/wrap.h"
#include "sys/clock.h"

namespace gossip::client {

int peers(Call& call) {
  db::Database db = open_to_read(call);
  const std::vector<db::Peer> all = db::list_peers(db);
  const std::vector<db::PeerState> states = db::peer_states(db);
  const std::vector<db::PeerSync> syncs = db::peer_syncs(db);
  const bool running = ring(call);
  const std::int64_t now_ms = sys::wall_ms();
  for (const db::Peer& peer : all) {
    const FriendView view = friend_view(peer, states, running, now_ms);
    if (call.options.has(kJson)) {
      call.out.put(friend_json(db, peer, view, sync_of(syncs, peer.id)) + "\n");
    } else {
      call.out.put(folded_for(call.out.fd(), friend_line(peer, view), 4) + "\n");
    }
  }
  if (all.empty() && !call.quiet()) note("no friends yet; gossipc invite makes one, or gossipc join");
  return kDone;
}

}  // namespace gossip::client
