// What the limit of open files leaves to each process: sessions with friends first, then callers nobody knows yet.
#pragma once

#include <cstddef>
#include <string>

#include "gossip/gate.h"
#include "gossip/limits.h"

namespace gossip::daemon {

constexpr std::size_t kOwnFiles = 48;  // database, locks, bells, pipes, and some to spare
constexpr unsigned long kDescriptors = kOwnFiles + kMaxPeers + kCallers;  // for everybody at once, in either process

constexpr std::size_t kFewest = 16;                                       // callers, whatever the limit
constexpr unsigned long kLeastDescriptors = kOwnFiles + 2 * kFewest;      // with fewer gossipd does not start

struct Room {
  std::size_t sessions = 0;  // of one process: the worker's are those we dial, the listener's those who dial us
  std::size_t callers = 0;   // places at the gate; together with the sessions they fit, so neither takes from the other
  bool operator==(const Room&) const = default;
};
Room room_in(unsigned long descriptors);
Room make_room();  // raises the soft limit as far as it is needed and allowed, and reckons with what it is then

// What a person has to know and do where not everybody has room; else empty.
std::string shortage(unsigned long descriptors);

}  // namespace gossip::daemon
