#include "gossipd/driver.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "crypto/openssl.h"
#include "db/peers.h"
#include "sys/clock.h"
#include "sys/tcp.h"

namespace gossip::daemon {
namespace {

constexpr std::size_t kReadAtOnce = 128 * 1024;
constexpr int kRounds = 16;                    // of writing and asking the engine for more, before others get their turn
constexpr Micros kStopTime = 2 * kSecond;      // for sessions to close
constexpr Micros kProbe = 5 * kSecond;

EngineConfig engine_config(const config::Config& config, bool dials) {
  EngineConfig out;
  out.dials = dials;
  out.fetch_interval = config.fetch_interval;
  return out;
}

std::string dial_words(End end) {
  if (end != End::kNotRecognised) return end_words(end);
  return "not recognised: they have not added us or not set our key, or one side has an old key or another network key";
}

}  // namespace

Now clock_now() { return {sys::mono_us(), sys::wall_ms()}; }

Driver::Driver(const Setup& setup, db::Database db, bool dials, std::initializer_list<int> signals)
    : setup_(setup),
      db_(std::move(db)),
      crypto_(crypto::make_crypto()),
      rng_(crypto::make_rng()),
      roster_(db_, *crypto_),
      chronicle_(db_, dials ? 0 : 1),
      store_(db_, *crypto_, sys::wall_ms),
      engine_(engine_config(setup.config, dials), store_, *crypto_, *rng_),
      signals_(signals),
      buffer_(kReadAtOnce) {}

Driver::~Driver() = default;

void Driver::turn() {
  begin_turn(clock_now());
  wait();
  const Now now = clock_now();
  read_signals(now);
  read_notes(now);
  look(poller_, now);
  for (auto& [id, link] : links_) {
    if (link.slot && poller_.readable(*link.slot)) link.read(now, buffer_);
    link.tick(now);
    settle(now, id, link);
  }
  after_feed(now);
  if (!stopping_) {
    look_at_store(now);
    probe_room(now);
    engine_.tick(now);
  }
  act(now);
  for (auto& [id, link] : links_) {
    bool moved = false;
    link.end_turn(now);
    write(now, id, link, moved);
    again_ = again_ || moved;  // the engine was told of room, and nobody asks it again this turn
    settle(now, id, link);
  }
  remove_gone(now);
  tell_sessions();
  chronicle_.count(engine_.stats());
  chronicle_.run(now);
  notes_.flush();
}

// --- waiting

void Driver::wait() {
  std::optional<Micros> at = own_deadline();
  auto sooner = [&](std::optional<Micros> other) {
    if (other) at = at ? std::min(*at, *other) : *other;
  };
  poller_.clear();
  signals_slot_ = poller_.add(signals_.fd(), true);
  notes_slot_ = poller_.add(notes_.fd(), notes_.fd() >= 0, notes_.blocked());
  watch(poller_);
  for (auto& [id, link] : links_) {
    link.watch(poller_);
    sooner(link.channel->next_deadline());
  }
  sooner(chronicle_.next_deadline());
  if (!stopping_) sooner(engine_.next_deadline());
  else if (!links_.empty()) sooner(stop_by_);
  if (short_of_room_ && !stopping_) sooner(probe_at_);
  if (std::exchange(again_, false)) at = 0;
  poller_.wait(at ? std::max<Micros>(0, *at - sys::mono_us()) : -1);
}

void Driver::read_signals(Now now) {
  for (int signal : signals_.take()) {
    if (signal == SIGTERM || signal == SIGINT) {
      if (!stopping_) {
        notes_.stop();
        begin_stop(now);
      } else {
        leave_now();
        std::_Exit(0);
      }
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

void Driver::sibling_gone(Now now) {
  hear_sessions(now, {});
  notes_ = Notes();
  told_up_.clear();
}

// Tells the engine how the other process's sessions differ from what it said before.
void Driver::hear_sessions(Now now, const std::vector<PeerId>& up) {
  std::set<PeerId> fresh(up.begin(), up.end());
  for (PeerId peer : sibling_up_)
    if (!fresh.contains(peer)) engine_.handle(now, Sibling{peer, false});
  for (PeerId peer : fresh)
    if (!sibling_up_.contains(peer)) engine_.handle(now, Sibling{peer, true});
  sibling_up_ = std::move(fresh);
}

// --- links

LinkId Driver::adopt(sys::Fd fd, std::unique_ptr<Channel> channel) {
  Link link;
  link.fd = std::move(fd);
  link.channel = std::move(channel);
  links_.emplace(++last_link_, std::move(link));
  again_ = true;
  return last_link_;
}

// Brings what the channel became to the engine.
void Driver::settle(Now now, LinkId id, Link& link) {
  Channel& channel = *link.channel;
  if (!link.announced && !link.over && channel.open()) {
    link.announced = true;
    link_opened(id);
    engine_.handle(now, LinkUp{id, channel.peer(), channel.gen(), channel.dialled()});
    engine_.handle(now, Writable{id, channel.free()});
  }
  if (link.announced && !channel.stream().empty()) {
    if (!link.over) engine_.handle(now, BytesIn{id, channel.stream()});
    channel.take_stream();
  }
  if (link.over || link.end() == End::kOpenStill) return;
  link.over = true;
  if (link.announced) engine_.handle(now, LinkDown{id, link.end()});
  else if (channel.dialled()) engine_.handle(now, DialFailed{channel.peer(), dial_words(link.end())});
}

void Driver::remove_gone(Now now) {
  for (auto it = links_.begin(); it != links_.end();) {
    auto link = it++;
    const bool late = stopping_ && now.mono >= stop_by_;
    if (!late && !link->second.gone()) continue;
    link_gone(link->first, link->second);
    if (!link->second.broken) sys::part(link->second.fd.get());
    links_.erase(link);
    again_ = true;
  }
}

void Driver::write(Now now, LinkId id, Link& link, bool& moved) {
  if (!link.write(now)) return;
  moved = true;
  if (link.announced && !link.over) engine_.handle(now, Writable{id, link.channel->free()});
}

// --- the engine's wishes

void Driver::act(Now now) {
  for (int round = 0; round < kRounds; ++round) {
    if (!stopping_ && !engine_.flush(now)) commit_failed(now);
    drain(now);
    bool moved = false;
    for (auto& [id, link] : links_) write(now, id, link, moved);
    if (!moved) return;
  }
  again_ = true;
}

void Driver::drain(Now now) {
  Action action;
  while (engine_.poll(action)) std::visit([&](auto& one) { on(now, one); }, action);
}

void Driver::on(Now, Send& action) {
  auto link = links_.find(action.link);
  if (link != links_.end()) link->second.send(action.bytes);
}

void Driver::on(Now now, const Dial& action) {
  const Friend* who = roster_.find(action.peer);
  if (who && who->info.dialable) dial(now, *who);
  else engine_.handle(now, DialFailed{action.peer, "no address or key"});
}

void Driver::on(Now now, const CloseLink& action) {
  auto link = links_.find(action.link);
  if (link == links_.end()) return;
  link->second.over = true;
  link->second.close(now, action.code);
}

void Driver::on(Now, const Stored&) { notes_.bell(); }

void Driver::on(Now now, const Note& action) {
  chronicle_.note(now, action.peer, action.state, action.reason);
  const bool up = action.state == Health::kUp;
  const bool changed = std::exchange(noted_up_[action.peer], up) != up;
  if (changed && session_lines_.pass(now.mono))
    sys::info(std::string(up ? "a session opened" : "a session ended") + (action.reason.empty() ? "" : ": " + action.reason));
  if (!sys::log_shows(sys::Level::kDebug)) return;
  const Friend* who = roster_.find(action.peer);
  sys::debug((who ? who->name : "a former friend") + (action.dialled ? ", dialled by us: " : ", dialling us: ") +
             (up ? "up" : "waiting") + (action.reason.empty() ? "" : " (" + action.reason + ")"));
}

void Driver::tell_sessions() {
  std::set<PeerId> up;
  for (const auto& [id, link] : links_)
    if (link.announced && !link.over) up.insert(link.channel->peer());
  if (up == told_up_ || notes_.fd() < 0) return;
  notes_.up({up.begin(), up.end()});
  told_up_ = std::move(up);
}

// --- the store

void Driver::look_at_store(Now now) {
  if (!store_.refresh()) return;
  engine_.handle(now, Bell{});
  store_changed(now);
  if (db::peers_version(db_) != roster_.version()) load_peers(now);
}

// SIGHUP: peers, and the files the environment names.
void Driver::reload(Now now) {
  if (stopping_) return;
  sys::info("reading peers and files again");
  auto key = config::read_network_key(setup_.config.network_key_file);
  if (key) setup_.network_key = *key;
  else sys::error(key.refusal().what + "; going on with the key there was");
  load_peers(now);
  engine_.handle(now, ClearBackoff{});
}

void Driver::load_peers(Now now) {
  roster_.load(setup_.network_key);
  engine_.handle(now, PeersChanged{roster_.infos()});
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
  chronicle_.count(engine_.stats());
  chronicle_.close();
  again_ = true;
}

}  // namespace gossip::daemon
