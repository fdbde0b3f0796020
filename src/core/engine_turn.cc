// How a turn ends: time passes, what is due is committed, and what may now be said is said.
#include <algorithm>

#include "core/engine_impl.h"
#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip {

constexpr std::uint64_t kLeastCredit = 64;
constexpr std::size_t kStream = 16;  // so many staged at once are a stream, worth gathering longer

static std::optional<Micros> earlier(std::optional<Micros> a, std::optional<Micros> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

void Engine::Impl::tick(Now now) {
  tracker_.paused = !room_ || now.mono < stalled_until_;
  for (auto& [id, link] : links_) link->fetcher.tick(now);
  choose_fetching(now);
  while (auto peer = dialler_.due(now)) actions_.push_back(Dial{*peer});
  Note note;
  while (dialler_.next_note(note)) actions_.push_back(note);
}

// Over our own sessions always; over a friend's only where nobody of ours has had one for a while.
void Engine::Impl::choose_fetching(Now now) {
  for (auto& [id, link] : links_) {
    const Friend& f = friends_.at(link->peer);
    const bool inbound = config_.fetch_inbound && !covered(f) && now.mono - f.ours_lost >= kInboundFetch;
    if (link->dialled || inbound) {
      if (!link->fetcher.running()) link->fetcher.start();
    } else if (link->fetcher.running()) {
      link->fetcher.pause();
    }
  }
}

bool Engine::Impl::cursors_due() const {
  return std::any_of(links_.begin(), links_.end(), [](const auto& l) { return l.second->fetcher.cursor_due().has_value(); });
}

std::optional<Micros> Engine::Impl::commit_due() const {
  std::optional<Micros> at = lazy_at_;
  if (staged_since_) {
    const bool full = tracker_.staged().size() >= kBatchMessages || tracker_.staged_bytes() >= kBatchBytes;
    const Micros gather = tracker_.staged().size() >= kStream ? kGatherBulk : kGatherTail;
    at = full || tracker_.outstanding() == 0 ? *staged_since_ : *staged_since_ + gather;
  }
  for (const auto& [id, link] : links_) at = earlier(at, link->server.ack_due());
  if (at) at = std::max(*at, stalled_until_);
  return at;
}

bool Engine::Impl::flush(Now now) {
  if (!tracker_.nothing_staged() && !staged_since_) staged_since_ = now.mono;
  if (!lazy_at_ && cursors_due()) lazy_at_ = now.mono + kLazyCommit;
  bool fine = true;
  const auto due = commit_due();
  if (due && now.mono >= *due) fine = commit(now);
  for (auto& [id, link] : links_) pump(now, *link);
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
    tracker_.paused = true;
    tracker_.commit_failed();
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
  const std::uint64_t share = kMaxUnresolved * 3 / 4 / std::max<std::size_t>(friends_.size(), 1);
  return std::clamp(share, kLeastCredit, kCreditGrant);
}

void Engine::Impl::pump(Now now, Link& link) {
  const bool room = link.free > 0;
  Bytes out;
  if (room && !link.hello_sent) {
    encode(out, Hello{link.server.log_id()});
    link.hello_sent = true;
  }
  link.fetcher.produce(now, out, room, credit_target());
  if (out.size() < link.free) link.server.produce(now, out, link.free - out.size());
  if (out.empty()) return;
  link.free -= std::min(link.free, out.size());
  stats.bytes_out += out.size();
  actions_.push_back(Send{link.id, std::move(out)});
}

bool Engine::Impl::poll(Action& out) {
  if (actions_.empty()) return false;
  out = std::move(actions_.front());
  actions_.pop_front();
  return true;
}

std::optional<Micros> Engine::Impl::next_deadline() const {
  std::optional<Micros> at = earlier(commit_due(), dialler_.next_deadline());
  if (tracker_.paused && room_) at = earlier(at, stalled_until_);
  for (const auto& [id, link] : links_) {
    const bool room = link->free > 0;
    at = earlier(at, earlier(link->fetcher.next_deadline(room), link->server.next_deadline(room)));
    const Friend& f = friends_.at(link->peer);
    if (config_.fetch_inbound && !link->fetcher.running() && !covered(f)) at = earlier(at, f.ours_lost + kInboundFetch);
  }
  return at;
}

void Engine::Impl::assert_invariants() const {
  std::uint64_t reserved = 0;
  for (const auto& [id, link] : links_) {
    link->fetcher.assert_invariants();
    reserved += link->fetcher.reserved();
  }
  tracker_.assert_invariants();
  GOSSIP_CHECK(reserved <= kMaxUnresolved);
}

}  // namespace gossip
