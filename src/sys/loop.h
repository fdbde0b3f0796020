// Poller: poll(2) over a set that is named anew each turn.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gossip::sys {

class Poller {
 public:
  void clear() { set_.clear(); }
  // Returns a slot for readable() and writable(). A descriptor of which nothing is wanted is left out of the set, so that a
  // hang-up nobody would look at cannot make the loop spin.
  std::size_t add(int fd, bool read, bool write = false);
  // Until something is ready or `timeout_us` has passed (negative: no limit). A signal ends it early.
  void wait(std::int64_t timeout_us);
  bool readable(std::size_t slot) const { return set_[slot].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL); }
  bool writable(std::size_t slot) const { return set_[slot].revents & (POLLOUT | POLLHUP | POLLERR | POLLNVAL); }

 private:
  std::vector<pollfd> set_;
};

}  // namespace gossip::sys
