// Scenarios: what a network of the daemon's engines must show (README, SIMULATOR). Each runs one world and judges it by its bar.
#pragma once

#include <string>
#include <vector>

#include "sim/world.h"

namespace gossip::sim {

// What is measured of messages and living nodes.
struct Figures {
  double coverage = 0;        // share of (node, message) pairs that ought to be there and are
  double redundancy = 0;      // bodies per stored message, less one
  unsigned last_hop = 0;
  Micros p50 = 0, p99 = 0, last = 0;
  double frames = 0, bytes = 0;   // control frames, and bytes of every kind, per delivered message
};

struct Options {
  std::uint64_t seed = 1;
  NodeId nodes = 0;           // 0: the scenario's own
  unsigned threads = 2;
};

struct Outcome {
  bool passed = false;
  Figures figures;
  std::string note;           // figures of this scenario alone
  std::uint64_t trace = 0;
};

struct Scenario {
  const char* name;
  const char* what;
  const char* bar;
  Outcome (*run)(const Options&);
};

const std::vector<Scenario>& scenarios();

}  // namespace gossip::sim
