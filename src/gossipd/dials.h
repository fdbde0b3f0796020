// Dials: connections being made. A dial tries the addresses of one friend in turn, each for at most 10 s, and takes no more than
// 30 s in all; where that was too short for all of them, the friend's next dial goes on with those left (Route). Names are looked
// up beside the loop (Lookups), and numeric hosts pass that by.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gossip/health.h"
#include "gossip/limits.h"
#include "gossipd/lookups.h"
#include "gossipd/route.h"
#include "sys/loop.h"

namespace gossip::daemon {

class Dials {
 public:
  explicit Dials(Lookups::Resolve resolve = sys::resolve, std::size_t lookups_at_once = kDialsAtOnce);
  // `worked`: the address to begin with, where these addresses are new here. A dial of the same friend under way is given up.
  void start(Now now, PeerId peer, const db::Addresses& addresses, std::size_t worked);
  // The friend was dialled at other addresses than these.
  bool outdated(PeerId peer, const db::Addresses& addresses) const;
  bool under_way(PeerId peer) const { return attempts_.contains(peer); }
  std::size_t under_way() const { return attempts_.size(); }
  void give_up(PeerId peer);                                    // no outcome is told
  void drop_unless(const std::function<bool(PeerId)>& wanted);  // the same for others, who are forgotten
  // A session opened over what connected last: that address, which is the first from now on.
  std::optional<db::Address> opened(PeerId peer);

  void watch(sys::Poller& poller);
  void look(const sys::Poller& poller, Now now);
  std::optional<Micros> next_deadline() const;

  struct Outcome {
    PeerId peer = 0;
    sys::Fd fd;            // connected, or
    Why why = Why::kNone;  // not: of the address that failed in the most telling way
  };
  bool next(Outcome& out);

 private:
  struct Attempt {
    bool asking = false;       // for the numbers of a name
    sys::Fd fd;                // connecting
    Micros deadline = 0, end = 0;
    std::size_t slot = 0;
    bool watched = false;
    Why why = Why::kNameNotFound;
  };
  void go_on(Now now, PeerId peer);
  bool look_up(Now now, PeerId peer);
  void found(Now now, Lookups::Answer& answer);
  void finish(PeerId peer, sys::Fd fd, Why why);

  std::map<PeerId, Attempt> attempts_;
  std::map<PeerId, Route> routes_;
  std::deque<Outcome> outcomes_;
  Lookups lookups_;
  std::size_t lookups_slot_ = 0;
};

}  // namespace gossip::daemon
