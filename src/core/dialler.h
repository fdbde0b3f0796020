// Dialler: when each friend is dialled, and how a friend is doing (gossip(7), DIALLING). Every friend has its own clock; a dead
// one delays nobody: a slot is kept for those who were well a moment ago, and who was not goes behind who was.
//
//   WAITING --due--> DIALLING --link up--> UP --link down--> WAITING
//                        '------ failed -----------------------^
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "gossip/engine.h"

namespace gossip {

class Dialler {
 public:
  Dialler(const EngineConfig& config, Rng& rng) : config_(config), rng_(rng) {}

  void set_peers(Now now, const std::vector<PeerInfo>& peers);  // nobody is kept where config.dials is false
  void up(Now now, PeerId peer);                            // our session to the friend is open
  void down(Now now, PeerId peer, Why why);
  void failed(Now now, PeerId peer, Why why);
  void inbound(Now now, PeerId peer, bool up);              // the friend's own session to us, in either process
  void put_off(Now now, PeerId peer, Micros until);         // what it sent made us crash. REQUIRES that it is not up
  void clear(Now now);                                      // everybody who waits, soon; nobody is put off any more

  std::optional<PeerId> due(Now now);                       // at most one to dial; call until there is none
  std::optional<Micros> next_deadline() const { return next_; }
  bool next_note(Note& out);

 private:
  struct Friend {
    PeerInfo info;
    Health state = Health::kWaiting;
    Why why = Why::kNone;                // it is not up
    bool redial = false;                 // up, and a newer session is being opened
    bool inbound = false;                // their session is up
    bool known = false;                  // was up, or heard from, since we started
    unsigned failures = 0;               // in a row, that count: our own outage is left out
    unsigned misses = 0;                 // in a row, all of them
    Micros next = 0;                     // when to dial,
    Micros not_before = 0;               // and not before
    Micros since = 0;                    // last success, or when address or key last changed
    Micros up_at = 0;
    std::optional<Micros> failed_at;
    bool answered = false;               // by somebody, then
    bool again = false;                  // they came up while we were dialling: a call begun before says nothing
    bool put_off = false;                // because of our own outage, and not of anything of its own
    std::optional<Note> told;
  };

  Friend* find(PeerId peer);
  void spread(Now now, const std::vector<PeerId>& fresh, std::size_t all);
  void tell(Now now, Friend& f);
  void count_failure(Now now, Friend& f, bool answered);
  Micros back_off(Now now, const Friend& f);
  bool own_outage(Now now) const;
  void set_outage(Now now, bool outage);
  unsigned rank(const Friend& f) const;
  bool may_dial(const Friend& f) const;
  Micros due_at(const Friend& f) const { return std::max(f.next, f.not_before); }
  bool dialling(const Friend& f) const { return f.state == Health::kDialling || f.redial; }
  void reckon();  // next_, after anything changed
  Micros jitter(Micros wait);

  const EngineConfig config_;
  Rng& rng_;
  std::map<PeerId, Friend> friends_;
  std::deque<Note> notes_;
  std::size_t dialling_ = 0;
  Micros next_slot_ = 0;
  std::optional<Micros> next_;
  bool outage_ = false;
};

}  // namespace gossip
