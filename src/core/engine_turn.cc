// How a turn ends: time passes, what is due is committed, and what may now be said is said.
#include <algorithm>

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
    Link& link = *links_.at(timers_.begin()->second);
    timers_.erase(timers_.begin());
    link.timer.reset();
    const bool mute = !link.hello_got && now.mono >= link.up_at + kHelloTime;
    if (mute || link.fetcher.overdue(now)) {
      close(now, links_.find(link.id), CloseCode::kNormal, mute ? "never said HELLO" : "never answered FETCH");
      continue;
    }
    link.fetcher.tick(now);
    agenda_.insert(link.id);
  }
  if (choose_ || (choose_at_ && now.mono >= *choose_at_)) choose_fetching(now);
  while (auto peer = dialler_.due(now)) actions_.push_back(Dial{*peer});
  Note note;
  while (dialler_.next_note(note)) actions_.push_back(note);
}

// Over our own sessions always; over a friend's only where nobody of ours has had one for a while.
void Engine::Impl::choose_fetching(Now now) {
  choose_ = false;
  choose_at_.reset();
  for (auto& [id, link] : links_) {
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
    at = full || tracker_.outstanding() == 0 ? *staged_since_ : *staged_since_ + gather;
  }
  if (at) at = std::max(*at, stalled_until_);
  return at;
}

bool Engine::Impl::flush(Now now) {
  if (!tracker_.nothing_staged() && !staged_since_) staged_since_ = now.mono;
  for (LinkId id : agenda_) {
    auto it = links_.find(id);
    if (it == links_.end()) continue;
    if (it->second->fetcher.adopting()) lazy_at_ = now.mono;
    if (!lazy_at_ && it->second->fetcher.cursor_due()) lazy_at_ = now.mono + kLazyCommit;
    lazy_at_ = earlier(lazy_at_, it->second->server.ack_due());
  }
  bool fine = true;
  const auto due = commit_due();
  if (due && now.mono >= *due) fine = commit(now);
  if (store_.size() != seen_size_) everybody();
  seen_size_ = store_.size();
  while (!agenda_.empty()) {  // a link may have another one asked: that is rare, and each time a window gets fuller
    auto it = links_.find(*agenda_.begin());
    agenda_.erase(agenda_.begin());
    if (it != links_.end()) pump(now, *it->second);
  }
  return fine;
}

bool Engine::Impl::commit(Now now) {
  std::vector<CursorUpdate> cursors;
  std::vector<AckUpdate> acks;
  for (auto& [id, link] : links_) {
    if (auto cursor = link->fetcher.cursor_due()) cursors.push_back(*cursor);
    if (auto acked = link->server.ack_unstored()) acks.push_back(AckUpdate{link->peer, link->fetcher.gen(), *acked});
  }
  staged_since_.reset();
  lazy_at_.reset();
  if (tracker_.nothing_staged() && cursors.empty() && acks.empty()) return true;
  const std::size_t count = tracker_.staged().size();
  if (!store_.commit(tracker_.staged(), cursors, acks)) {
    ++stats.commits_failed;
    stalled_until_ = now.mono + kStall;
    lazy_at_ = stalled_until_;  // what was due is due then
    tracker_.paused = true;
    tracker_.commit_failed();
    everybody();
    return false;
  }
  ++stats.commits;
  stats.bodies_stored += count;
  tracker_.committed();
  for (auto& [id, link] : links_) {
    link->fetcher.cursor_committed(now);
    link->server.ack_stored();
  }
  if (count > 0) actions_.push_back(Stored{count});
  return true;
}

// A share of the table of unresolved entries that leaves room for every friend there is.
std::uint64_t Engine::Impl::credit_target() const {
  if (tracker_.paused) return 0;
  const std::uint64_t share = kTable / std::max<std::size_t>(friends_.size(), 1);
  return std::clamp(share, kLeastCredit, kCreditGrant);
}

void Engine::Impl::pump(Now now, Link& link) {
  const bool room = link.free > 0;
  Bytes& out = scratch_;
  out.clear();
  if (room && !link.hello_sent) {
    encode(out, Hello{link.server.log_id()});
    link.hello_sent = true;
  }
  // Shares shrink when friends are added, and what was granted stays: so the sum is looked at as well.
  const std::uint64_t others = tracker_.reserved - link.fetcher.reserved();
  link.fetcher.produce(now, out, room, std::min(credit_target(), kTable - std::min(kTable, others)));
  if (out.size() < link.free) link.server.produce(now, out, link.free - out.size());
  if (!out.empty()) {
    link.free -= std::min(link.free, out.size());
    stats.bytes_out += out.size();
    actions_.push_back(Send{link.id, Bytes(out.begin(), out.end())});
    if (out.capacity() > kKeepScratch) out = {};
  }
  set_timer(link);
}

void Engine::Impl::set_timer(Link& link) {
  const bool room = link.free > 0;
  auto at = earlier(link.fetcher.next_deadline(room), link.server.next_deadline(room));
  if (!link.hello_got) at = earlier(at, link.up_at + kHelloTime);
  if (at == link.timer) return;
  if (link.timer) timers_.erase({*link.timer, link.id});
  if (at) timers_.insert({*at, link.id});
  link.timer = at;
}

bool Engine::Impl::poll(Action& out) {
  if (actions_.empty()) return false;
  out = std::move(actions_.front());
  actions_.pop_front();
  return true;
}

std::optional<Micros> Engine::Impl::next_deadline() const {
  std::optional<Micros> at = earlier(commit_due(), earlier(dialler_.next_deadline(), choose_at_));
  if (tracker_.paused && room_) at = earlier(at, stalled_until_);
  if (!timers_.empty()) at = earlier(at, timers_.begin()->first);
  return at;
}

void Engine::Impl::assert_invariants() const {
  std::uint64_t reserved = 0;
  for (const auto& [id, link] : links_) {
    link->fetcher.assert_invariants();
    reserved += link->fetcher.reserved();
  }
  tracker_.assert_invariants();
  GOSSIP_CHECK(reserved == tracker_.reserved && reserved <= kMaxUnresolved);
}

}  // namespace gossip
