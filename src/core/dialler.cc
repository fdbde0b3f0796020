#include "core/dialler.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip {

constexpr Micros kLongestWait = kMinute;            // within a day of the last success or change
constexpr Micros kLongestWaitLater = 5 * kMinute;
constexpr Micros kRecently = 24 * kHour;
constexpr Micros kOutageWindow = kMinute;
constexpr Micros kOutageRetry = 30 * kSecond;
constexpr std::size_t kOutageFriends = 3;           // with fewer, "more than half of them" says nothing about us
constexpr std::size_t kOutageJudged = 11;           // of more friends than this, more than half of this many are enough
constexpr Micros kSteady = 10 * kSecond;            // a session that lasted so long was no failure
constexpr Micros kSpread = 50 * kMillisecond;       // per friend, at start; at most kLongestSpread
constexpr Micros kLongestSpread = 5 * kSecond;
constexpr Micros kToldGrain = 2 * kSecond;          // a next try that moved by no more is no news
constexpr unsigned kManyMisses = 8;                 // beyond these, who has waited longest is next
constexpr std::size_t kKeptForTheWell = 1;          // of the slots

Micros Dialler::jitter(Micros wait) { return wait * static_cast<Micros>(800 + rng_.below(401)) / 1000; }

Dialler::Friend* Dialler::find(PeerId peer) {
  auto it = friends_.find(peer);
  return it == friends_.end() ? nullptr : &it->second;
}

// --- what is told

static bool same(const Note& a, const Note& b) {
  if (a.state != b.state || a.why != b.why || a.outage != b.outage || a.next.has_value() != b.next.has_value()) return false;
  return !a.next || (*a.next - *b.next <= kToldGrain && *b.next - *a.next <= kToldGrain);
}

// A friend being dialled is one who waits and whose time has come: that is told already.
void Dialler::tell(Now now, Friend& f) {
  const bool up = f.state == Health::kUp;
  Note note{f.info.peer, true, up ? Health::kUp : Health::kWaiting, f.why, std::nullopt, f.failures, false};
  if (!up && f.info.dialable) {
    note.next = dialling(f) ? now.mono : due_at(f);
    note.outage = outage_;
  }
  if (f.told ? same(*f.told, note) : !f.info.dialable) return;
  f.told = note;
  notes_.push_back(note);
}

bool Dialler::next_note(Note& out) {
  if (notes_.empty()) return false;
  out = notes_.front();
  notes_.pop_front();
  return true;
}

// --- who there is

void Dialler::set_peers(Now now, const std::vector<PeerInfo>& peers) {
  if (!config_.dials) return;
  std::map<PeerId, Friend> next;
  std::vector<PeerId> fresh;
  for (const PeerInfo& info : peers) {
    Friend* old = find(info.peer);
    const bool known = old && old->info.gen == info.gen;
    const bool changed = !known || old->info.address_stamp != info.address_stamp;
    Friend& f = next[info.peer];
    if (known) f = *old;
    f.info = info;
    if (changed) fresh.push_back(info.peer);
  }
  friends_ = std::move(next);
  dialling_ = 0;
  for (const auto& [peer, f] : friends_) dialling_ += dialling(f);
  spread(now, fresh, peers.size());
  if (outage_) set_outage(now, own_outage(now));
  for (auto& [peer, f] : friends_) tell(now, f);
  reckon();
}

// Those who are new, or have a new address or key, are due within a moment: first who was up last, the others in any order.
void Dialler::spread(Now now, const std::vector<PeerId>& fresh, std::size_t all) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, PeerId>> order;
  for (PeerId peer : fresh) order.emplace_back(~friends_.at(peer).info.last_up, rng_.below(std::uint64_t{1} << 32), peer);
  std::sort(order.begin(), order.end());
  const auto count = static_cast<Micros>(std::max<std::size_t>(order.size(), 1));
  const Micros step = std::max<Micros>(1, std::min(kLongestSpread, kSpread * static_cast<Micros>(all)) / count);
  Micros at = now.mono;
  for (const auto& [last_up, any, peer] : order) {
    Friend& f = friends_.at(peer);
    f.failures = f.misses = 0;
    f.since = now.mono;
    f.next = at + static_cast<Micros>(rng_.below(static_cast<std::uint64_t>(step)));
    at += step;
  }
}

// --- what happens to them

void Dialler::up(Now now, PeerId peer) {
  Friend* f = find(peer);
  if (!f) return;
  if (dialling(*f)) --dialling_;
  f->redial = false;
  f->known = true;
  f->misses = 0;
  f->up_at = f->since = now.mono;
  f->next = now.mono + kSessionAge;
  f->state = Health::kUp;
  f->why = Why::kNone;
  set_outage(now, false);
  tell(now, *f);
  reckon();
}

// Ended because of what they have: it will be the same in a moment.
static bool of_their_log(Why why) { return why == Why::kWrongMessage || why == Why::kLogChanging || why == Why::kLogTwice; }

void Dialler::down(Now now, PeerId peer, Why why) {
  Friend* f = find(peer);
  if (!f || f->state != Health::kUp) return;
  f->since = now.mono;
  f->why = why;
  f->state = f->redial ? Health::kDialling : Health::kWaiting;
  const bool steady = now.mono - f->up_at >= kSteady, first = f->failures == 0;
  if (steady) f->failures = 0;
  if (of_their_log(why) || !(steady || first)) {
    count_failure(now, *f, true);
  } else {  // it was well: try again soon, once
    f->failures = steady ? 0 : 1;
    f->next = now.mono + jitter(std::min(kSecond, config_.fetch_interval) / 2);
  }
  if (!std::exchange(f->redial, false)) tell(now, *f);  // else the dial under way tells how it ended
  reckon();
}

void Dialler::failed(Now now, PeerId peer, Why why) {
  Friend* f = find(peer);
  if (!f || !dialling(*f)) return;
  --dialling_;
  if (f->redial) {  // the old session goes on
    f->redial = false;
    f->next = now.mono + kHour;
  } else {
    f->state = Health::kWaiting;
    f->why = why == Why::kNotRecognised && f->inbound && !f->again ? Why::kSomebodyElse : why;
    if (std::exchange(f->again, false)) f->next = now.mono;
    else count_failure(now, *f, somebody_answered(why));
    tell(now, *f);
  }
  reckon();
}

void Dialler::count_failure(Now now, Friend& f, bool answered) {
  f.failed_at = now.mono;
  ++f.misses;
  f.answered = answered;
  const bool outage = own_outage(now);
  f.put_off = outage;
  f.next = now.mono + (outage ? jitter(kOutageRetry) : back_off(now, f));
  if (!outage) ++f.failures;
  set_outage(now, outage);
}

Micros Dialler::back_off(Now now, const Friend& f) {
  const Micros longest = now.mono - f.since < kRecently ? kLongestWait : kLongestWaitLater;
  Micros wait = config_.fetch_interval;
  for (unsigned i = 0; i < f.failures && wait < 2 * longest; ++i) wait += wait / 2;
  wait = jitter(wait);
  return wait <= longest ? wait : longest - static_cast<Micros>(rng_.below(static_cast<std::uint64_t>(longest / 5)));
}

// More than half of all friends failing within a minute, and nobody up or answering, is our own network. Of many friends so many
// are not even tried in a minute (gossip(7), DIALLING): there, enough of them one after the other.
bool Dialler::own_outage(Now now) const {
  std::size_t failing = 0, all = 0;
  for (const auto& [peer, f] : friends_) {
    if (f.state == Health::kUp || f.inbound) return false;
    if (!f.info.dialable) continue;
    ++all;
    if (!f.failed_at || now.mono - *f.failed_at >= kOutageWindow) continue;
    if (f.answered) return false;
    ++failing;
  }
  return all >= kOutageFriends && 2 * failing > std::min(all, kOutageJudged);
}

// Our own network is back: nobody waits for longer than the first wait after a failure.
void Dialler::set_outage(Now now, bool outage) {
  if (std::exchange(outage_, outage) == outage) return;
  for (auto& [peer, f] : friends_) {
    const bool waits = !outage && f.state == Health::kWaiting && f.put_off;
    if (waits) f.next = std::min(f.next, now.mono + jitter(config_.fetch_interval));
    f.put_off = f.put_off && outage;
    tell(now, f);
  }
}

void Dialler::inbound(Now now, PeerId peer, bool up) {
  Friend* f = find(peer);
  if (!f) return;
  f->inbound = up;
  f->again = up && f->state == Health::kDialling;
  if (!up) return;
  f->known = true;
  f->failures = f->misses = 0;
  if (f->state == Health::kWaiting) f->next = now.mono;
  set_outage(now, false);
  tell(now, *f);
  reckon();
}

void Dialler::clear(Now now) {
  set_outage(now, false);
  for (auto& [peer, f] : friends_) {
    if (f.state != Health::kWaiting) continue;
    f.failures = f.misses = 0;
    f.next = now.mono;
    f.not_before = 0;
    tell(now, f);
  }
  reckon();
}

void Dialler::put_off(Now now, PeerId peer, Micros until) {
  Friend* f = find(peer);
  if (!f) return;
  f->not_before = until;
  if (f->state == Health::kWaiting) f->why = Why::kMadeUsCrash;
  tell(now, *f);
  reckon();
}

// --- who is next

// Less is sooner. A black hole holds a slot for as long as its deadlines last: so who was well comes first, then who was not
// tried yet, then who missed the fewest calls.
unsigned Dialler::rank(const Friend& f) const {
  if (f.state == Health::kUp) return 2;
  const unsigned missed = std::max(f.misses, f.failures);
  return missed == 0 ? !f.known : 2 + std::min(missed, kManyMisses);
}

bool Dialler::may_dial(const Friend& f) const {
  return f.info.dialable && !dialling(f) && dialling_ + (rank(f) == 0 ? 0 : kKeptForTheWell) < kDialsAtOnce;
}

std::optional<PeerId> Dialler::due(Now now) {
  if (!next_ || now.mono < *next_) return std::nullopt;
  Friend* first = nullptr;
  for (auto& [peer, f] : friends_) {
    if (!may_dial(f) || now.mono < due_at(f)) continue;
    if (!first || std::make_pair(rank(f), f.next) < std::make_pair(rank(*first), first->next)) first = &f;
  }
  GOSSIP_CHECK(first != nullptr);
  ++dialling_;
  next_slot_ = now.mono + kDialSpacing;
  if (first->state == Health::kUp) first->redial = true;
  else first->state = Health::kDialling;
  reckon();
  return first->info.peer;
}

void Dialler::reckon() {
  next_.reset();
  for (const auto& [peer, f] : friends_) {
    if (may_dial(f)) next_ = earlier(next_, due_at(f));
  }
  if (next_) next_ = std::max(*next_, next_slot_);
}

}  // namespace gossip
