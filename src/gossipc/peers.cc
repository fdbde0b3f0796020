#include "gossipc/friends.h"
#include "gossipc/store.h"
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
    call.out.put((call.options.has(kJson) ? friend_json(db, peer, view, sync_of(syncs, peer.id)) : friend_line(peer, view)) + "\n");
  }
  if (all.empty() && !call.quiet()) note("no friends yet; gossipc add-peer makes one");
  return kDone;
}

}  // namespace gossip::client
