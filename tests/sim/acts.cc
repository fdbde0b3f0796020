// What a node meets, and what its engine wants done.
#include "gossip/check.h"
#include "gossip/frame.h"
#include "sim/part.h"

namespace gossip::sim {

constexpr std::size_t kSocket = 64 * 1024;          // what a socket buffers
constexpr Micros kRetransmit = 200 * kMillisecond;  // TCP's least timeout; doubles

void World::Part::hang_up(Node& n, Micros at, std::uint32_t link) {
  Node::End& e = n.ends[link - 1];
  if (e.state == Node::End::State::kGone) return;
  e.state = Node::End::State::kGone;
  if (e.theirs != 0) tell(n, at, e.other, Kind::kBroken, e.theirs, link, std::max(e.latency, e.last_arrival - at));
}

// The handshake as round trips: call, answer, open at the called, open at the caller.
void World::Part::shake(Node& n, const Letter& a) {
  const bool cut = world_.cut_ && world_.cut_(n.id, a.from);
  if (a.kind == Kind::kDial) {
    const Micros latency = n.latency_to(a.from);
    if (!n.engine || cut) return tell(n, a.at, a.from, Kind::kRefused, a.theirs, 0, latency);
    n.ends.push_back(Node::End{a.from, a.theirs, Node::End::State::kHalf, false, false, latency, 0, 0, 0, -1});
    return tell(n, a.at, a.from, Kind::kAnswer, a.theirs, static_cast<std::uint32_t>(n.ends.size()), latency);
  }
  Node::End& e = n.ends[a.link - 1];
  const bool mine = e.state == Node::End::State::kDialling || e.state == Node::End::State::kHalf;
  if (!n.engine || !mine) return;
  switch (a.kind) {
    case Kind::kAnswer:
      e.theirs = a.theirs;
      return tell(n, a.at, e.other, Kind::kOpen, e.theirs, a.link, e.latency);
    case Kind::kRefused:
      e.state = Node::End::State::kGone;
      n.engine->handle(n.time(a.at), DialFailed{a.from + 1, Why::kRefused});
      return;
    case Kind::kOpen: tell(n, a.at, e.other, Kind::kReady, e.theirs, a.link, e.latency); break;
    default: break;
  }
  e.state = Node::End::State::kUp;
  e.up_at = a.at;
  n.engine->handle(n.time(a.at), LinkUp{a.link, e.other + 1, 1, e.dialled});
  n.engine->handle(n.time(a.at), Writable{a.link, kSocket});
}

void World::Part::take(Node& n, const Letter& a) {
  if (n.busy_until > a.at && a.kind != Kind::kDial) {  // the node is still writing
    Letter later = a;
    later.at = n.busy_until;
    return post(later, a.bytes());
  }
  ++traffic.letters;
  if (n.clock_jumps && n.rng.below(10) == 0) n.skew_ms = static_cast<std::int64_t>(n.rng.below(2'000'000'000'000)) - 1'000'000'000'000;
  n.mix(static_cast<std::uint64_t>(a.at) ^ static_cast<std::uint64_t>(a.kind) << 56 ^ std::uint64_t{a.size} << 32 ^ a.from);
  n.mix(a.sample());
  switch (a.kind) {
    case Kind::kPublish:
      if (!n.store.has(a.link)) n.store.add(a.link, 0);
      look_at_store(n, a.at);
      if (n.engine) n.engine->handle(n.time(a.at), Bell{});
      break;
    case Kind::kBytes:
      if (!n.engine || n.ends[a.link - 1].state != Node::End::State::kUp) return;
      n.engine->handle(n.time(a.at), BytesIn{a.link, a.bytes()});
      break;
    case Kind::kWritable: {
      Node::End& e = n.ends[a.link - 1];
      e.writable_due = false;
      if (!n.engine || e.state != Node::End::State::kUp) return;
      n.engine->handle(n.time(a.at), Writable{a.link, kSocket});
      break;
    }
    case Kind::kBroken: {
      Node::End& e = n.ends[a.link - 1];
      const bool was_up = e.state == Node::End::State::kUp, dialling = e.state == Node::End::State::kDialling;
      e.state = Node::End::State::kGone;
      if (!n.engine) return;
      if (was_up) n.engine->handle(n.time(a.at), LinkDown{a.link, gossip::End::kAbnormal});
      if (dialling) n.engine->handle(n.time(a.at), DialFailed{e.other + 1, Why::kClosed});
      break;
    }
    default: shake(n, a); break;
  }
  if (n.engine) turn(n, a.at);
}

void World::Part::look_at_store(Node& n, Micros at) {
  const std::vector<Disk::Row>& rows = n.store.disk.rows;
  for (std::size_t i = rows.size() - n.store.fresh; i < rows.size(); ++i) {
    const auto [m, via] = rows[i];
    Record& record = world_.records_[m];
    // Rationale: the friend stored it at least one latency ago: its own field is not being written now.
    record.hops[n.id] = via == 0 ? 0 : static_cast<std::uint8_t>(1 + record.hops[via - 1]);
    std::uint32_t& after = record.after[n.id];
    if (after == 0) after = static_cast<std::uint32_t>(std::min<Micros>(at - world_.library.items[m].at + 1, UINT32_MAX));
  }
  n.store.fresh = 0;
}

void World::Part::turn(Node& n, Micros at) {
  Engine& engine = *n.engine;
  engine.tick(n.time(at));
  do {
    engine.flush(n.time(at));
    if (n.store.fresh > 0) {
      n.busy_until = at + world_.params.store_cost;
      look_at_store(n, at);
    }
    Action action;
    while (engine.poll(action)) {
      std::visit([&](auto& a) { act(n, std::max(at, n.busy_until), a); }, action);
    }
  } while (engine.more());
  n.wake = std::max(engine.next_deadline().value_or(INT64_MAX), at + 1);
  if (n.again) n.wake = at + 1;
  n.again = false;
}

static void misbehave(Vice vice, Bytes& bytes, Rng& rng) {
  Bytes kept;
  FrameReader reader;
  reader.feed(bytes);
  RawFrame f;
  while (reader.next(f) == FrameReader::Got::kFrame) {
    const auto type = static_cast<FrameType>(f.type);
    Bytes payload(f.payload.begin(), f.payload.end());
    if (type == FrameType::kBody && (vice != Vice::kLoses || rng.below(20) == 0)) continue;
    if (vice == Vice::kLies && type == FrameType::kHave && payload.size() > 24 && rng.below(2) == 0) {
      for (std::size_t i = payload.size() - 20; i < payload.size() - 9; ++i) payload[i] ^= 0x55;  // the last id12
    }
    Writer(kept).u8(f.type).leb128(payload.size()).bytes(payload);
  }
  bytes = std::move(kept);
}

void World::Part::act(Node& n, Micros at, Send& action) {
  const Params& p = world_.params;
  const auto link = static_cast<std::uint32_t>(action.link);
  Node::End& e = n.ends[link - 1];
  if (e.state != Node::End::State::kUp) return;
  if (n.vice != Vice::kNone) misbehave(n.vice, action.bytes, n.rng);
  if (p.break_pct > 0 && n.rng.below(100) < p.break_pct) {
    hang_up(n, at, link);
    n.engine->handle(n.time(at), LinkDown{link, gossip::End::kAbnormal});
    n.again = true;
    return;
  }
  ++traffic.sends;
  traffic.bytes += action.bytes.size();
  Micros arrival = at + e.latency;
  if (p.bytes_per_s > 0) {
    e.busy_until = std::max(e.busy_until, at) + static_cast<Micros>(action.bytes.size() * 1'000'000 / p.bytes_per_s);
    arrival = e.busy_until + e.latency;
  }
  if (p.loss_pct > 0) {
    for (Micros wait = kRetransmit; n.rng.below(100) < p.loss_pct; wait *= 2) arrival += wait;
  }
  e.last_arrival = arrival = std::max(arrival, e.last_arrival);
  e.said += action.bytes.size();
  if (e.said > kSocket / 2 && !e.writable_due) {
    e.said = 0;
    e.writable_due = true;
    tell(n, std::max(at + 1, e.busy_until), n.id, Kind::kWritable, link, 0, 0);
  }
  tell(n, arrival, e.other, Kind::kBytes, e.theirs, link, 0, action.bytes);
}

void World::Part::act(Node& n, Micros at, Dial& action) {
  const auto to = static_cast<NodeId>(action.peer - 1);
  const Micros latency = n.latency_to(to);
  n.ends.push_back(Node::End{to, 0, Node::End::State::kDialling, true, false, latency, 0, 0, 0, -1});
  tell(n, at, to, Kind::kDial, 0, static_cast<std::uint32_t>(n.ends.size()), latency);
}

void World::Part::act(Node& n, Micros at, CloseLink& action) { hang_up(n, at, static_cast<std::uint32_t>(action.link)); }

}  // namespace gossip::sim
