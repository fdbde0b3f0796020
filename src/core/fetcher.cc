#include "core/fetcher.h"

#include <algorithm>

#include "core/ladder.h"
#include "gossip/check.h"
#include "gossip/message.h"

namespace gossip {

constexpr Micros kSlowest = 10 * kSecond;  // a round trip counts as no more than this

Fetcher::Fetcher(Store& store, Tracker& tracker, EngineStats& stats, FetchMemory& memory, PeerId peer, std::uint64_t gen,
                 LinkId link, OrderedSet<LinkId>& agenda, OrderedSet<LinkId>& unsaved)
    : store_(store), tracker_(tracker), stats_(stats), memory_(memory), peer_(peer), gen_(gen), link_(link),
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
    ladder_ = store_.ladder(peer_, gen_);
    descend(ladder_, cursor_.seq);
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
  memory_.descending = memory_.unsettled = false;
  size_ = head.size;
  upto_ = cursor_.seq;
  state_ = State::kStreaming;
  return Verdict::kOk;
}

Fetcher::Verdict Fetcher::on_have(Now now, View payload) {
  if (state_ != State::kStreaming) return Verdict::kProtocolError;
  const auto have = decode_have(payload, upto_);
  if (!have || have->upto < upto_ || have->upto > size_ || have->entries.size() > granted_) return Verdict::kProtocolError;
  ++stats_.haves;
  if (have->upto == upto_) return Verdict::kOk;  // nothing new
  granted_ -= have->entries.size();
  upto_ = have->upto;
  std::uint64_t group = 0;
  const Reads reads(store_);
  for (const HaveEntry& e : have->entries) {
    const MessageKey key{e.epoch, e.id12};
    auto wrong = memory_.wrong.find({e.seq, e.id12});
    if (wrong != memory_.wrong.end() && wrong->second >= kWrongBodies) continue;
    const Tracker::Place place = tracker_.place(key);
    if (!place.taken && store_.told(key.epoch, key.id12, {peer_, now.wall_ms})) continue;
    if (place.taken && place.at->second.of(this)) return Verdict::kProtocolError;  // a log holds a message once
    if (group == 0) groups_.insert({group = ++last_group_, HaveGroup{have->upto, have->tag, 0, 0}});
    EntryRef entry = tracker_.list(key, place, Provider{this, e.seq, e.size, group, false, now.wall_ms});
    listings_.insert({e.seq, entry});
    if (entry->second.state != Entry::State::kUnasked) continue;
    if (place.taken) tracker_.ask_again(entry); else tracker_.ask(entry);
  }
  recount();
  if (credit_due()) agenda_.insert(link_);
  if (group != 0) return Verdict::kOk;
  if (groups_.empty()) {  // nothing is open: what comes before it decides alone how far the cursor may go
    if (!passed_) passed_ladder_ = ladder_;
    climb(passed_ladder_, {have->upto, have->tag});
    passed_ = Rung{have->upto, have->tag};
    unsaved_.insert(link_);
  } else {
    HaveGroup& last = std::prev(groups_.end())->second;
    last.upto = have->upto;
    last.tag = have->tag;
  }
  return Verdict::kOk;
}

Fetcher::Verdict Fetcher::on_body(Now now, const Body& body, const Hash& id) {
  ++stats_.bodies;
  auto leave = leave_.find(body.seq);
  if (leave == leave_.end()) return Verdict::kProtocolError;
  const Asked asked = leave->second;
  std::optional<EntryRef> entry;  // stays, as it is asked for
  if (auto out = outstanding_.find(body.seq); out != outstanding_.end()) entry = out->second.entry;
  const bool late = !entry;
  answered(now, body.seq);
  body_until_ = 0;
  // Given up for lost, and asked of others: it is welcome only while anything is.
  if (late && (barred() || tracker_.paused || tracker_.staged_bytes() >= kBatchBytes)) return Verdict::kOk;
  return take_body(body, id, asked, entry);
}

Fetcher::Verdict Fetcher::refuse(Now now, Seq seq) {
  if (!leave_.contains(seq)) return Verdict::kProtocolError;
  ++stats_.refused;
  answered(now, seq);
  body_until_ = 0;
  resolve_here(seq);
  return Verdict::kOk;
}

Fetcher::Verdict Fetcher::take_body(const Body& body, const Hash& id, const Asked& asked, std::optional<EntryRef> entry) {
  if (body.message.size() != asked.size) return wrong_body(body.seq, asked.key.id12);
  Incoming incoming{id, asked.key.epoch, peer_, {}};
  if (!std::equal(asked.key.id12.begin(), asked.key.id12.end(), id.begin())) return wrong_body(body.seq, asked.key.id12);
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
  taken_ += body.message.size() + kRowCost;
  if (!entry) entry = tracker_.find(asked.key);
  const bool known = !entry && store_.held(asked.key.epoch, asked.key.id12);
  if (known || !tracker_.accept(entry ? *entry : tracker_.unlisted(asked.key), std::move(incoming))) ++stats_.bodies_twice;
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
  window_ = std::min(kWindowBodies, window_ + 1);
  progress_at_ = now.mono + wait();
  agenda_.insert(link_);
}

void Fetcher::resolve_here(Seq seq) {
  auto it = listings_.find(seq);
  if (it != listings_.end()) tracker_.drop_provider(EntryRef(it->second), this, seq);
}

void Fetcher::assert_invariants() const {
  GOSSIP_CHECK(ladder_.size() <= kMaxRungs && (ladder_.empty() || ladder_.back().upto <= cursor_.seq));
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
