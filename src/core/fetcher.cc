#include "core/fetcher.h"

#include <algorithm>

#include "gossip/check.h"
#include "gossip/limits.h"
#include "gossip/message.h"

namespace gossip {

constexpr Micros kSilence = kSecond;               // plus four round trips
constexpr Micros kLongestSilence = 60 * kSecond;
constexpr Micros kBodyTime = 60 * kSecond;         // per kWindowBytes of a BODY
constexpr Micros kLook = 30 * kSecond;             // how often it is seen whether one has waited longer than that
constexpr Micros kSlowest = 10 * kSecond;          // a round trip counts as no more than this
constexpr unsigned kStrikeLimit = 6;               // 2^6 seconds is past the longest silence

Fetcher::Fetcher(Store& store, Crypto& crypto, Tracker& tracker, EngineStats& stats, FetchMemory& memory, PeerId peer,
                 std::uint64_t gen, LinkId link, OrderedSet<LinkId>& agenda, OrderedSet<LinkId>& unsaved)
    : store_(store), crypto_(crypto), tracker_(tracker), stats_(stats), memory_(memory), peer_(peer), gen_(gen), link_(link),
      agenda_(agenda), unsaved_(unsaved) {}

Fetcher::~Fetcher() {
  state_ = State::kOff;  // asked for nothing more, while others take over
  while (!listings_.empty()) tracker_.drop_provider(listings_.begin()->second, this, listings_.begin()->first);
  granted_ = 0;
  recount();
}

void Fetcher::recount() {
  tracker_.reserved += reserved() - counted_;
  counted_ = reserved();
}

void Fetcher::start() {
  if (given_up_) return;
  agenda_.insert(link_);
  if (state_ == State::kOff) {
    cursor_ = store_.cursor(peer_, gen_);
    acked_ = cursor_.seq;
    fetch_due_ = true;
    state_ = State::kAwaitHead;
  } else if (paused_) {
    paused_ = false;
    std::vector<EntryRef> waiting;
    for (const auto& [seq, entry] : listings_) {
      if (entry->second.state == Entry::State::kUnasked) waiting.push_back(entry);
    }
    for (EntryRef entry : waiting) tracker_.ask_again(entry);
  }
}

void Fetcher::pause() { paused_ = state_ != State::kOff; }

void Fetcher::set_budget(std::uint64_t bytes) {
  budget_ = bytes;
  taken_ = 0;
  agenda_.insert(link_);
}

void Fetcher::give_up() {
  given_up_ = true;
  pause();
}

bool Fetcher::overdue(Now now) const { return awaiting_head() && !given_up_ && now.mono >= fetch_sent_ + kHeadTime; }

// --- what the friend sends

Fetcher::Verdict Fetcher::on_head(Now now, const Head& head) {
  if (state_ == State::kStreaming) {
    if (head.status != HeadStatus::kOk || head.log_id != cursor_.log_id || head.size < upto_) return Verdict::kProtocolError;
    size_ = head.size;
    return Verdict::kOk;
  }
  agenda_.insert(link_);
  if (!awaiting_head() || head.log_id == LogId{}) return Verdict::kProtocolError;
  rtt_ = std::min(kSlowest, now.mono - fetch_sent_);
  if (head.status != HeadStatus::kOk) return adopt(now, head);
  if (head.log_id != cursor_.log_id || head.size < cursor_.seq) return Verdict::kProtocolError;
  size_ = head.size;
  upto_ = cursor_.seq;
  state_ = State::kStreaming;
  return Verdict::kOk;
}

// The log is another one, or not what it was: it is read from the start again. That costs 17 bytes an entry and loses nothing.
Fetcher::Verdict Fetcher::adopt(Now now, const Head& head) {
  if (cursor_.log_id != LogId{}) {
    ++(head.status == HeadStatus::kOtherLog ? stats_.other_log : stats_.mismatch);
    if (memory_.restarted && now.mono - *memory_.restarted < kRefetch) return Verdict::kGiveUp;
    memory_.restarted = now.mono;
  }
  cursor_ = Cursor{head.log_id, 0, {}};
  acked_ = 0;
  memory_.wrong.clear();
  adopting_ = true;
  unsaved_.insert(link_);
  return Verdict::kOk;
}

Fetcher::Verdict Fetcher::on_have(View payload) {
  if (state_ != State::kStreaming) return Verdict::kProtocolError;
  const auto have = decode_have(payload, upto_);
  if (!have || have->upto < upto_ || have->upto > size_ || have->entries.size() > granted_) return Verdict::kProtocolError;
  ++stats_.haves;
  if (have->upto == upto_) return Verdict::kOk;  // nothing new
  granted_ -= have->entries.size();
  upto_ = have->upto;
  std::uint64_t group = 0;
  for (const HaveEntry& e : have->entries) {
    const MessageKey key{e.epoch, e.id12};
    auto wrong = memory_.wrong.find({e.seq, e.id12});
    if (wrong != memory_.wrong.end() && wrong->second >= kWrongBodies) continue;
    const auto known = tracker_.find(key);
    if (!known && store_.held(key.epoch, key.id12)) continue;
    if (known && (*known)->second.of(this)) return Verdict::kProtocolError;  // a log holds a message once
    if (group == 0) groups_.insert({group = ++last_group_, HaveGroup{have->upto, have->tag, 0, 0}});
    EntryRef entry = tracker_.list(key, Provider{this, e.seq, e.size, group, false});
    listings_.insert({e.seq, entry});
    if (entry->second.state != Entry::State::kUnasked) continue;
    if (known) tracker_.ask_again(entry); else tracker_.ask(entry);
  }
  recount();
  if (credit_due()) agenda_.insert(link_);
  if (group != 0) return Verdict::kOk;
  if (groups_.empty()) {  // nothing is open: what comes before it decides alone how far the cursor may go
    passed_ = Mark{have->upto, have->tag};
    unsaved_.insert(link_);
  } else {
    HaveGroup& last = std::prev(groups_.end())->second;
    last.upto = have->upto;
    last.tag = have->tag;
  }
  return Verdict::kOk;
}

Fetcher::Verdict Fetcher::on_body(Now now, const Body& body) {
  ++stats_.bodies;
  auto leave = leave_.find(body.seq);
  if (leave == leave_.end()) return Verdict::kProtocolError;
  const Asked asked = leave->second;
  const bool late = !outstanding_.contains(body.seq);
  answered(now, body.seq);
  body_until_ = 0;
  // Given up for lost, and asked of others: it is welcome only while anything is.
  if (late && (barred() || tracker_.paused || tracker_.staged_bytes() >= kBatchBytes)) return Verdict::kOk;
  return take_body(body, asked);
}

Fetcher::Verdict Fetcher::take_body(const Body& body, const Asked& asked) {
  if (body.message.size() != asked.size) return wrong_body(body.seq, asked.key.id12);
  Incoming incoming{message_id(crypto_, body.message), asked.key.epoch, peer_, {}};
  if (!std::equal(asked.key.id12.begin(), asked.key.id12.end(), incoming.id.begin())) return wrong_body(body.seq, asked.key.id12);
  std::uint64_t created = 0;
  Message message;
  MessageFault fault = check_head(body.message, created);
  if (fault == MessageFault::kNone && epoch_of(created) != asked.key.epoch) return wrong_body(body.seq, asked.key.id12);
  if (fault == MessageFault::kNone) fault = decode_message(body.message, message);
  if (fault != MessageFault::kNone) {
    ++stats_.refused;
    resolve_here(body.seq);
    return Verdict::kOk;
  }
  incoming.message.assign(body.message.begin(), body.message.end());
  taken_ += body.message.size();
  const bool known = !tracker_.find(asked.key) && store_.held(asked.key.epoch, asked.key.id12);
  if (known || !tracker_.accept(asked.key, std::move(incoming))) ++stats_.bodies_twice;
  return Verdict::kOk;
}

Fetcher::Verdict Fetcher::wrong_body(Seq seq, const Id12& id12) {
  ++stats_.bodies_wrong;
  const std::pair listed{seq, id12};
  if (memory_.wrong.size() < kCreditGrant || memory_.wrong.contains(listed)) ++memory_.wrong[listed];
  return Verdict::kWrongBody;
}

Fetcher::Verdict Fetcher::on_gone(Now now, const Seqs& gone) {
  for (Seq seq : gone.seqs) {
    if (!leave_.contains(seq)) return Verdict::kProtocolError;
    ++stats_.gone;
    answered(now, seq);
    resolve_here(seq);
  }
  return Verdict::kOk;
}

void Fetcher::answered(Now now, Seq seq) {
  auto leave = leave_.find(seq);
  if (--leave->second.times == 0) leave_.erase(leave);
  unasked(seq);
  strikes_ = 0;
  progress_at_ = now.mono + wait();
  agenda_.insert(link_);
}

void Fetcher::resolve_here(Seq seq) {
  auto it = listings_.find(seq);
  if (it != listings_.end()) tracker_.drop_provider(EntryRef(it->second), this, seq);
}

// --- asking, in time

bool Fetcher::window_open() const {
  if (state_ != State::kStreaming || paused_ || barred()) return false;
  return outstanding_.empty() || (strikes_ == 0 && outstanding_.size() < kWindowBodies && outstanding_bytes_ < kWindowBytes);
}

bool Fetcher::can_ask(const Provider& what) const {
  if (draining_ || !window_open()) return false;
  if (leave_.size() + want_.size() >= kMaxLeave && !leave_.contains(what.seq)) return false;
  const std::uint64_t spent = outstanding_bytes_ + taken_;  // one message may pass the budget, or none ever would
  if (spent > 0 && (spent >= budget_ || what.size > budget_ - spent)) return false;
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
  while (!queue_.empty() && !tracker_.paused && window_open()) {
    const auto entry = tracker_.find(queue_.front());
    Provider* mine = entry ? (*entry)->second.of(this) : nullptr;
    if (mine && (*entry)->second.state == Entry::State::kUnasked && !can_ask(*mine)) {
      draining_ = true;
      return;
    }
    queue_.pop_front();
    if (!mine) continue;
    mine->queued = false;
    if ((*entry)->second.state == Entry::State::kUnasked) tracker_.ask_again(*entry);
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
    queue_.remove_if([&](const MessageKey& key) {
      const auto entry = tracker_.find(key);
      return !entry || !(*entry)->second.of(this);
    });
  }
}

Micros Fetcher::wait() const {
  return std::min(kLongestSilence, (kSilence + 4 * rtt_) << std::min(strikes_, kStrikeLimit));
}

void Fetcher::on_data(Now now, std::size_t body_pending) {
  if (body_pending == 0 || outstanding_.empty()) return;
  if (body_until_ == 0) body_until_ = now.mono + kBodyTime * static_cast<Micros>(1 + body_pending / kWindowBytes);
  if (now.mono < body_until_) progress_at_ = now.mono + wait();
  agenda_.insert(link_);
}

void Fetcher::tick(Now now) {
  if (outstanding_.empty()) return;
  const bool silent = progress_at_ != 0 && now.mono >= progress_at_;
  if (silent) ++strikes_;
  // Rationale: who answers something all the time must not keep one message from being asked elsewhere.
  const bool look = look_at_ != 0 && now.mono >= look_at_;
  std::vector<EntryRef> again;
  for (const auto& [seq, out] : outstanding_) {
    const Micros longest = kBodyTime * static_cast<Micros>(1 + out.size / kWindowBytes);
    if (silent || (look && out.since != 0 && now.mono >= out.since + longest)) again.push_back(out.entry);
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

// --- the cursor

std::optional<CursorUpdate> Fetcher::cursor_due() const {
  if (adopting_) return CursorUpdate{peer_, gen_, cursor_, true};
  std::optional<CursorUpdate> update;
  if (passed_) update = CursorUpdate{peer_, gen_, Cursor{cursor_.log_id, passed_->upto, passed_->tag}, false};
  for (const auto& [number, group] : groups_) {
    if (group.open != group.staged) break;
    update = CursorUpdate{peer_, gen_, Cursor{cursor_.log_id, group.upto, group.tag}, false};
  }
  return update;
}

void Fetcher::cursor_committed(Now now) {
  if (adopting_) {
    adopting_ = false;
    fetch_due_ = true;
    agenda_.insert(link_);
  }
  auto pass = [&](Seq upto, const Tag& tag) {
    if (cursor_.seq == acked_) {
      ack_at_ = now.mono + kLazyAck;
      agenda_.insert(link_);
    }
    cursor_.seq = upto;
    cursor_.tag = tag;
  };
  if (passed_) pass(passed_->upto, passed_->tag);
  passed_.reset();
  for (auto it = groups_.begin(); it != groups_.end() && it->second.open == 0; it = groups_.erase(it)) pass(it->second.upto, it->second.tag);
  memory_.wrong.erase(memory_.wrong.begin(), memory_.wrong.lower_bound({cursor_.seq + 1, Id12{}}));
}

void Fetcher::assert_invariants() const {
  GOSSIP_CHECK(outstanding_.size() <= kWindowBodies && leave_.size() <= kMaxLeave);
  GOSSIP_CHECK(outstanding_bytes_ <= kWindowBytes || outstanding_.size() == 1);
  std::uint64_t open = 0, bytes = 0;
  for (const auto& [number, group] : groups_) {
    open += group.open;
    GOSSIP_CHECK(group.staged <= group.open);
  }
  for (const auto& [seq, out] : outstanding_) {
    bytes += out.size;
    GOSSIP_CHECK(out.entry->second.asked == this);
  }
  GOSSIP_CHECK(open == listings_.size() && bytes == outstanding_bytes_);
}

}  // namespace gossip
