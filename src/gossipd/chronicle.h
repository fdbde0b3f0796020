// Chronicle: what a process writes down for `gossipc status`: how each friend is doing, and counters. None of it is worth stopping
// for: where the database takes nothing now, it waits.
#pragma once

#include <map>
#include <optional>
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
  void note(Now now, PeerId peer, Health state, const std::string& reason);
  void note_attempt(Now now, PeerId peer, const std::string& reason);  // a friend who did not get as far as a session
  void count(const Counters& deltas);           // added up until they are written
  void count(const EngineStats& stats);
  void run(Now now);                            // writes what is due
  std::optional<Micros> next_deadline() const;  // only while something waits to be written
  void close();                                 // going down: nobody is up
  // One small write, for its own sake: is there room? The counters are what is written.
  bool probe();

 private:
  bool write_states();
  bool write_counters();

  db::Database& db_;
  const int side_;
  std::map<PeerId, db::PeerState> states_;
  std::map<PeerId, Health> health_;
  std::map<std::string, std::uint64_t> counters_;
  EngineStats counted_;
  std::optional<Micros> counters_at_;   // no sooner
  std::optional<Micros> retry_at_;
};

}  // namespace gossip::daemon
