// Node: one daemon of the simulated network: its engine, its disk, its ends of the links.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "gossip/engine.h"
#include "sim/world.h"
#include "support/test_rng.h"
#include "support/toy_crypto.h"

namespace gossip::sim {

EngineStats sum(const EngineStats& a, const EngineStats& b);

struct World::Node {
  struct End {
    NodeId other = 0;
    std::uint32_t theirs = 0;
    enum class State : std::uint8_t { kDialling, kHalf, kUp, kGone } state = State::kGone;
    bool dialled = false, writable_due = false;
    Micros latency = 0, last_arrival = 0, busy_until = 0;
    std::size_t said = 0;         // since the engine was last told how much the socket takes
    Micros up_at = -1;
  };
  Node(const Library& library, std::uint64_t seed, NodeId id_)
      : id(id_), rng(seed * 0x9e3779b97f4a7c15 + id_), store(library, crypto, rng.array<32>()) {}

  const NodeId id;
  Vice vice = Vice::kNone;
  bool clock_jumps = false;
  bool again = false;             // something changed while actions were carried out
  std::unique_ptr<Engine> engine;
  Micros wake = INT64_MAX, busy_until = 0;
  std::uint64_t order = 0, trace = 0xcbf29ce484222325;
  std::int64_t skew_ms = 0;
  std::vector<End> ends;
  test::TestRng rng;
  test::ToyCrypto crypto;
  SimStore store;
  std::vector<NodeId> friends;
  std::vector<Micros> latencies;
  EngineStats stats_before;       // of engines that ended

  Micros latency_to(NodeId other) const {
    auto it = std::find(friends.begin(), friends.end(), other);
    return latencies[static_cast<std::size_t>(it - friends.begin())];
  }
  bool knows(NodeId other) const { return std::find(friends.begin(), friends.end(), other) != friends.end(); }
  void mix(std::uint64_t v) { trace = (trace ^ v) * 0x100000001b3; }
  Now time(Micros at) const { return Now{at, at / 1000 + skew_ms}; }
};

}  // namespace gossip::sim
