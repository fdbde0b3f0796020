#include "core/dialler.h"

#include <algorithm>

#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip {

constexpr Micros kLongestWait = kMinute;            // within a day of the last success or change
constexpr Micros kLongestWaitLater = 5 * kMinute;
constexpr Micros kRecently = 24 * kHour;
constexpr Micros kOutageWindow = kMinute;
constexpr Micros kOutageRetry = 30 * kSecond;
constexpr std::size_t kOutageFriends = 3;           // with fewer, "more than half of them" says nothing about us
constexpr Micros kSteady = 10 * kSecond;            // a session that lasted so long was no failure
constexpr Micros kSpread = 50 * kMillisecond;       // per friend, at start; at most kLongestSpread
constexpr Micros kLongestSpread = 5 * kSecond;

Micros Dialler::jitter(Micros wait) { return wait * static_cast<Micros>(800 + rng_.below(401)) / 1000; }

// Each try anew is no news: only a change of state or reason is told.
void Dialler::become(Friend& f, Health state, const std::string& reason) {
  f.state = state;
  if (state == Health::kDialling || (f.told && *f.told == reason)) return;
  f.told = reason;
  notes_.push_back(Note{f.info.peer, true, state, reason});
}

void Dialler::set_peers(Now now, const std::vector<PeerInfo>& peers) {
  std::map<PeerId, Friend> next;
  const Micros spread = std::min(kLongestSpread, kSpread * static_cast<Micros>(peers.size()));
  for (const PeerInfo& info : peers) {
    auto old = friends_.find(info.peer);
    const bool fresh = old == friends_.end() || old->second.info.gen != info.gen;
    const bool changed = fresh || old->second.info.address_stamp != info.address_stamp;
    Friend f;
    if (!fresh) f = old->second;
    f.info = info;
    if (changed) {
      f.failures = 0;
      f.since = now.mono;
      f.next = now.mono + static_cast<Micros>(rng_.below(static_cast<std::uint64_t>(spread)));
    }
    next.emplace(info.peer, std::move(f));
  }
  friends_ = std::move(next);
  dialling_ = static_cast<std::size_t>(std::count_if(friends_.begin(), friends_.end(), [&](auto& f) { return dialling(f.second); }));
  reckon();
}

void Dialler::up(Now now, PeerId peer) {
  auto it = friends_.find(peer);
  if (it == friends_.end()) return;
  Friend& f = it->second;
  if (dialling(f)) --dialling_;
  f.redial = false;
  f.up_at = f.since = now.mono;
  f.next = now.mono + kSessionAge;
  outage_ = false;
  become(f, Health::kUp, "");
  reckon();
}

void Dialler::down(Now now, PeerId peer, const std::string& why) {
  auto it = friends_.find(peer);
  if (it == friends_.end() || it->second.state != Health::kUp) return;
  Friend& f = it->second;
  f.since = now.mono;
  const bool steady = now.mono - f.up_at >= kSteady;
  if (steady || f.failures == 0) {  // it was well: try again soon, once
    f.failures = steady ? 0 : 1;
    f.next = now.mono + jitter(std::min(kSecond, config_.fetch_interval) / 2);
  } else {
    count_failure(now, f);
  }
  if (f.redial) f.next = now.mono + kHour;       // a dial is under way; its end says when
  become(f, f.redial ? Health::kDialling : Health::kWaiting, why);
  f.redial = false;
  reckon();
}

void Dialler::failed(Now now, PeerId peer, const std::string& why) {
  auto it = friends_.find(peer);
  if (it == friends_.end() || !dialling(it->second)) return;
  Friend& f = it->second;
  --dialling_;
  if (f.redial) {  // the old session goes on
    f.redial = false;
    f.next = now.mono + kHour;
  } else {
    count_failure(now, f);
    become(f, Health::kWaiting, why);
  }
  reckon();
}

void Dialler::count_failure(Now now, Friend& f) {
  f.failed_at = now.mono;
  outage_ = own_outage(now);
  if (outage_) {
    f.next = now.mono + jitter(kOutageRetry);
    return;
  }
  const Micros longest = now.mono - f.since < kRecently ? kLongestWait : kLongestWaitLater;
  Micros wait = config_.fetch_interval;
  for (unsigned i = 0; i < f.failures && wait < longest; ++i) wait += wait / 2;
  if (wait < longest) ++f.failures;
  f.next = now.mono + jitter(std::min(wait, longest));
}

// More than half of all friends failing within a minute, and none up, is our own network.
bool Dialler::own_outage(Now now) const {
  std::size_t failing = 0, all = 0;
  for (const auto& [peer, f] : friends_) {
    if (!f.info.dialable) continue;
    if (f.state == Health::kUp) return false;
    ++all;
    failing += f.failed_at && now.mono - *f.failed_at < kOutageWindow;
  }
  return all >= kOutageFriends && 2 * failing > all;
}

void Dialler::heard_from(Now now, PeerId peer) {
  auto it = friends_.find(peer);
  if (it == friends_.end() || it->second.state != Health::kWaiting) return;
  it->second.failures = 0;
  it->second.next = now.mono;
  outage_ = false;
  reckon();
}

void Dialler::clear(Now now) {
  for (auto& [peer, f] : friends_) {
    if (f.state == Health::kWaiting) heard_from(now, peer);
  }
}

std::optional<PeerId> Dialler::due(Now now) {
  if (!next_ || now.mono < *next_) return std::nullopt;
  Friend* first = nullptr;
  for (auto& [peer, f] : friends_) {
    if (f.info.dialable && !dialling(f) && now.mono >= f.next && (!first || f.next < first->next)) first = &f;
  }
  GOSSIP_CHECK(first != nullptr);
  ++dialling_;
  next_slot_ = now.mono + kDialSpacing;
  if (first->state == Health::kUp) {
    first->redial = true;
  } else {
    become(*first, Health::kDialling, "");
  }
  reckon();
  return first->info.peer;
}

void Dialler::reckon() {
  next_.reset();
  if (dialling_ >= kDialsAtOnce) return;
  for (const auto& [peer, f] : friends_) {
    if (f.info.dialable && !dialling(f)) next_ = earlier(next_, f.next);
  }
  if (next_) next_ = std::max(*next_, next_slot_);
}

bool Dialler::next_note(Note& out) {
  if (notes_.empty()) return false;
  out = std::move(notes_.front());
  notes_.erase(notes_.begin());
  return true;
}

}  // namespace gossip
