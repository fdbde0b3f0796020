// How a friend is, in words.
#pragma once

#include <string>
#include <vector>

#include "db/peers.h"

namespace gossip::client {

// What is known of one friend's sessions. up: one of them lives; since when, by the daemon's notes.
struct FriendView {
  bool up = false;
  std::string words;  // "up since 2026-01-31 14:18:55 (we called)", "no key from them yet", ...
  std::int64_t since_ms = 0;
};

// `running`: a daemon answers; without one its notes are old and count for nothing.
FriendView friend_view(const db::Peer& peer, const std::vector<db::PeerState>& states, bool running);
std::string friend_line(const db::Peer& peer, const FriendView& view);                    // for people, sanitized
std::string friend_json(db::Database& db, const db::Peer& peer, const FriendView& view);  // one object

}  // namespace gossip::client
