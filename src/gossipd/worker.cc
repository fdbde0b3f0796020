#include "gossipd/worker.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "config/version.h"
#include "db/invite.h"
#include "gossipd/run.h"
#include "sys/clock.h"

namespace gossip::daemon {
namespace {

constexpr Micros kLook = 2 * kSecond;         // a lost bell costs no more than this
constexpr Micros kExpiryLook = kMinute;       // the wall clock may be set meanwhile
constexpr Micros kListenerTime = 4 * kSecond;  // to leave, once asked

constexpr int kUnstarted = 3;  // so often in a row the listener could not be started

// Leaving on purpose ends both processes, and so does an exit code that a fresh start would only repeat; a crash does not.
bool ends_both(const sys::Ended& ended) {
  constexpr int kForGood[] = {kDone, kUsage, kLocked, kBadDatabase, kNoRoom};
  return !ended.by_signal && std::ranges::find(kForGood, ended.code) != std::end(kForGood);
}

db::Limits limits(const config::Config& config) { return {config.keep * kDayMs, static_cast<std::int64_t>(config.max_store)}; }

}  // namespace

Worker::Worker(const Setup& setup, db::Database db, Supervisor supervisor, std::optional<sys::Doorbell> bell, Standing standing,
               RunnerEnd runner)
    : Driver(setup, std::move(db), true, {SIGTERM, SIGINT, SIGHUP, SIGCHLD}, std::move(bell)),
      room_(make_room()),
      supervisor_(std::move(supervisor)),
      keysmith_(db_, *rng_, pool_size(setup.config.rsa_bits, setup.config.key_pool, setup.config.bogus_pct)),
      indexer_(db_),
      ledger_(db_, setup.config.ledger),
      challenges_(*rng_),
      retention_(db_, limits(setup.config)),
      checkpointer_(setup.config.db_path),
      hooks_(db_, std::move(runner)),
      standing_(std::move(standing)) {
  checkpointer_.wipe_soon();  // what was deleted while no daemon ran
  const Now now = clock_now();
  note_crashes();
  start_listener(now);
  load_peers(now);
}

int Worker::run() {
  while (!stopping() || !links_closed() || supervisor_.running() || hooks_.running()) turn();
  db_.tidy_at_close();  // closed after the checkpointer's
  standing_.stopping();
  sys::info(code_ == 0 ? "stopped" : "stopped, as the listener had to");
  return code_;
}

void Worker::leave_now() {
  supervisor_.kill();
  sys::info("stopped at once");
}

void Worker::begin_turn(Now now) {
  if (stopping()) standing_.stopping();
  else if (standing_due_) standing_due_ = !standing_.running(friends_up(), roster_.friends().size());
  keep_house(now);
  if (stopping()) hooks_.stop();
  hooks_.run(now, log_size());
  chronicle_.count(hooks_.take_counts());
  look_at_ = now.mono + kLook;
}

void Worker::keep_house(Now now) {
  if (!stopping()) retention_.run(now);
  if (const auto dropped = retention_.take_done()) {
    wipe_soon();
    if (dropped->bytes > 0)
      sys::info("dropped " + std::to_string(dropped->by_age) + " texts by age and " + std::to_string(dropped->by_size) +
                " by size, " + std::to_string(dropped->bytes) + " bytes");
  }
  if (std::exchange(overfull_said_, retention_.overfull()) < retention_.overfull())
    sys::warn("more texts are kept than GOSSIPD_MAX_STORE allows, and those that may be dropped are not enough: none is");
  if (now.mono >= checkpoint_at_) checkpoint_at_ = checkpointer_.run_if_due(now.mono);
}

void Worker::watch(sys::Poller& poller) {
  hooks_.watch(poller);
  if (stopping()) return;
  poller.add(keysmith_.fd(), true);
  dials_.watch(poller);
  bogus_.watch(poller);
}

std::optional<Micros> Worker::own_deadline() const {
  Micros at = look_at_;
  if (stopping()) return kill_at_ ? std::min(at, *kill_at_) : at;
  at = std::min({at, checkpoint_at_, ledger_.next_deadline(), expire_at_});
  for (auto other : {retention_.next_deadline(), keysmith_.next_deadline(), indexer_.next_deadline(), hooks_.next_deadline(),
                     dials_.next_deadline(), supervisor_.start_at(), challenges_.next_deadline(), bogus_.next_deadline()})
    if (other) at = std::min(at, *other);
  return at;
}

void Worker::look(const sys::Poller& poller, Now now) {
  hooks_.look(poller, now);
  if (auto ended = supervisor_.ended()) listener_ended(now, *ended);
  if (stopping()) return hurry_listener(now);
  if (supervisor_.start_at() && now.mono >= *supervisor_.start_at()) start_listener(now);
  if (now.mono >= expire_at_) expire(now);
  keysmith_.run(now);
  indexer_.run(now);
  if (indexer_.take_cleared()) wipe_soon();
  ledger_.run(now);
  dials_.look(poller, now);
  Dials::Outcome outcome;
  while (dials_.next(outcome)) connected(now, outcome);
  bogus_.look(poller, now);
  challenge(now);
  while (bogus_.next(outcome)) challenge_at(now, outcome);
}

// Whoever wrote: a bell to the listener for what it wrote itself is cheaper than one that is missed.
void Worker::store_changed(Now) {
  keysmith_.recount();
  notes_.bell();
  if (retention_.deleted_by_hand()) wipe_soon();
}

// What was deleted is still in the log of writes, and in the file until that is written back.
void Worker::wipe_soon() {
  checkpoint_at_ = 0;
  checkpointer_.wipe_soon();
}

// A dial at addresses of before is begun anew, so that new ones take effect at once.
void Worker::roster_changed(Now now) {
  standing_due_ = true;
  plan_expiry(now);
  const auto known = [this](PeerId peer) { return roster_.find(peer) != nullptr; };
  dials_.drop_unless(known);
  bogus_.drop_unless(known);
  std::vector<PeerId> dialable;
  for (const auto& [peer, one] : roster_.friends()) {
    if (one.info.dialable) dialable.push_back(peer);
    if (!dials_.outdated(peer, one.addresses)) continue;
    const bool connecting = dials_.under_way(peer), shaking = drop_handshake(peer);
    if (!connecting && !shaking) continue;
    dials_.give_up(peer);
    if (one.info.dialable) dial(now, one);
    else tell(now, DialFailed{peer, Why::kNoAddress});
  }
  if (covers()) challenges_.set_friends(now, std::move(dialable));
}

// --- dialling

void Worker::dial(Now now, const Friend& who) {
  if (room_.sessions < kMaxPeers && links_.size() - challenging_.size() >= room_.sessions)
    return tell(now, DialFailed{who.info.peer, Why::kThisMachine});
  dials_.start(now, who.info.peer, who.addresses, who.worked);
}

// Gives up a handshake under way; the engine is told nothing. False: there was none.
bool Worker::drop_handshake(PeerId peer) {
  auto shaking = [&](const auto& one) { return !one.second.announced && !one.second.over && one.second.channel->peer() == peer; };
  const auto link = std::find_if(links_.begin(), links_.end(), shaking);  // one dial at a time
  if (link == links_.end()) return false;
  drop(link->first);
  return true;
}

// Which address it was is worth no trouble: where it cannot be written, the next session says it again.
void Worker::link_opened(LinkId id) {
  const PeerId peer = links_.at(id).channel->peer();
  const auto address = dials_.opened(peer);
  if (!address) return;
  db::done([&] { db::note_worked(db_, peer, *address); });
}

void Worker::connected(Now now, Dials::Outcome& outcome) {
  const Friend* who = roster_.find(outcome.peer);
  Why why = outcome.why;
  if (outcome.fd && who && who->keys) {
    try {
      adopt(std::move(outcome.fd), Channel::dial(*crypto_, *rng_, keys_for(*who), now));
      return;
    } catch (const std::runtime_error& error) {
      why = Why::kThisMachine;
      sys::warn(std::string("a handshake could not be begun: ") + error.what());
    }
  }
  tell(now, DialFailed{outcome.peer, why == Why::kNone ? Why::kChanged : why});
}

// Where we join by an invitation and nobody knows whether the friend has our key yet, both are tried in turn.
std::shared_ptr<const PairKeys> Worker::keys_for(const Friend& who) {
  if (!who.next) {
    next_turn_.erase(who.info.peer);
    return who.keys;
  }
  bool& next = next_turn_[who.info.peer];
  return std::exchange(next, !next) ? who.next : who.keys;
}

// --- invitations

void Worker::plan_expiry(Now now) {
  const auto until_ms = db::next_expiry(db_);
  const Micros wait = until_ms ? std::max<std::int64_t>(0, *until_ms - now.wall_ms) : kHour;
  expire_at_ = now.mono + std::min(kExpiryLook, std::min<Micros>(wait, kHour / kMillisecond) * kMillisecond);
}

void Worker::expire(Now now) {
  expire_at_ = now.mono + kExpiryLook;
  db::done([&] {
    if (db::expire_invitations(db_, now.wall_ms)) peers_changed();
    plan_expiry(now);
  });
}

// --- cover

void Worker::challenge(Now now) {
  while (const auto peer = challenges_.due(now)) {
    const Friend* who = roster_.find(*peer);
    const bool room = challenging_.size() + bogus_.under_way() < kChallengesAtOnce && links_.size() < room_.sessions;
    if (who && who->info.dialable && room && !bogus_.under_way(*peer)) bogus_.start(now, *peer, who->addresses, who->worked);
  }
}

// On the wire and in its cost a dial like any other; but the engine, and so the books on how the friend is, hear nothing of it.
void Worker::challenge_at(Now now, Dials::Outcome& outcome) {
  const Friend* who = roster_.find(outcome.peer);
  if (!outcome.fd || !who || !who->keys) return;
  try {
    auto nobody = std::make_shared<const PairKeys>(nobody_like(*crypto_, *rng_, *who->keys));
    const LinkId id = adopt(std::move(outcome.fd), Channel::dial(*crypto_, *rng_, std::move(nobody), now));
    links_.at(id).over = true;
    challenging_.insert(id);
    chronicle_.count({{"bogus_challenges", 1}});
  } catch (const std::runtime_error& error) {
    sys::debug(std::string("a bogus challenge could not be begun: ") + error.what());
  }
}

// --- the listener

void Worker::start_listener(Now now) { notes_ = Notes(supervisor_.start(now.mono, setup_.secrets)); }

void Worker::hurry_listener(Now now) {
  if (kill_at_ && now.mono >= *kill_at_) supervisor_.kill();
  if (!kill_at_ || now.mono >= *kill_at_) kill_at_ = now.mono + kListenerTime;
}

// What either process left behind when it crashed. Where it cannot be stored now, it is there at the next crash or start.
bool Worker::note_crashes() try {
  const std::string& path = setup_.config.db_path;
  if (db::forget_crashes_of_others(db_, config::kProgramVersion)) forget_left_behind(path);
  const std::vector<db::Crash> fresh = left_behind(path, sys::wall_ms());
  if (fresh.empty()) return false;
  db::note_crashes(db_, fresh);
  forget_left_behind(path);
  sys::error("what a friend sent made gossipd crash: the friend is put off, and a message is refused from now on; gossipc status says who");
  return true;
} catch (const db::Error& error) {
  if (!error.may_pass()) throw;
  sys::warn(std::string("a crash could not be noted: ") + error.what());
  return false;
}

void Worker::listener_ended(Now now, const sys::Ended& ended) {
  sibling_gone(now);
  if (stopping()) return;
  if (note_crashes()) load_peers(now);
  const bool unstarted = !ended.by_signal && ended.code == 127;
  unstarted_ = unstarted ? unstarted_ + 1 : 0;
  if (unstarted_ == kUnstarted) {  // what runs programs was replaced, and our fence knows only the old one
    sys::error("the listener cannot be started any more; start gossipd again");
    code_ = kNoRoom;
    return begin_stop(now);
  }
  if (!ends_both(ended)) return supervisor_.plan(now.mono, ended);
  code_ = ended.code;
  begin_stop(now);
}

}  // namespace gossip::daemon
