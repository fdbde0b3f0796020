#include "gossipd/listener.h"

#include <fcntl.h>

#include <csignal>

#include "crypto/keys.h"
#include "db/peers.h"
#include "gossip/secret.h"
#include "gossipd/descriptors.h"
#include "sys/fd.h"

namespace gossip::daemon {
namespace {

constexpr int kAcceptAtOnce = 256;
constexpr int kWorkAtOnce = 16;  // M1s of one turn, a few ms: a burst of strangers must not keep friends waiting for its end
constexpr Micros kAcceptPause = 100 * kMillisecond;
constexpr Micros kCountEvery = kMinute;
constexpr Micros kSayEvery = 10 * kMinute;

sys::Fd spare() { return sys::Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Listener::Listener(const Setup& setup, db::Database db, sys::Fd notes, sys::Fd listening, std::optional<sys::Doorbell> bell)
    : Driver(setup, std::move(db), false, {SIGTERM, SIGINT, SIGHUP}, std::move(bell)),
      listening_(std::move(listening)),
      reserve_(spare()),
      responder_(std::make_unique<Responder>(*crypto_, *rng_)),
      gate_(make_room().callers, rng_->u64()),
      resolver_([](const std::string& host) { return Found{host, sys::resolve(host, 0)}; }, kDialsAtOnce) {
  notes_ = Notes(std::move(notes));
  const Now now = clock_now();
  say_at_ = now.mono + kSayEvery;
  load_peers(now);
}

int Listener::run() {
  while (!parent_gone_ && !(stopping() && links_closed() && !notes_.blocked())) turn();
  return 0;
}

void Listener::watch(sys::Poller& poller) {
  const bool accepting = room_ && !stopping() && accept_again_ == 0;
  listening_slot_ = poller.add(listening_.get(), accepting);
  resolver_slot_ = poller.add(resolver_.fd(), true);
}

std::optional<Micros> Listener::own_deadline() const {
  std::optional<Micros> at = gate_.next_deadline(clock_now());
  auto sooner = [&](Micros other) { at = earlier(at, other); };
  if (accept_again_ > 0) sooner(accept_again_);
  if (uncounted_) sooner(count_at_);
  if (strangers_ > 0) sooner(say_at_);
  return at;
}

void Listener::look(const sys::Poller& poller, Now now) {
  if (accept_again_ > 0 && now.mono >= accept_again_) accept_again_ = 0;
  if (poller.readable(listening_slot_)) accept_callers(now);
  if (!poller.readable(resolver_slot_)) return;
  for (auto found = resolver_.take(); found; found = resolver_.take()) {
    asked_.erase(found->host);
    answered_[found->host] = std::move(found->numbers);
  }
  learn_addresses(false);
}

// Without its parent it finishes what it was doing and leaves.
void Listener::heard(Now now, const Notes::Heard& said) {
  if (!said.gone) return;
  if (!stopping()) begin_stop(now);
  parent_gone_ = true;
}

void Listener::after_feed(Now now) {
  for (LinkId id : busy()) {
    auto link = links_.find(id);
    if (link == links_.end() || link->second.announced || link->second.over) continue;
    if (link->second.channel->wants_work()) gate_.wait(id);
    if (!link->second.channel->draining()) continue;
    gate_.draining(id);
    uncounted_ = true;
  }
  for (int i = 0; i < kWorkAtOnce; ++i) {
    const auto id = gate_.next(now);
    if (!id) break;
    auto link = links_.find(*id);
    if (link == links_.end() || !link->second.channel->wants_work()) continue;
    link->second.work(now);
    touch(*id);
    uncounted_ = true;
  }
  count_callers(now);
  say_strangers(now);
}

void Listener::link_gone(LinkId id, const Link& link) {
  gate_.leave(id);
  if (!link.announced) uncounted_ = true;
}

// --- callers

void Listener::accept_callers(Now now) {
  for (int i = 0; i < kAcceptAtOnce && accept_one(now); ++i) continue;
}

bool Listener::accept_one(Now now) {
  sys::Call call;
  switch (sys::accept_call(listening_.get(), call)) {
    case sys::Accepted::kNone: return false;
    case sys::Accepted::kNoDescriptor:
      // the reserve lets one caller in and out again, so that the queue does not stand still
      reserve_.reset();
      if (sys::accept_call(listening_.get(), call) == sys::Accepted::kCall) turn_away();
      call.fd.reset();
      reserve_ = spare();
      accept_again_ = now.mono + kAcceptPause;
      if (descriptor_lines_.pass(now.mono)) sys::warn("no descriptors left for callers, see ulimit -n");
      return false;
    case sys::Accepted::kCall: break;
  }
  const LinkId id = adopt(std::move(call.fd), Channel::accept(*crypto_, *rng_, *responder_, now));
  Gate::Verdict verdict = gate_.enter(now, id, Address::v6(call.from.bytes16()));
  if (verdict.evict) drop(*verdict.evict);
  if (!verdict.in) drop(id);
  if (verdict.evict || !verdict.in) turn_away();
  return true;
}

void Listener::turn_away() {
  ++turned_away_;
  uncounted_ = true;
}

// Where every key was taken when we started, nobody could be answered until now.
void Listener::store_changed(Now) {
  if (!responder_->ready()) choose_decoy();
}

void Listener::roster_changed(Now) {
  responder_->set_peers(roster_.keys());
  choose_decoy();
  learn_addresses(true);
}

// Chosen anew with every change of peers: the key shown so far may be a friend's by now.
void Listener::choose_decoy() {
  std::optional<Bytes> der;
  const bool first = !responder_->ready();
  try {
    der = db::random_unassigned_key(db_);
    if (!der) return;  // the old one serves until the worker has made another
    responder_->set_decoy(crypto::public_half(*der));
  } catch (const std::runtime_error& error) {
    const auto* trouble = dynamic_cast<const db::Error*>(&error);
    if (trouble && trouble->trouble() != db::Trouble::kDamaged) throw;
    if (decoy_lines_.pass(clock_now().mono)) sys::error(std::string("a spare key is left out: ") + error.what());
  }
  if (der) wipe(*der);
  if (!first) return;
  for (const auto& [id, link] : links_)
    if (!link.over && link.channel->wants_work()) gate_.wait(id);  // since before anybody could be answered
}

// Some places among the callers are kept for the addresses of friends. ask: names are looked up anew; what was known of them
// counts until the answer comes.
void Listener::learn_addresses(bool ask) {
  std::vector<Address> known;
  std::map<std::string, std::vector<sys::Address>> answered;
  for (const auto& [peer, one] : roster_.friends()) {
    for (const db::Address& where : one.addresses) {
      if (auto number = sys::Address::parse(where.host, 0)) {
        known.push_back(Address::v6(number->bytes16()));
        continue;
      }
      const auto& numbers = answered[where.host] = answered_[where.host];
      for (const sys::Address& number : numbers) known.push_back(Address::v6(number.bytes16()));
      if (ask && asked_.insert(where.host).second) resolver_.post(where.host);
    }
  }
  answered_ = std::move(answered);
  gate_.set_known(known);
}

// --- what is said of callers: counters, a reason beside a friend's name in status, and one line in ten minutes

void Listener::count_callers(Now now) {
  if (!uncounted_ || now.mono < count_at_) return;
  uncounted_ = false;
  count_at_ = now.mono + kCountEvery;
  CallerCounts counts = responder_->drain_counts();
  strangers_ += counts.strangers;
  Counters deltas{{"strangers", counts.strangers}, {"turned_away", std::exchange(turned_away_, 0)}};
  for (const ReasonCount& one : counts.reasons) {
    deltas.emplace_back(std::string("attempts: ") + why_code(why_of(one.reason)), one.count);
    chronicle_.note_attempt(now, one.peer, why_of(one.reason));
    warn_of_pq(now, why_of(one.reason));
  }
  chronicle_.count(deltas);
}

void Listener::say_strangers(Now now) {
  if (strangers_ == 0 || now.mono < say_at_) return;
  say_at_ = now.mono + kSayEvery;
  sys::info(std::to_string(std::exchange(strangers_, 0)) + " unknown callers were shown the decoy");
}

}  // namespace gossip::daemon
