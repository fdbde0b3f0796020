// What is asked of the friend, when it is asked again, and the frames that say so.
#include <algorithm>

#include "core/fetcher.h"
#include "gossip/limits.h"

namespace gossip {

constexpr Micros kSilence = kSecond;               // plus four round trips
constexpr Micros kLongestSilence = 60 * kSecond;
constexpr Micros kBodyTime = 60 * kSecond;         // per kBodyPiece of a BODY
constexpr Micros kLook = 30 * kSecond;             // how often it is seen whether one has waited longer than that
constexpr unsigned kStrikeLimit = 6;               // 2^6 seconds is past the longest silence
constexpr std::size_t kFirstDoubt = 64;            // asked elsewhere at a silence; twice as many at the next, unless it recovered

bool Fetcher::window_open() const {
  if (state_ != State::kStreaming || paused_ || barred()) return false;
  return outstanding_.empty() || (strikes_ == 0 && outstanding_.size() < window_ && outstanding_bytes_ < kWindowBytes);
}

bool Fetcher::can_ask(const Provider& what) const {
  if (draining_ || !window_open()) return false;
  if (leave_.size() + want_.size() >= kMaxLeave && !leave_.contains(what.seq)) return false;
  const std::uint64_t spent = outstanding_bytes_ + outstanding_.size() * kRowCost + taken_;
  // One message may pass the budget, or none ever would.
  if (spent > 0 && (spent >= budget_ || what.size + kRowCost > budget_ - spent)) return false;
  // Rationale: whoever holds the 32 MiB, a small message of another is not kept from coming.
  const bool small = outstanding_.empty() && what.size <= kQuantum;
  if (!small && tracker_.outstanding() > 0 && tracker_.flight + what.size > kMaxFlight) {
    tracker_.flight_full = true;
    return false;
  }
  return outstanding_.empty() || outstanding_bytes_ + what.size <= kWindowBytes;
}

void Fetcher::asked(EntryRef entry, Seq seq, std::uint64_t size) {
  outstanding_.insert({seq, Outstanding{entry, size, 0}});
  outstanding_bytes_ += size;
  tracker_.flight += size;
  want_.insert(seq);
  agenda_.insert(link_);
}

void Fetcher::resolved(Seq seq) {
  listings_.erase(seq);
  recount();
  if (!queue_.empty() || credit_due()) agenda_.insert(link_);
  const HaveGroup& first = groups_.begin()->second;
  if (first.open == first.staged) unsaved_.insert(link_);
}

void Fetcher::unasked(Seq seq) {
  auto it = outstanding_.find(seq);
  if (it == outstanding_.end()) return;
  outstanding_bytes_ -= it->second.size;
  tracker_.flight -= it->second.size;
  outstanding_.erase(it);
  want_.erase(seq);
  agenda_.insert(link_);
}

void Fetcher::fill_window() {
  draining_ = false;
  if (queue_.empty() || tracker_.paused || !window_open()) return;
  const Reads reads(store_);
  while (!queue_.empty() && !tracker_.paused && window_open()) {
    const auto listed = listings_.find(queue_.front());
    if (listed == listings_.end()) {
      queue_.pop_front();
      continue;
    }
    const EntryRef entry = listed->second;
    Provider* mine = entry->second.of(this);
    const bool unasked = entry->second.state == Entry::State::kUnasked;
    if (unasked && !can_ask(*mine)) {
      draining_ = true;
      return;
    }
    queue_.pop_front();
    mine->queued = false;
    if (unasked) tracker_.ask_again(entry);
  }
}

// A message that is long in coming holds the cursor, and with it these books, while others come and go.
void Fetcher::tidy() {
  constexpr std::size_t kSlack = 64;
  if (groups_.size() > 2 * listings_.size() + kSlack) {
    for (auto it = std::next(groups_.begin()); it != groups_.end();) {
      if (it->second.open > 0) {
        ++it;
        continue;
      }
      HaveGroup& before = std::prev(it)->second;
      before.upto = it->second.upto;
      before.tag = it->second.tag;
      it = groups_.erase(it);
    }
  }
  if (queue_.size() > 2 * listings_.size() + kSlack) {
    queue_.remove_if([&](Seq seq) { return !listings_.contains(seq); });
  }
}

Micros Fetcher::wait() const {
  return std::min(kLongestSilence, (kSilence + 4 * rtt_) << std::min(strikes_, kStrikeLimit));
}

void Fetcher::on_data(Now now, std::size_t body_pending) {
  if (body_pending == 0 || outstanding_.empty()) return;
  if (body_until_ == 0) body_until_ = now.mono + kBodyTime * static_cast<Micros>(1 + body_pending / kBodyPiece);
  if (now.mono < body_until_) progress_at_ = now.mono + wait();
  agenda_.insert(link_);
}

void Fetcher::tick(Now now) {
  if (outstanding_.empty()) return;
  const bool silent = progress_at_ != 0 && now.mono >= progress_at_;
  std::size_t doubted = 0;
  if (silent) {
    // Rationale: a friend may only be busy for a second, and what is asked of two comes twice.
    const bool recovered = window_ >= 2 * kFirstWindow;
    doubt_ = recovered || doubt_ == 0 ? kFirstDoubt : std::min(2 * doubt_, kWindowBodies);
    doubted = ++strikes_ == 1 ? doubt_ : kWindowBodies;
    window_ = kFirstWindow;
  }
  // Rationale: who answers something all the time must not keep one message from being asked elsewhere.
  const bool look = look_at_ != 0 && now.mono >= look_at_;
  std::vector<EntryRef> again;
  for (const auto& [seq, out] : outstanding_) {
    const Micros longest = kBodyTime * static_cast<Micros>(1 + out.size / kBodyPiece);
    const bool slow = look && out.since != 0 && now.mono >= out.since + longest;
    if (slow) window_ = 1;  // or the same would be asked of it again at once
    if (slow || again.size() < doubted) again.push_back(out.entry);
  }
  for (EntryRef entry : again) tracker_.ask_again(entry);
  if (silent) progress_at_ = outstanding_.empty() ? 0 : now.mono + wait();
  if (look) look_at_ = now.mono + kLook;
}

std::optional<Micros> Fetcher::next_deadline(bool room) const {
  std::optional<Micros> at;
  if (!outstanding_.empty() && progress_at_ != 0) at = std::min(progress_at_, look_at_);
  if (awaiting_head() && !given_up_) at = earlier(at, fetch_sent_ + kHeadTime);
  if (room && !paused_ && cursor_.seq > acked_) at = earlier(at, ack_at_);
  return at;
}

// --- what we send

void Fetcher::produce(Now now, Bytes& out, bool room, std::uint64_t target) {
  target_ = barred() ? 0 : target;
  tidy();
  fill_window();
  if (outstanding_.empty()) progress_at_ = look_at_ = 0;
  if (!outstanding_.empty() && progress_at_ == 0) progress_at_ = now.mono + wait();
  if (!outstanding_.empty() && look_at_ == 0) look_at_ = now.mono + kLook;
  if (!room) return;
  if (fetch_due_) {
    fetch_due_ = false;
    fetch_sent_ = now.mono;
    granted_ = target_;
    recount();
    encode(out, Fetch{cursor_, granted_});
  }
  send_wants(now, out);
  send_credit(now, out);
}

void Fetcher::send_wants(Now now, Bytes& out) {
  if (want_.empty()) return;
  Seqs want;
  for (Seq seq : want_) {
    Outstanding& o = outstanding_.find(seq)->second;
    o.since = now.mono;
    Asked& leave = leave_.insert({seq, Asked{o.entry->first, o.size, 0}}).first->second;
    ++leave.times;
    want.seqs.push_back(seq);
    if (want.seqs.size() == kMaxBatch) {
      encode(out, FrameType::kWant, want);
      want.seqs.clear();
    }
  }
  if (!want.seqs.empty()) encode(out, FrameType::kWant, want);
  stats_.wants += want_.size();
  want_.clear();
}

// Half of it is used up: a few large grants cost less than many small ones.
bool Fetcher::credit_due() const { return reserved() < target_ && 2 * (target_ - reserved()) >= target_; }

void Fetcher::send_credit(Now now, Bytes& out) {
  if (state_ != State::kStreaming || paused_) return;
  const std::uint64_t more = credit_due() ? target_ - reserved() : 0;
  const bool ack = cursor_.seq > acked_ && now.mono >= ack_at_;
  if (more == 0 && !ack) return;
  granted_ += more;
  recount();
  acked_ = cursor_.seq;
  encode(out, Credit{acked_, more});
}

}  // namespace gossip
