#include "gossipd/chronicle.h"

#include <algorithm>

namespace gossip::daemon {
namespace {

constexpr Micros kCountersEvery = kMinute;
constexpr Micros kRetry = 5 * kSecond;
constexpr Micros kStatesEvery = 2 * kSecond;

struct Counted {
  const char* name;
  std::uint64_t EngineStats::*member;
};
constexpr Counted kCounted[] = {
    {"messages_stored", &EngineStats::bodies_stored}, {"bodies", &EngineStats::bodies},
    {"bodies_twice", &EngineStats::bodies_twice},     {"bodies_wrong", &EngineStats::bodies_wrong},
    {"refused", &EngineStats::refused},               {"gone", &EngineStats::gone},
    {"quarantined", &EngineStats::quarantined},
    {"protocol_errors", &EngineStats::protocol_errors}, {"commits_failed", &EngineStats::commits_failed},
    {"other_log", &EngineStats::other_log},           {"mismatch", &EngineStats::mismatch},
    {"older_copy", &EngineStats::older_copy},
    {"haves", &EngineStats::haves},                   {"wants", &EngineStats::wants},
    {"frames_in", &EngineStats::frames_in},           {"bytes_in", &EngineStats::bytes_in},
    {"bytes_out", &EngineStats::bytes_out},           {"stops_table", &EngineStats::stops_table},
    {"stops_flight", &EngineStats::stops_flight},     {"stops_store", &EngineStats::stops_store},
    {"stops_slow", &EngineStats::stops_slow},         {"stops_quota", &EngineStats::stops_quota},
    {"bodies_late", &EngineStats::bodies_late},
};

}  // namespace

Chronicle::Chronicle(db::Database& db, int side) : db_(db), side_(side) {
  db::done([&] { db::clear_states(db_, side_); });
  for (const db::PeerState& one : db::peer_states(db_)) last_up_[one.peer] = std::max(last_up_[one.peer], one.last_up_ms);
}

void Chronicle::note(Now now, const Note& note) {
  const bool up = note.state == Health::kUp;
  db::PeerState fresh{note.peer, side_, up ? "up" : note.outage ? "outage" : "waiting", why_code(note.why), now.wall_ms};
  fresh.next_ms = note.next ? now.wall_ms + (*note.next - now.mono) / kMillisecond : 0;
  fresh.failures = note.failures;
  fresh.pq = up && pq_[note.peer];
  db::PeerState& known = states_[note.peer];
  const bool was_up = known.state == "up";
  fresh.last_up_ms = up || was_up ? now.wall_ms : known.last_up_ms;
  if (known.state == fresh.state && known.reason == fresh.reason) fresh.since_ms = known.since_ms;
  known = std::move(fresh);
  unwritten_.insert(note.peer);
  if (up != was_up) urgent_ = true;
}

// One that takes the place of another makes no note. Where the first one cannot be written, the next says it again.
bool Chronicle::opened(PeerId peer, std::uint64_t gen, bool pq) {
  pq_[peer] = pq;
  const auto known = states_.find(peer);
  if (known != states_.end() && known->second.state == "up" && known->second.pq != pq) {
    known->second.pq = pq;
    unwritten_.insert(peer);
  }
  bool first = false;
  if (pq) db::done([&] { first = db::note_pq_seen(db_, peer, gen); });
  return first;
}

void Chronicle::note_attempt(Now now, PeerId peer, Why why) {
  auto known = states_.find(peer);
  if (known == states_.end() || known->second.state != "up") note(now, Note{peer, false, Health::kWaiting, why});
}

void Chronicle::meet(std::vector<PeerInfo>& friends) {
  std::map<PeerId, std::uint64_t> gens;
  for (PeerInfo& one : friends) {
    gens[one.peer] = one.gen;
    auto last = last_up_.find(one.peer);
    if (last != last_up_.end()) one.last_up = static_cast<std::uint64_t>(std::max<std::int64_t>(last->second, 0));
  }
  for (const auto& [peer, gen] : gens_) {
    auto found = gens.find(peer);
    if (found != gens.end() && found->second == gen) continue;
    last_up_.erase(peer);
    states_.erase(peer);
    pq_.erase(peer);
    unwritten_.erase(peer);
  }
  gens_ = std::move(gens);
}

void Chronicle::count(const Counters& deltas) {
  for (const auto& [name, delta] : deltas)
    if (delta > 0) counters_[name] += delta;
}

void Chronicle::count(const EngineStats& stats) {
  for (const Counted& one : kCounted)
    if (stats.*one.member > counted_.*one.member) counters_[one.name] += stats.*one.member - counted_.*one.member;
  counted_ = stats;
}

bool Chronicle::write_states(Now now) {
  if (unwritten_.empty() || (!urgent_ && now.mono < states_at_)) return true;
  std::vector<db::PeerState> all;
  for (PeerId peer : unwritten_) all.push_back(states_[peer]);
  if (!db::done([&] { db::note_states(db_, all); })) return false;
  unwritten_.clear();
  urgent_ = false;
  states_at_ = now.mono + kStatesEvery;
  return true;
}

bool Chronicle::write_counters() {
  if (!db::done([&] { db::add_counters(db_, {counters_.begin(), counters_.end()}); })) return false;
  counters_.clear();
  return true;
}

void Chronicle::run(Now now) {
  if (retry_at_ && now.mono < *retry_at_) return;
  retry_at_.reset();
  bool fine = write_states(now);
  if (fine && !counters_.empty() && (!counters_at_ || now.mono >= *counters_at_)) {
    counters_at_ = now.mono + kCountersEvery;
    fine = write_counters();
  }
  if (!fine) retry_at_ = now.mono + kRetry;
}

std::optional<Micros> Chronicle::next_deadline() const {
  if (retry_at_) return retry_at_;
  std::optional<Micros> at;
  if (!unwritten_.empty()) at = states_at_;
  if (!counters_.empty()) at = earlier(at, counters_at_);
  return at;
}

void Chronicle::close(Now now) {
  std::vector<db::PeerState> up;
  for (auto& [peer, state] : states_) {
    if (state.state != "up") continue;
    state.last_up_ms = now.wall_ms;
    up.push_back(state);
  }
  unwritten_.clear();
  db::done([&] {
    db::note_states(db_, up);
    db::clear_states(db_, side_);
  });
  write_counters();
}

bool Chronicle::probe() {
  ++counters_["room_probes"];
  return write_counters();
}

}  // namespace gossip::daemon
