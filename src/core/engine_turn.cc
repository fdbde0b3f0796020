// How a turn ends: time passes, what is due is committed, and what may now be said is said.
#include <algorithm>
#include <utility>

#include "core/engine_impl.h"
#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip {

constexpr std::uint64_t kTable = kMaxUnresolved * 3 / 4;
constexpr std::uint64_t kLeastCredit = 64;
constexpr std::size_t kKeepScratch = 256 * 1024;  // what a long body needed is given back
constexpr std::size_t kStream = 16;  // so many staged at once are a stream, worth gathering longer

void Engine::Impl::tick(Now now) {
  const bool paused = !room_ || now.mono < stalled_until_;
  if (tracker_.paused && !paused) everybody();
  tracker_.paused = paused;
  while (!timers_.empty() && timers_.begin()->first <= now.mono) {
    Link& link = *links_.find(timers_.begin()->second)->second;
    timers_.erase(timers_.begin());
    link.timer.reset();
    const bool mute = !link.hello_got && now.mono >= link.up_at + kHelloTime;
    const bool keyless = link.pairing != Pairing::kDone && now.mono >= link.up_at + kKeyTime;
    if (mute || keyless || link.fetcher.overdue(now)) {
      const Why why = mute ? Why::kNoHello : keyless ? Why::kNoKeyCame : Why::kNoHead;
      close(now, links_.find(link.id), CloseCode::kNormal, why);
      continue;
    }
    link.fetcher.tick(now);
    agenda_.insert(link.id);
  }
  if (choose_ || (choose_at_ && now.mono >= *choose_at_)) choose_fetching(now);
  while (auto peer = dialler_.due(now)) act(Dial{*peer});
  Note note;
  while (dialler_.next_note(note)) act(note);
  if (quota_at_ && now.mono >= *quota_at_) {
    quota_at_.reset();
    for (const auto& [peer, f] : friends_) {
      if (f.over_quota) look_at_quota(now, peer);
    }
  }
}

// Over our own sessions always; over a friend's only where nobody of ours has had one for a while.
void Engine::Impl::choose_fetching(Now now) {
  choose_ = false;
  choose_at_.reset();
  for (auto& [id, link] : links_) {
    if (link->pairing != Pairing::kDone) continue;
    const Friend& f = friends_.at(link->peer);
    const Micros inbound_at = f.ours_lost + kInboundFetch;
    const bool may = !link->dialled && !covered(f);
    if (link->dialled || (may && now.mono >= inbound_at)) {
      if (!link->fetcher.running()) link->fetcher.start();
    } else {
      link->fetcher.pause();
      if (may) choose_at_ = earlier(choose_at_, inbound_at);
    }
  }
}

std::optional<Micros> Engine::Impl::commit_due() const {
  std::optional<Micros> at = lazy_at_;
  if (staged_since_) {
    const bool full = tracker_.staged().size() >= kBatchMessages || tracker_.staged_bytes() >= kBatchBytes;
    const Micros gather = tracker_.staged().size() >= kStream ? kGatherBulk : kGatherTail;
    at = full || tracker_.all_staged() ? *staged_since_ : *staged_since_ + gather;
  }
  if (at) at = std::max(*at, stalled_until_);
  return at;
}

bool Engine::Impl::flush(Now now) {
  if (!tracker_.nothing_staged() && !staged_since_) staged_since_ = now.mono;
  tracker_.others += store_.size() - seen_size_;
  seen_size_ = store_.size();
  if (!unsaved_.empty() && !lazy_at_) lazy_at_ = now.mono + kLazyCommit;
  bool fine = true;
  const auto due = commit_due();
  if (due && now.mono >= *due) fine = commit(now);
  if (store_.size() != served_size_) {
    for (LinkId id : served_) agenda_.insert(id);
  }
  served_size_ = store_.size();
  round(now);
  return fine;
}

bool Engine::Impl::commit(Now now) {
  std::vector<CursorUpdate> cursors;
  std::vector<AckUpdate> acks;
  for (LinkId id : unsaved_) {
    const Link& link = *links_.find(id)->second;
    if (auto cursor = link.fetcher.cursor_due()) cursors.push_back(*cursor);
    if (auto acked = link.server.ack_unstored()) acks.push_back(AckUpdate{link.peer, link.fetcher.gen(), *acked});
  }
  staged_since_.reset();
  lazy_at_.reset();
  if (tracker_.nothing_staged() && cursors.empty() && acks.empty()) {
    unsaved_.clear();
    return true;
  }
  const std::size_t count = tracker_.staged().size();
  tracker_.name_tellers();
  const Committed committed = store_.commit(tracker_.staged(), cursors, acks);
  if (desk_) desk_->clear();
  if (!committed) {
    ++stats.commits_failed;
    stalled_until_ = now.mono + kStall;
    lazy_at_ = stalled_until_;  // what was due is due then
    tracker_.paused = true;
    tracker_.commit_failed();
    everybody();
    return false;
  }
  tracker_.others += store_.size() - seen_size_ - committed.stored;
  seen_size_ = store_.size();
  ++stats.commits;
  stats.bodies_stored += committed.stored;
  stats.bodies_late += count - committed.stored;
  std::set<PeerId> givers;
  if (config_.friend_quota > 0) {
    for (const Incoming& message : tracker_.staged()) givers.insert(message.via);
  }
  tracker_.committed();
  for (LinkId id : unsaved_) {
    Link& link = *links_.find(id)->second;
    link.fetcher.cursor_committed(now);
    link.server.ack_stored();
  }
  unsaved_.clear();
  for (PeerId peer : givers) look_at_quota(now, peer);
  if (committed.stored > 0) act(Stored{committed.stored});
  return true;
}

// --- fair shares

// Over its quota a friend is asked for nothing more until the day is over; what others list of the same is asked of them.
void Engine::Impl::look_at_quota(Now now, PeerId peer) {
  auto f = friends_.find(peer);
  if (config_.friend_quota == 0 || f == friends_.end()) return;
  const std::uint64_t taken = std::min(store_.taken_today(peer), config_.friend_quota);
  const bool over = taken == config_.friend_quota;
  const bool was = std::exchange(f->second.over_quota, over);
  stats.stops_quota += over && !was;
  if (over) quota_at_ = earlier(quota_at_, now.mono + kMinute);
  for (auto& [id, link] : links_) {
    if (link->peer != peer) continue;
    link->fetcher.set_budget(config_.friend_quota - taken);
    if (over || was) act(Note{peer, link->dialled, Health::kUp, over ? Why::kOverQuota : Why::kNone});
  }
}

// One round of deficit round robin (Shreedhar and Varghese, 1995) over the links that have something to say: those in the tail of
// our log first, where there is more than a round's worth to say, and with four times the share of those that catch up. A link that
// is alone takes what it can.
void Engine::Impl::round(Now now) {
  if (tracker_.flight_full && (tracker_.flight <= kMaxFlight / 4 * 3 || tracker_.outstanding() == 0)) {
    tracker_.flight_full = false;
    everybody();
  }
  const bool crowded = !left_.empty();
  const std::uint64_t said = stats.bytes_out;
  left_.clear();
  while (!agenda_.empty()) {  // a link may have another one asked: that is rare, and each time a window gets fuller
    round_.assign(agenda_.begin(), agenda_.end());
    agenda_.clear();
    auto tail = [this](LinkId id) {
      auto it = links_.find(id);
      return it != links_.end() && !(it->second->served && it->second->server.catching_up());
    };
    if (crowded) std::stable_partition(round_.begin(), round_.end(), tail);
    for (LinkId id : round_) {
      auto it = links_.find(id);
      if (it == links_.end()) continue;
      const bool enough = stats.bytes_out - said > kMaxRound;  // the driver sends that first
      if (enough || pump(now, *it->second, round_.size() == 1 && left_.empty())) left_.push_back(id);
    }
  }
  for (LinkId id : left_) agenda_.insert(id);
  stats.stops_flight += tracker_.flight_full && !flight_full_;
  flight_full_ = tracker_.flight_full;
}

// A share of the table of unresolved entries that leaves room for every friend there is. Shares shrink when friends are added, and
// what was granted stays: so the sum is looked at as well.
std::uint64_t Engine::Impl::credit_target(const Link& link) {
  if (tracker_.paused) return 0;
  const std::uint64_t share = tracker_.flight_full ? 0 : kTable / std::max<std::size_t>(friends_.size(), 1);
  const std::uint64_t others = tracker_.reserved - link.fetcher.reserved();
  const std::uint64_t left = kTable - std::min(kTable, others);
  const bool full = tracker_.reserved + kLeastCredit > kTable;
  stats.stops_table += full && !table_full_;
  table_full_ = full;
  return std::min(left, std::clamp(share, kLeastCredit, kCreditGrant));
}

// true: there is more to say, and room for it.
bool Engine::Impl::pump(Now now, Link& link, bool alone) {
  const bool behind = link.served && link.server.catching_up();
  const auto share = static_cast<std::int64_t>(behind ? kQuantum : kTailShare * kQuantum);
  link.deficit = alone ? share : link.deficit + share;
  if (link.deficit <= 0) return true;
  const bool room = link.free > 0;
  Bytes& out = scratch_;
  out.clear();
  if (room && !link.hello_sent) {
    encode(out, Hello{link.server.log_id()});
    link.hello_sent = true;
  }
  if (room && !link.next_key.empty()) {
    encode(out, Key{link.next_key});
    link.next_key.clear();
  }
  if (!link.fetcher.off()) link.fetcher.produce(now, out, room, credit_target(link));
  const std::size_t limit = std::min(link.free, static_cast<std::size_t>(link.deficit));
  if (link.served && out.size() < limit) link.server.produce(now, out, limit - out.size());
  const bool more = out.size() >= limit && out.size() < link.free;
  link.deficit = more ? link.deficit - static_cast<std::int64_t>(out.size()) : 0;
  if (!out.empty()) {
    link.free -= std::min(link.free, out.size());
    stats.bytes_out += out.size();
    act(Send{link.id, Bytes(out.begin(), out.end())});
    if (out.capacity() > kKeepScratch) out = Bytes();
  }
  set_timer(link);
  return more;
}

void Engine::Impl::set_timer(Link& link) {
  const bool room = link.free > 0;
  std::optional<Micros> at;
  if (!link.fetcher.off()) at = link.fetcher.next_deadline(room);
  if (link.served) at = earlier(at, link.server.next_deadline(room));
  if (!link.hello_got) at = earlier(at, link.up_at + kHelloTime);
  if (link.pairing != Pairing::kDone) at = earlier(at, link.up_at + kKeyTime);
  if (at == link.timer) return;
  if (link.timer) timers_.erase({*link.timer, link.id});
  if (at) timers_.insert({*at, link.id});
  link.timer = at;
}

void Engine::Impl::act(Action action) { actions_.push_back(std::move(action)); }

bool Engine::Impl::poll(Action& out) {
  if (next_action_ == actions_.size()) {
    actions_.clear();
    next_action_ = 0;
    return false;
  }
  out = std::move(actions_[next_action_++]);
  return true;
}

std::optional<Micros> Engine::Impl::next_deadline() const {
  std::optional<Micros> at = earlier(commit_due(), earlier(dialler_.next_deadline(), earlier(choose_at_, quota_at_)));
  if (tracker_.paused && room_) at = earlier(at, stalled_until_);
  if (!timers_.empty()) at = earlier(at, timers_.begin()->first);
  return at;
}

void Engine::Impl::assert_invariants() const {
  std::uint64_t reserved = 0, flight = 0;
  for (const auto& [id, link] : links_) {
    link->fetcher.assert_invariants();
    reserved += link->fetcher.reserved();
    flight += link->fetcher.in_flight() + link->held;
  }
  tracker_.assert_invariants();
  GOSSIP_CHECK(reserved == tracker_.reserved && reserved <= kMaxUnresolved);
  GOSSIP_CHECK(flight == tracker_.flight);
}

}  // namespace gossip
