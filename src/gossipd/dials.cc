#include "gossipd/dials.h"

#include <algorithm>

namespace gossip::daemon {
namespace {

constexpr Micros kConnect = 10 * kSecond;     // for each address
constexpr Micros kLookUp = 30 * kSecond;
constexpr std::size_t kAddresses = 4;         // of one name

}  // namespace

Dials::Dials(Resolve resolve)
    : resolver_([resolve = std::move(resolve)](const Query& q) { return Found{q, resolve(q.host, q.port)}; }) {}

void Dials::start(Now now, PeerId peer, const std::string& host, int port) {
  Attempt& attempt = attempts_[peer] = Attempt{};
  if (auto address = sys::Address::parse(host, port)) {
    attempt.rest.push_back(*address);
    next_address(now, peer);
    return;
  }
  attempt.wanted = Query{peer, host, port};
  attempt.deadline = now.mono + kLookUp;
  look_up(now, peer);
}

// One question for each friend at a time, and an answer that comes too late serves the next dial. Rationale: if each dial asked
// anew, those who gave up waiting would fill the queue before those who wait, and no answer would ever be in time.
void Dials::look_up(Now now, PeerId peer) {
  const Query& wanted = *attempts_.at(peer).wanted;
  if (asked_.contains(peer)) return;
  auto late = late_.extract(peer);
  if (late && late.mapped().query == wanted) return use(now, late.mapped());
  asked_.insert(peer);
  resolver_.post(wanted);
}

void Dials::found(Now now, Found& answer) {
  const PeerId peer = answer.query.peer;
  asked_.erase(peer);
  auto attempt = attempts_.find(peer);
  if (attempt == attempts_.end() || !attempt->second.wanted) {
    if (!answer.addresses.empty()) late_[peer] = std::move(answer);
  } else if (*attempt->second.wanted == answer.query) {
    use(now, answer);
  } else {
    look_up(now, peer);  // the host was changed meanwhile
  }
}

void Dials::use(Now now, Found& answer) {
  Attempt& attempt = attempts_.at(answer.query.peer);
  attempt.wanted.reset();
  if (answer.addresses.size() > kAddresses) answer.addresses.resize(kAddresses);
  attempt.rest.assign(answer.addresses.begin(), answer.addresses.end());
  next_address(now, answer.query.peer);
}

void Dials::drop_unless(const std::function<bool(PeerId)>& wanted) {
  std::erase_if(attempts_, [&](const auto& one) { return !wanted(one.first); });
  std::erase_if(late_, [&](const auto& one) { return !wanted(one.first); });
}

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
  for (auto answer = resolver_.take(); answer; answer = resolver_.take()) found(now, *answer);
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
