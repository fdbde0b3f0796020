#include "gossipd/dials.h"

#include <algorithm>

namespace gossip::daemon {
namespace {

constexpr Micros kConnect = 10 * kSecond;     // for each address
constexpr Micros kLookUp = 30 * kSecond;
constexpr std::size_t kAddresses = 4;         // of one name

}  // namespace

Dials::Dials() : resolver_([](const Query& q) { return Found{q.ticket, q.peer, sys::resolve(q.host, q.port)}; }) {}

void Dials::start(Now now, PeerId peer, const std::string& host, int port) {
  Attempt& attempt = attempts_[peer] = Attempt{};
  if (auto address = sys::Address::parse(host, port)) {
    attempt.rest.push_back(*address);
    next_address(now, peer);
    return;
  }
  attempt.ticket = ++tickets_;
  attempt.deadline = now.mono + kLookUp;
  resolver_.post({attempt.ticket, peer, host, port});
}

void Dials::drop(PeerId peer) { attempts_.erase(peer); }

std::vector<PeerId> Dials::peers() const {
  std::vector<PeerId> out;
  for (const auto& [peer, attempt] : attempts_) out.push_back(peer);
  return out;
}

void Dials::fail(PeerId peer, const char* why) {
  outcomes_.push_back({peer, sys::Fd(), why});
  attempts_.erase(peer);
}

void Dials::next_address(Now now, PeerId peer) {
  Attempt& attempt = attempts_.at(peer);
  attempt.watched = false;
  while (!attempt.rest.empty()) {
    int fault = 0;
    attempt.fd = sys::start_dial(attempt.rest.front(), fault);
    attempt.rest.pop_front();
    attempt.deadline = now.mono + kConnect;
    if (attempt.fd) return;
    attempt.why = sys::dial_words(fault);
  }
  fail(peer, attempt.why);
}

void Dials::watch(sys::Poller& poller) {
  resolver_slot_ = poller.add(resolver_.fd(), true);
  for (auto& [peer, attempt] : attempts_) {
    attempt.watched = static_cast<bool>(attempt.fd);
    if (attempt.watched) attempt.slot = poller.add(attempt.fd.get(), false, true);
  }
}

void Dials::look(const sys::Poller& poller, Now now) {
  for (PeerId peer : peers()) {
    Attempt& attempt = attempts_.at(peer);
    if (attempt.watched && poller.writable(attempt.slot)) {
      int fault = sys::dial_fault(attempt.fd.get());
      if (fault == 0) {
        outcomes_.push_back({peer, std::move(attempt.fd), ""});
        attempts_.erase(peer);
        continue;
      }
      attempt.why = sys::dial_words(fault);
      next_address(now, peer);
    } else if (now.mono >= attempt.deadline) {
      attempt.why = attempt.fd ? "silent" : "name not found";
      next_address(now, peer);
    }
  }
  if (!poller.readable(resolver_slot_)) return;
  for (auto found = resolver_.take(); found; found = resolver_.take()) {
    auto attempt = attempts_.find(found->peer);
    if (attempt == attempts_.end() || attempt->second.ticket != found->ticket || attempt->second.fd) continue;
    std::size_t n = std::min(found->addresses.size(), kAddresses);
    attempt->second.rest.assign(found->addresses.begin(), found->addresses.begin() + static_cast<std::ptrdiff_t>(n));
    next_address(now, found->peer);
  }
}

std::optional<Micros> Dials::next_deadline() const {
  std::optional<Micros> at;
  for (const auto& [peer, attempt] : attempts_) at = at ? std::min(*at, attempt.deadline) : attempt.deadline;
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
