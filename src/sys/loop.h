// Poller: waits until descriptors are ready. A few are named anew each turn; a crowd is kept between turns, so that a turn costs
// what is ready in it and not what there is.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sys/fd.h"

namespace gossip::sys {

struct Interest {
  bool read = false, write = false;
  bool operator==(const Interest&) const = default;
};

class Poller {
 public:
  Poller();

  // --- named anew each turn, by poll(2)
  void clear() { set_.clear(); }
  // Returns a slot for readable() and writable(). A descriptor of which nothing is wanted is left out of the set, so that a
  // hang-up nobody would look at cannot make the loop spin.
  std::size_t add(int fd, bool read, bool write = false);
  bool readable(std::size_t slot) const { return set_[slot].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL); }
  bool writable(std::size_t slot) const { return set_[slot].revents & (POLLOUT | POLLHUP | POLLERR | POLLNVAL); }

  // --- kept, by epoll(7) where there is one. The caller remembers what it wants of each: nothing at first, nothing again before
  // the descriptor is closed. `tag` comes back in ready(), and is never used for two.
  void change(int fd, std::uint64_t tag, Interest from, Interest to);
  struct Ready {
    std::uint64_t tag;
    bool read, write;  // a hang-up is both
  };
  std::span<const Ready> ready() const { return ready_; }  // after wait(); of very many some come in the next turn

  // Until something is ready or `timeout_us` has passed (negative: no limit). A signal ends it early.
  void wait(std::int64_t timeout_us);

 private:
  bool poll_all(std::int64_t timeout_us);
  std::vector<pollfd> set_;
  std::vector<Ready> ready_;
#ifdef __linux__
  Fd kept_;
#else
  struct Kept {
    int fd;
    short events;
  };
  std::map<std::uint64_t, Kept> kept_;  // by tag
#endif
};

}  // namespace gossip::sys
