// Dialler: when each friend is dialled, and how a friend is doing (gossip(7), DIALLING). Every friend has its own clock; a dead
// one delays nobody.
//
//   WAITING --due--> DIALLING --link up--> UP --link down--> WAITING
//                        '------ failed -----------------------^
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gossip/engine.h"

namespace gossip {

class Dialler {
 public:
  Dialler(const EngineConfig& config, Rng& rng) : config_(config), rng_(rng) {}

  void set_peers(Now now, const std::vector<PeerInfo>& peers);
  void up(Now now, PeerId peer);                            // our session to the friend is open
  void down(Now now, PeerId peer, const std::string& why);
  void failed(Now now, PeerId peer, const std::string& why);
  void heard_from(Now now, PeerId peer);                    // the friend's own session came up: it is there
  void clear(Now now);                                      // everybody who waits, soon

  std::optional<PeerId> due(Now now);                       // at most one to dial; call until there is none
  std::optional<Micros> next_deadline() const { return next_; }
  bool next_note(Note& out);

 private:
  struct Friend {
    PeerInfo info;
    Health state = Health::kWaiting;
    bool redial = false;                 // up, and a newer session is being opened
    unsigned failures = 0;
    Micros next = 0;                     // when to dial
    Micros since = 0;                    // last success, or when address or key last changed
    Micros up_at = 0;
    std::optional<Micros> failed_at;
    std::optional<std::string> told;     // the reason in the last note; empty: up
  };

  void become(Friend& f, Health state, const std::string& reason);
  void count_failure(Now now, Friend& f);
  bool own_outage(Now now) const;
  void reckon();  // next_, after anything changed
  bool dialling(const Friend& f) const { return f.state == Health::kDialling || f.redial; }
  Micros jitter(Micros wait);

  const EngineConfig config_;
  Rng& rng_;
  std::map<PeerId, Friend> friends_;
  std::vector<Note> notes_;
  std::size_t dialling_ = 0;
  Micros next_slot_ = 0;
  std::optional<Micros> next_;
  bool outage_ = false;
};

}  // namespace gossip
