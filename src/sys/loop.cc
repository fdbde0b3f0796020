#include "sys/loop.h"

#include <cerrno>

#include "sys/error.h"

namespace gossip::sys {

std::size_t Poller::add(int fd, bool read, bool write) {
  auto events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  set_.push_back({events ? fd : -1, events, 0});
  return set_.size() - 1;
}

void Poller::wait(std::int64_t timeout_us) {
  for (auto& entry : set_) entry.revents = 0;
  timespec limit{static_cast<time_t>(timeout_us / 1'000'000), static_cast<long>(timeout_us % 1'000'000) * 1000};
  if (::ppoll(set_.data(), set_.size(), timeout_us < 0 ? nullptr : &limit, nullptr) >= 0) return;
  if (errno != EINTR) fail("poll");
  for (auto& entry : set_) entry.revents = 0;
}

}  // namespace gossip::sys
