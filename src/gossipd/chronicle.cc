#include "gossipd/chronicle.h"

namespace gossip::daemon {
namespace {

constexpr Micros kCountersEvery = kMinute;
constexpr Micros kRetry = 5 * kSecond;

struct Counted {
  const char* name;
  std::uint64_t EngineStats::*member;
};
constexpr Counted kCounted[] = {
    {"messages_stored", &EngineStats::bodies_stored}, {"bodies", &EngineStats::bodies},
    {"bodies_twice", &EngineStats::bodies_twice},     {"bodies_wrong", &EngineStats::bodies_wrong},
    {"refused", &EngineStats::refused},               {"gone", &EngineStats::gone},
    {"protocol_errors", &EngineStats::protocol_errors}, {"commits_failed", &EngineStats::commits_failed},
    {"other_log", &EngineStats::other_log},           {"mismatch", &EngineStats::mismatch},
};

// The write succeeded; false when it may later. Anything else is not for us to judge.
template <class Write>
bool done(Write write) {
  try {
    write();
    return true;
  } catch (const db::Error& error) {
    if (error.trouble() != db::Trouble::kBusy && error.trouble() != db::Trouble::kFull) throw;
    return false;
  }
}

}  // namespace

Chronicle::Chronicle(db::Database& db, int side) : db_(db), side_(side) {
  done([&] { db::clear_states(db_, side_); });
}

void Chronicle::note(Now now, PeerId peer, Health state, const std::string& reason) {
  health_[peer] = state;
  states_[peer] = {peer, side_, state == Health::kUp ? "up" : "waiting", reason, now.wall_ms};
}

void Chronicle::note_attempt(Now now, PeerId peer, const std::string& reason) {
  auto known = health_.find(peer);
  if (known == health_.end() || known->second != Health::kUp) note(now, peer, Health::kWaiting, reason);
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

bool Chronicle::write_states() {
  std::vector<db::PeerState> all;
  for (const auto& [peer, state] : states_) all.push_back(state);
  if (!done([&] { db::note_states(db_, all); })) return false;
  states_.clear();
  return true;
}

bool Chronicle::write_counters() {
  if (!done([&] { db::add_counters(db_, {counters_.begin(), counters_.end()}); })) return false;
  counters_.clear();
  return true;
}

void Chronicle::run(Now now) {
  if (retry_at_ && now.mono < *retry_at_) return;
  retry_at_.reset();
  bool fine = write_states();
  if (fine && !counters_.empty() && (!counters_at_ || now.mono >= *counters_at_)) {
    counters_at_ = now.mono + kCountersEvery;
    fine = write_counters();
  }
  if (!fine) retry_at_ = now.mono + kRetry;
}

std::optional<Micros> Chronicle::next_deadline() const {
  if (retry_at_ || counters_.empty()) return retry_at_;
  return counters_at_;
}

void Chronicle::close() {
  states_.clear();
  done([&] { db::clear_states(db_, side_); });
  write_counters();
}

bool Chronicle::probe() {
  ++counters_["room_probes"];
  return write_counters();
}

}  // namespace gossip::daemon
