#include "sys/loop.h"

#ifdef __linux__
#include <sys/epoll.h>

#include <array>
#endif

#include <cerrno>

#include "sys/error.h"

namespace gossip::sys {

std::size_t Poller::add(int fd, bool read, bool write) {
  auto events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  set_.push_back({events ? fd : -1, events, 0});
  return set_.size() - 1;
}

// False when a signal came first: nothing is ready then.
bool Poller::poll_all(std::int64_t timeout_us) {
  for (auto& entry : set_) entry.revents = 0;
  timespec limit{static_cast<time_t>(timeout_us / 1'000'000), static_cast<long>(timeout_us % 1'000'000) * 1000};
  if (::ppoll(set_.data(), set_.size(), timeout_us < 0 ? nullptr : &limit, nullptr) >= 0) return true;
  if (errno != EINTR) fail("poll");
  for (auto& entry : set_) entry.revents = 0;
  return false;
}

#ifdef __linux__

Poller::Poller() : kept_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!kept_) fail("epoll_create1");
}

void Poller::change(int fd, std::uint64_t tag, Interest from, Interest to) {
  if (from == to) return;
  epoll_event event{};
  event.events = (to.read ? unsigned{EPOLLIN} : 0U) | (to.write ? unsigned{EPOLLOUT} : 0U);
  event.data.u64 = tag;
  const int how = from == Interest{} ? EPOLL_CTL_ADD : to == Interest{} ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (::epoll_ctl(kept_.get(), how, fd, &event) != 0) fail("epoll_ctl");
}

// The kept set is one more descriptor among those of the turn. Rationale: epoll_wait() alone counts milliseconds, and knows nothing
// of what is named anew.
void Poller::wait(std::int64_t timeout_us) {
  ready_.clear();
  const std::size_t slot = add(kept_.get(), true);
  const bool some = poll_all(timeout_us) && readable(slot);
  set_.pop_back();
  if (!some) return;
  std::array<epoll_event, 256> events;
  const int n = ::epoll_wait(kept_.get(), events.data(), static_cast<int>(events.size()), 0);
  if (n < 0 && errno != EINTR) fail("epoll_wait");
  for (int i = 0; i < n; ++i) {
    const epoll_event& one = events[static_cast<std::size_t>(i)];
    const bool hung_up = one.events & (EPOLLHUP | EPOLLERR);
    ready_.push_back({one.data.u64, hung_up || (one.events & EPOLLIN), hung_up || (one.events & EPOLLOUT)});
  }
}

#else

Poller::Poller() = default;

void Poller::change(int fd, std::uint64_t tag, Interest, Interest to) {
  kept_.erase(tag);
  if (to != Interest{}) kept_[tag] = {fd, static_cast<short>((to.read ? POLLIN : 0) | (to.write ? POLLOUT : 0))};
}

void Poller::wait(std::int64_t timeout_us) {
  ready_.clear();
  const std::size_t named = set_.size();
  for (const auto& [tag, one] : kept_) set_.push_back({one.fd, one.events, 0});
  poll_all(timeout_us);
  std::size_t slot = named;
  for (const auto& [tag, one] : kept_) {
    if (set_[slot].revents) ready_.push_back({tag, readable(slot), writable(slot)});
    ++slot;
  }
  set_.resize(named);
}

#endif

}  // namespace gossip::sys
