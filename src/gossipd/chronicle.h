// Chronicle: what a process writes down for `gossipc status`: how each friend is doing, and counters. None of it is worth
// stopping for: where the database takes nothing now, it waits.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "db/peers.h"
#include "gossip/engine.h"

namespace gossip::daemon {

using Counters = std::vector<std::pair<std::string, std::uint64_t>>;

class Chronicle {
 public:
  // side: 0 for the process that dials, 1 for the one that is dialled. Forgets what an earlier process of that side left.
  Chronicle(db::Database& db, int side);
  void note(Now now, const Note& note);
  // A session: before its note. True when it is the friend's first post-quantum one, and peers changed: no other will do now.
  bool opened(PeerId peer, std::uint64_t gen, bool pq);
  void note_attempt(Now now, PeerId peer, Why why);  // a friend who called and did not get as far as a session
  // Forgets who is no more, or has a new key; says of the others when they were up last.
  void meet(std::vector<PeerInfo>& friends);
  void count(const Counters& deltas);           // added up until they are written
  void count(const EngineStats& stats);
  void run(Now now);                            // writes what is due
  std::optional<Micros> next_deadline() const;  // only while something waits to be written
  void close(Now now);                          // going down: nobody is up
  // One small write, for its own sake: is there room? The counters are what is written.
  bool probe();

 private:
  bool write_states(Now now);
  bool write_counters();

  db::Database& db_;
  const int side_;
  std::map<PeerId, db::PeerState> states_;  // as last noted
  std::set<PeerId> unwritten_;
  std::map<PeerId, std::int64_t> last_up_;  // as the store had it
  std::map<PeerId, std::uint64_t> gens_;
  std::map<PeerId, bool> pq_;               // of the session opened last
  bool urgent_ = false;                     // somebody is up, or is not any more
  Micros states_at_ = 0;                    // no sooner, unless it is
  std::map<std::string, std::uint64_t> counters_;
  EngineStats counted_;
  std::optional<Micros> counters_at_;   // no sooner
  std::optional<Micros> retry_at_;
};

}  // namespace gossip::daemon
