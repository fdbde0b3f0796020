#include "gossip/gate.h"

#include <utility>

#include "gossip/check.h"

namespace gossip {

Address Address::v4(std::array<std::uint8_t, 4> address) {
  Address out;
  out.bytes[10] = out.bytes[11] = 0xff;
  std::copy(address.begin(), address.end(), out.bytes.begin() + 12);
  return out;
}

Address Address::prefix() const {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const std::size_t keep = std::equal(kMapped.begin(), kMapped.end(), bytes.begin()) ? 15 : 8;
  Address out;
  std::copy_n(bytes.begin(), keep, out.bytes.begin());
  return out;
}

void Gate::set_known(std::span<const Address> friends) { friends_ = {friends.begin(), friends.end()}; }

Gate::Verdict Gate::enter(Now now, CallerId id, const Address& from) {
  const bool known = friends_.contains(from);
  const Address prefix = from.prefix();
  const Verdict verdict = make_room(now, prefix, known);
  if (verdict.evict) leave(*verdict.evict);
  if (!verdict.in) return verdict;
  GOSSIP_CHECK(callers_.emplace(id, Caller{prefix, now.mono, known}).second);
  Load& load = loads_[prefix];
  ++load.all;
  if (!known) ++load.unknown, ++unknown_;
  return verdict;
}

Gate::Verdict Gate::make_room(Now now, const Address& prefix, bool known) {
  const bool unknown_full = !known && unknown_ >= open_places_;
  if (!unknown_full && callers_.size() < places_) return {};
  auto load = [&](const Load& l) { return unknown_full ? l.unknown : l.all; };
  // The fullest prefix; of those alike, that of the caller who has been here longest.
  std::size_t most = 0;
  for (const auto& [at, l] : loads_) most = std::max(most, load(l));
  auto fullest = loads_.end();
  for (auto it = callers_.begin(); fullest == loads_.end(); ++it)
    if (!(unknown_full && it->second.known) && load(loads_.at(it->second.prefix)) == most) fullest = loads_.find(it->second.prefix);
  const auto own = loads_.find(prefix);
  const std::size_t own_load = own == loads_.end() ? 0 : load(own->second);
  const bool own_is_fullest = own_load == load(fullest->second);
  const Address& from = own_is_fullest ? prefix : fullest->first;
  auto out = settled(now.mono - kCallerSettled, from, unknown_full);
  // Rationale: a prefix that floods must keep nobody out for as long as its callers are fresh, not even a friend who shares it: all
  // look alike here, so it is chance that decides, and a friend needs a place for a moment only.
  if (!out) out = any(from, unknown_full);
  return {out.has_value(), out};
}

// The oldest caller of the prefix that came no later than `until`, one in DRAIN first.
std::optional<CallerId> Gate::settled(Micros until, const Address& prefix, bool unknown_only) const {
  std::optional<CallerId> oldest;
  for (const auto& [id, caller] : callers_) {
    if (caller.since > until) break;
    if (caller.prefix != prefix || (unknown_only && caller.known)) continue;
    if (caller.draining) return id;
    if (!oldest) oldest = id;
  }
  return oldest;
}

std::optional<CallerId> Gate::any(const Address& prefix, bool unknown_only) {
  std::optional<CallerId> out;
  std::size_t seen = 0;
  for (const auto& [id, caller] : callers_) {
    if (caller.prefix != prefix || (unknown_only && caller.known)) continue;
    if (below(++seen) == 0) out = id;
  }
  return out;
}

// SplitMix64. Nothing secret hangs on it.
std::size_t Gate::below(std::size_t n) {
  std::uint64_t z = dice_ += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return static_cast<std::size_t>((z ^ z >> 31) % n);
}

void Gate::draining(CallerId id) {
  auto it = callers_.find(id);
  if (it != callers_.end()) it->second.draining = true;
}

void Gate::leave(CallerId id) {
  auto it = callers_.find(id);
  if (it == callers_.end()) return;
  auto load = loads_.find(it->second.prefix);
  if (!it->second.known) --load->second.unknown, --unknown_;
  if (--load->second.all == 0) loads_.erase(load);
  if (it->second.waiting) std::erase(it->second.known ? known_queue_ : other_queue_, id);
  callers_.erase(it);
}

void Gate::wait(CallerId id) {
  auto it = callers_.find(id);
  if (it == callers_.end() || std::exchange(it->second.waiting, true)) return;
  (it->second.known ? known_queue_ : other_queue_).push_back(id);
}

std::optional<CallerId> Gate::next(Now now) {
  if (known_queue_.empty() && other_queue_.empty()) return std::nullopt;
  if (!work_.take(now.mono)) return std::nullopt;
  const bool known = other_queue_.empty() || (!known_queue_.empty() && known_turn_);
  known_turn_ = !known;
  Queue& queue = known ? known_queue_ : other_queue_;
  // Rationale: where a stranger shares a friend's address, the friend who stands last in a line is put out before its turn comes.
  if (known) std::swap(queue.front(), queue[below(queue.size())]);
  const CallerId id = queue.front();
  queue.pop_front();
  return id;
}

std::optional<Micros> Gate::next_deadline(Now now) const {
  if (known_queue_.empty() && other_queue_.empty()) return std::nullopt;
  return work_.next(now.mono);
}

}  // namespace gossip
