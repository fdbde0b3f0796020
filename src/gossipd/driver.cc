#include "gossipd/driver.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "crypto/openssl.h"
#include "db/peers.h"
#include "gossip/limits.h"
#include "sys/clock.h"

namespace gossip::daemon {
namespace {

constexpr int kRounds = 16;                    // of writing and asking the engine for more, before others get their turn
constexpr Micros kStopTime = 2 * kSecond;      // for sessions to close
constexpr Micros kProbe = 5 * kSecond;

EngineConfig engine_config(const config::Config& config, bool dials) {
  EngineConfig out;
  out.dials = dials;
  out.fetch_interval = config.fetch_interval;
  out.friend_quota = config.friend_quota;
  return out;
}

// "refused (nobody listens there), next try in 12 s"
std::string note_words(const Note& note, Now now) {
  std::string words = note.state == Health::kUp ? "up" : note.why == Why::kNone ? "waiting" : why_words(note.why);
  if (note.state == Health::kUp && note.why != Why::kNone) words += std::string(", ") + why_words(note.why);
  if (note.next) words += ", next try in " + std::to_string(std::max<Micros>(0, *note.next - now.mono) / kSecond) + " s";
  return words;
}

}  // namespace

Now clock_now() { return {sys::mono_us(), sys::wall_ms()}; }

Driver::Driver(const Setup& setup, db::Database db, bool dials, std::initializer_list<int> signals,
               std::optional<sys::Doorbell> bell)
    : setup_(setup),
      db_(std::move(db)),
      crypto_(crypto::make_crypto(setup.config.pq != config::Pq::kOff)),
      rng_(crypto::make_rng()),
      roster_(db_, *crypto_),
      chronicle_(db_, dials ? 0 : 1),
      desk_(setup.config.db_path),
      store_(db_, *crypto_, sys::wall_ms, &desk_),
      engine_(engine_config(setup.config, dials), store_, *crypto_, *rng_, &desk_),
      pings_(db_),
      signals_(signals),
      bell_(std::move(bell)),
      buffer_(kReadAtOnce) {
  store_.keep_told(setup.config.ledger);
}

Driver::~Driver() = default;

void Driver::turn() {
  begin_turn(clock_now());
  wait();
  const Now now = clock_now();
  read_signals(now);
  read_notes(now);
  hear_bell();
  look(poller_, now);
  feed(now);
  after_feed(now);
  if (!stopping_) {
    look_at_store(now);
    probe_room(now);
    engine_.tick(now);
  }
  act(now);
  end_turn(now);
  tell_sessions();
  chronicle_.count(engine_.stats());
  chronicle_.run(now);
  notes_.flush();
}

// --- waiting

void Driver::wait() {
  std::optional<Micros> at = own_deadline();
  auto sooner = [&](std::optional<Micros> other) { at = earlier(at, other); };
  poller_.clear();
  signals_slot_ = poller_.add(signals_.fd(), true);
  notes_slot_ = poller_.add(notes_.fd(), notes_.fd() >= 0, notes_.blocked());
  bell_slot_ = poller_.add(bell_ ? bell_->fd() : -1, bell_ && !stopping_);
  watch(poller_);
  if (!timers_.empty()) sooner(timers_.begin()->first);
  sooner(chronicle_.next_deadline());
  if (!stopping_) sooner(engine_.next_deadline());
  else if (!links_.empty()) sooner(stop_by_);
  if (short_of_room_ && !stopping_) sooner(probe_at_);
  if (std::exchange(again_, false) || !busy_.empty()) at = 0;
  poller_.wait(at ? std::max<Micros>(0, *at - sys::mono_us()) : -1);
}

void Driver::read_signals(Now now) {
  if (!poller_.readable(signals_slot_)) return;
  for (int signal : signals_.take()) {
    if (signal == SIGTERM || signal == SIGINT) {
      if (std::exchange(signalled_, true)) {  // told by the other process does not count: a ^C tells both
        leave_now();
        std::_Exit(0);
      }
      notes_.stop();
      if (!stopping_) begin_stop(now);
    } else if (signal == SIGHUP) {
      notes_.reload();
      reload(now);
    } else {
      on_signal(now, signal);
    }
  }
}

void Driver::read_notes(Now now) {
  if (notes_.fd() < 0 || !poller_.readable(notes_slot_)) return;
  Notes::Heard said = notes_.take();
  if (said.up) hear_sessions(now, *said.up);
  if (said.reload) reload(now);
  if (said.stop && !stopping_) begin_stop(now);
  if (said.gone) sibling_gone(now);
  heard(now, said);
}

// The other process may have been busy, and so not woken by the same ring.
void Driver::hear_bell() {
  if (bell_ && poller_.readable(bell_slot_) && bell_->rung()) notes_.bell();
}

void Driver::sibling_gone(Now now) {
  hear_sessions(now, {});
  notes_ = Notes();
  told_up_.clear();
  sessions_changed_ = true;
}

// Tells the engine how the other process's sessions differ from what it said before.
void Driver::hear_sessions(Now now, const std::vector<PeerId>& up) {
  std::set<PeerId> fresh(up.begin(), up.end());
  for (PeerId peer : sibling_up_)
    if (!fresh.contains(peer)) engine_.handle(now, Sibling{peer, false});
  for (PeerId peer : fresh)
    if (!sibling_up_.contains(peer)) engine_.handle(now, Sibling{peer, true});
  sibling_up_ = std::move(fresh);
  sessions_changed();
}

std::set<PeerId> Driver::up_here() const {
  std::set<PeerId> up;
  for (const auto& [id, link] : links_)
    if (link.announced && !link.over) up.insert(link.channel->peer());
  return up;
}

std::size_t Driver::friends_up() const {
  std::set<PeerId> up = up_here();
  up.insert(sibling_up_.begin(), sibling_up_.end());
  return up.size();
}

// --- the engine's wishes

void Driver::act(Now now) {
  for (int round = 0; round < kRounds; ++round) {
    if (!stopping_ && !flush(now)) commit_failed(now);
    drain(now);
    bool moved = false;
    for (LinkId id : busy_) {
      auto link = links_.find(id);
      if (link != links_.end()) write(now, id, link->second, moved);
    }
    if (!moved && (stopping_ || !engine_.more())) return;
  }
  again_ = true;
}

bool Driver::flush(Now now) {
  auto commits = [&] { return engine_.stats().commits + engine_.stats().commits_failed; };
  const auto before = commits();
  const Micros start = sys::mono_us();
  const bool fine = engine_.flush(now);
  const Micros took = sys::mono_us() - start;
  if (commits() != before && took >= kSlowCommit) engine_.handle(now, CommitTook{took});
  return fine;
}

void Driver::drain(Now now) {
  Action action;
  while (engine_.poll(action)) std::visit([&](auto& one) { on(now, one); }, action);
}

void Driver::on(Now, Send& action) {
  auto link = links_.find(action.link);
  if (link == links_.end()) return;
  link->second.send(action.bytes);
  touch(action.link);
}

void Driver::on(Now now, const Dial& action) {
  const Friend* who = roster_.find(action.peer);
  if (!who || !who->info.dialable) engine_.handle(now, DialFailed{action.peer, Why::kNoAddress});
  else if (who->keys->need_pq && !crypto_->kem()) engine_.handle(now, DialFailed{action.peer, Why::kPqMissing});
  else dial(now, *who);
}

void Driver::on(Now now, const CloseLink& action) {
  auto link = links_.find(action.link);
  if (link == links_.end()) return;
  link->second.over = sessions_changed_ = true;
  link->second.close(now, action.code);
  touch(action.link);
}

void Driver::on(Now, const Stored&) { notes_.bell(); }

void Driver::on(Now now, const Note& action) {
  chronicle_.note(now, action);
  const bool up = action.state == Health::kUp;
  const bool changed = std::exchange(noted_up_[action.peer], up) != up;
  if (changed && session_lines_.take(now.mono))
    sys::info(up ? "a session opened" : std::string("a session ended: ") + why_words(action.why));
  if (action.dialled && (up || action.next) && std::exchange(outage_, action.outage) != action.outage)
    sys::info(action.outage ? "our own network seems to be down" : "our own network seems to be well again");
  warn_of_pq(now, action.why);
  warn_of_copies(now, action.why);
  if (!sys::log_shows(sys::Level::kDebug)) return;
  const Friend* who = roster_.find(action.peer);
  sys::debug((who ? who->name : "a former friend") + (action.dialled ? ", dialled by us: " : ", dialling us: ") + note_words(action, now));
}

void Driver::warn_of_pq(Now now, Why why) {
  if ((why == Why::kPqPolicy || why == Why::kPqMissing) && pq_lines_.pass(now.mono))
    sys::warn("no session with a friend for want of a post-quantum key exchange; gossipc status says with whom, and why");
}

// A friend may say so falsely, and as often as they like.
void Driver::warn_of_copies(Now now, Why why) {
  if (why == Why::kOlderCopy && copy_lines_.pass(now.mono))
    sys::warn("a friend knows more of our log than we do: this database is an older copy, or runs twice; gossipc status says who; "
              "what they hold comes back by itself, but never let one database run twice");
  if (why == Why::kLogTwice && twice_lines_.pass(now.mono))
    sys::warn("a friend's log goes back and forth: the same database seems to run twice; gossipc status says whose");
}

void Driver::tell_sessions() {
  if (sessions_changed_) sessions_changed();
  if (!sessions_changed_ || notes_.fd() < 0) return;
  sessions_changed_ = false;
  std::set<PeerId> up = up_here();
  if (up == told_up_) return;
  notes_.up({up.begin(), up.end()});
  told_up_ = std::move(up);
}

// --- the store

void Driver::look_at_store(Now now) {
  const bool news = store_.refresh();
  if (news) {
    engine_.handle(now, Bell{});
    store_changed(now);
    for (LinkId id : pings_.look(now, links_)) touch(id);
  } else if (!roster_old_) {
    return;
  }
  roster_old_ = false;
  if (db::peers_version(db_) != roster_.version()) load_peers(now);
}

void Driver::peers_changed() {
  roster_old_ = again_ = true;
  notes_.bell();
}

// SIGHUP: peers, and the files the environment names.
void Driver::reload(Now now) {
  if (stopping_) return;
  sys::info("reading peers and files again");
  auto key = config::read_network_key(setup_.config.network_key_file);
  if (key) {
    setup_.secrets.network_key = *key;
  } else {
    sys::error(key.refusal().what + "; going on with the key there was");
    sys::log(sys::Level::kHint, setup_.config.sandbox == config::Sandbox::kOff
                                    ? key.refusal().hint
                                    : "a file put in the place of another can be read only after a start: write into the one there was");
  }
  load_peers(now);
  engine_.handle(now, ClearBackoff{});
}

void Driver::load_peers(Now now) {
  roster_.load(setup_.secrets.network_key, setup_.config.pq == config::Pq::kRequire, now.wall_ms);
  std::vector<PeerInfo> friends = roster_.infos();
  chronicle_.meet(friends);
  engine_.handle(now, PeersChanged{std::move(friends), roster_.quarantine()});
  std::erase_if(noted_up_, [&](const auto& one) { return !roster_.find(one.first); });
  roster_changed(now);
}

void Driver::commit_failed(Now now) {
  probe_at_ = now.mono + kProbe;
  if (!std::exchange(short_of_room_, true)) {
    engine_.handle(now, StoreRoom{false});
    room_changed(false);
  }
  if (!room_lines_.pass(now.mono)) return;
  room_said_ = true;
  sys::error("cannot store: the disk is full, or another program holds the database; what is stored is still served, and a new "
             "try comes every 5 s");
}

void Driver::probe_room(Now now) {
  if (!short_of_room_ || now.mono < probe_at_) return;
  probe_at_ = now.mono + kProbe;
  if (!chronicle_.probe()) return;
  short_of_room_ = false;
  engine_.handle(now, StoreRoom{true});
  room_changed(true);
  if (std::exchange(room_said_, false)) sys::info("the database takes messages again");
}

// --- the end

void Driver::begin_stop(Now now) {
  stopping_ = true;
  stop_by_ = now.mono + kStopTime;
  engine_.finish(now);
  drain(now);
  for (auto& [id, link] : links_) {
    link.over = true;
    if (link.channel->open()) link.close(now, CloseCode::kShutdown);
    else if (!link.announced) link.broken = true;
  }
  everybody();
  sessions_changed_ = true;
  chronicle_.count(engine_.stats());
  chronicle_.close(now);
  again_ = true;
}

}  // namespace gossip::daemon
