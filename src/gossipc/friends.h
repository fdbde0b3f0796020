// How a friend is, in words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "db/peers.h"
#include "gossip/health.h"

namespace gossip::client {

// What is known of one friend's sessions, by the daemon's notes.
struct FriendView {
  bool up = false;                // one of them lives
  std::string words;              // "up since 2026-01-31 14:18:55 (we called)", "not up: refused ..."
  std::int64_t since_ms = 0;      // it is so; 0: nobody knows
  Why why = Why::kNone;           // it is not up
  std::int64_t next_ms = 0;       // when the next try is due; 0: none is
  std::int64_t last_up_ms = 0;    // 0: never, with the keys of today
  unsigned failures = 0;          // in a row
  bool outage = false;            // it seems to be our own network
  bool pq = false;                // up, and post-quantum
};

// `running`: a daemon answers; without one its notes are old and count for nothing, but for when a friend was last up.
FriendView friend_view(const db::Peer& peer, const std::vector<db::PeerState>& states, bool running, std::int64_t now_ms);
std::string friend_line(const db::Peer& peer, const FriendView& view);                    // for people, sanitized
// One object. sync: null, where nothing is known.
std::string friend_json(db::Database& db, const db::Peer& peer, const FriendView& view, const db::PeerSync* sync = nullptr);
const db::PeerSync* sync_of(const std::vector<db::PeerSync>& syncs, PeerId peer);

// One line where our own network seems to be down, by what is known of all friends.
std::optional<std::string> outage_line(const std::vector<FriendView>& friends, std::int64_t now_ms);

}  // namespace gossip::client
