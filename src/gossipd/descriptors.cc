#include "gossipd/descriptors.h"

#include <algorithm>

#include "sys/fd.h"

namespace gossip::daemon {
namespace {

constexpr std::size_t kEnough = 64;  // places at the gate before friends have all they may need

}  // namespace

Room room_in(unsigned long descriptors) {
  const std::size_t left = descriptors - std::min<unsigned long>(descriptors, kOwnFiles);
  const std::size_t at_least = std::max(kFewest, std::min(kEnough, left / 4));
  Room room;
  room.callers = std::min(kCallers, std::max(at_least, left - std::min(left, kMaxPeers)));
  room.sessions = std::min(kMaxPeers, left - std::min(left, room.callers));
  return room;
}

Room make_room() { return room_in(sys::raise_descriptor_limit(kDescriptors)); }

std::string shortage(unsigned long descriptors) {
  if (descriptors >= kDescriptors) return {};
  const Room room = room_in(descriptors);
  std::string words = "room for " + std::to_string(room.sessions) + " sessions each way";
  if (room.sessions < kMaxPeers) words += ", not " + std::to_string(kMaxPeers);
  words += ", and for " + std::to_string(room.callers) + " callers";
  if (room.callers < kCallers) words += ", not " + std::to_string(kCallers);
  return words + ": raise the hard limit of open files, ulimit -Hn, from " + std::to_string(descriptors) + " to " + std::to_string(kDescriptors);
}

}  // namespace gossip::daemon
