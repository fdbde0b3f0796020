#include "gossipc/friends.h"

#include <algorithm>

#include "db/json.h"
#include "gossip/text.h"
#include "gossipc/address.h"
#include "gossipc/when.h"

namespace gossip::client {
namespace {

const db::PeerState* side_of(const std::vector<db::PeerState>& states, PeerId peer, int side) {
  for (const db::PeerState& state : states) {
    if (state.peer == peer && state.side == side) return &state;
  }
  return nullptr;
}

bool is_up(const db::PeerState* state) { return state && state->state == "up"; }

FriendView up_view(const db::PeerState* ours, const db::PeerState* theirs) {
  FriendView view{true, "", 0};
  if (is_up(ours) && is_up(theirs)) {
    view.since_ms = std::min(ours->since_ms, theirs->since_ms);
    view.words = "up since " + format_utc(view.since_ms) + " (both called)";
  } else {
    view.since_ms = (is_up(ours) ? ours : theirs)->since_ms;
    view.words = "up since " + format_utc(view.since_ms) + (is_up(ours) ? " (we called)" : " (they called)");
  }
  return view;
}

}  // namespace

FriendView friend_view(const db::Peer& peer, const std::vector<db::PeerState>& states, bool running) {
  if (peer.pub.empty()) return {false, "no key from them yet", 0};
  if (!running) return {false, "unknown, the daemon is not running", 0};
  const db::PeerState* ours = side_of(states, peer.id, 0);
  const db::PeerState* theirs = side_of(states, peer.id, 1);
  if (is_up(ours) || is_up(theirs)) return up_view(ours, theirs);
  const db::PeerState* last = peer.host.empty() ? theirs : ours;
  FriendView view{false, peer.host.empty() ? "waiting for their call" : "not called yet", 0};
  if (!last) return view;
  view.since_ms = last->since_ms;
  if (!peer.host.empty()) view.words = "down";
  if (!last->reason.empty()) view.words += ", " + last->reason;
  view.words += ", since " + format_utc(last->since_ms);
  return view;
}

std::string friend_line(const db::Peer& peer, const FriendView& view) {
  return shown(peer.name + " at " + address_words(peer.host, peer.port) + ": " + view.words);
}

std::string friend_json(db::Database& db, const db::Peer& peer, const FriendView& view) {
  db::JsonObject out(db);
  out.text("name", peer.name);
  if (peer.host.empty()) {
    out.null("host").null("port");
  } else {
    out.text("host", peer.host).integer("port", peer.port);
  }
  out.boolean("key_set", !peer.pub.empty()).boolean("up", view.up).text("state", view.words);
  view.since_ms > 0 ? out.integer("since_ms", view.since_ms) : out.null("since_ms");
  return shown(out.take(), Show::kJson);
}

}  // namespace gossip::client
