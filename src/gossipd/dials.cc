#include "gossipd/dials.h"

#include <algorithm>
#include <cerrno>

namespace gossip::daemon {
namespace {

constexpr Micros kEach = 10 * kSecond;   // for an address, and for the look-up of a name
constexpr Micros kInAll = 30 * kSecond;
constexpr Micros kLeast = 5 * kSecond;   // with less than this left, the rest waits for the next dial

Why why_of_fault(int fault) {
  switch (fault) {
    case ECONNREFUSED: return Why::kRefused;
    case ECONNRESET: case EPIPE: return Why::kBrokenOff;
    case EACCES: case EPERM: case EMFILE: case ENFILE: case ENOBUFS: case ENOMEM: return Why::kThisMachine;
    default: return Why::kUnreachable;
  }
}

// The later in the list of reasons, the farther the call came and the more it tells.
Why more_telling(Why a, Why b) { return std::max(a, b); }

}  // namespace

Dials::Dials(Lookups::Resolve resolve, std::size_t lookups_at_once) : lookups_(std::move(resolve), lookups_at_once) {}

void Dials::start(Now now, PeerId peer, const db::Addresses& addresses, std::size_t worked) {
  give_up(peer);
  routes_[peer].begin(addresses, worked);
  Attempt& attempt = attempts_[peer] = Attempt{};
  attempt.end = now.mono + kInAll;
  go_on(now, peer);
}

bool Dials::outdated(PeerId peer, const db::Addresses& addresses) const {
  auto route = routes_.find(peer);
  return route != routes_.end() && route->second.addresses() != addresses;
}

std::optional<db::Address> Dials::opened(PeerId peer) {
  auto route = routes_.find(peer);
  return route == routes_.end() ? std::nullopt : route->second.worked();
}

void Dials::give_up(PeerId peer) {
  attempts_.erase(peer);
  std::erase_if(outcomes_, [&](const Outcome& one) { return one.peer == peer; });
}

void Dials::drop_unless(const std::function<bool(PeerId)>& wanted) {
  std::erase_if(attempts_, [&](const auto& one) { return !wanted(one.first); });
  std::erase_if(outcomes_, [&](const Outcome& one) { return !wanted(one.peer); });
  std::erase_if(routes_, [&](const auto& one) { return !wanted(one.first); });
  lookups_.forget_unless(wanted);
}

void Dials::finish(PeerId peer, sys::Fd fd, Why why) {
  outcomes_.push_back({peer, std::move(fd), why});
  attempts_.erase(peer);
}

// Until something takes time, or nothing is left to try.
void Dials::go_on(Now now, PeerId peer) {
  Attempt& attempt = attempts_.at(peer);
  Route& route = routes_.at(peer);
  attempt.fd.reset();
  attempt.asking = attempt.watched = false;
  while (!route.done() && attempt.end - now.mono >= kLeast) {
    attempt.deadline = std::min(now.mono + kEach, attempt.end);
    if (!route.known()) {
      if (!look_up(now, peer)) return;
      continue;
    }
    int fault = 0;
    attempt.fd = sys::start_dial(route.take(), fault);
    if (attempt.fd) return;
    attempt.why = more_telling(attempt.why, why_of_fault(fault));
  }
  finish(peer, sys::Fd(), attempt.why);
}

// False: the answer is to come.
bool Dials::look_up(Now now, PeerId peer) {
  Route& route = routes_.at(peer);
  const db::Address& place = route.place();
  if (auto number = sys::Address::parse(place.host, place.port)) {
    route.know({*number});
  } else if (auto numbers = lookups_.ask(now, peer, place)) {
    route.know(*numbers);
  } else {
    attempts_.at(peer).asking = true;
    return false;
  }
  return true;
}

void Dials::found(Now now, Lookups::Answer& answer) {
  const PeerId peer = answer.peer;
  auto attempt = attempts_.find(peer);
  const bool asking = attempt != attempts_.end() && attempt->second.asking;
  if (!asking || routes_.at(peer).place() != answer.name) {
    lookups_.keep(now, std::move(answer));
    if (asking) look_up(now, peer);  // another name's turn
    return;
  }
  routes_.at(peer).know(answer.numbers);
  go_on(now, peer);
}

void Dials::watch(sys::Poller& poller) {
  lookups_slot_ = poller.add(lookups_.fd(), true);
  for (auto& [peer, attempt] : attempts_) {
    attempt.watched = static_cast<bool>(attempt.fd);
    if (attempt.watched) attempt.slot = poller.add(attempt.fd.get(), false, true);
  }
}

void Dials::look(const sys::Poller& poller, Now now) {
  if (poller.readable(lookups_slot_))
    for (auto answer = lookups_.take(); answer; answer = lookups_.take()) found(now, *answer);
  std::vector<PeerId> all;
  for (const auto& [peer, attempt] : attempts_) all.push_back(peer);
  for (PeerId peer : all) {
    Attempt& attempt = attempts_.at(peer);
    if (attempt.watched && poller.writable(attempt.slot)) {
      const int fault = sys::dial_fault(attempt.fd.get());
      if (fault == 0) {
        finish(peer, std::move(attempt.fd), Why::kNone);
        continue;
      }
      attempt.why = more_telling(attempt.why, why_of_fault(fault));
    } else if (now.mono < attempt.deadline) {
      continue;
    } else if (attempt.asking) {
      routes_.at(peer).know({});
    } else {
      attempt.why = more_telling(attempt.why, Why::kUnreachable);
    }
    go_on(now, peer);
  }
}

std::optional<Micros> Dials::next_deadline() const {
  std::optional<Micros> at;
  for (const auto& [peer, attempt] : attempts_) at = earlier(at, attempt.deadline);
  if (!outcomes_.empty()) at = 0;
  return at;
}

bool Dials::next(Outcome& out) {
  if (outcomes_.empty()) return false;
  out = std::move(outcomes_.front());
  outcomes_.pop_front();
  return true;
}

}  // namespace gossip::daemon
