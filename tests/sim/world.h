// World: many engines in one process and virtual time. Every node is the daemon's own Engine; between them are links with
// latency, bandwidth, loss, breaks and cuts. Nodes touch each other only through letters, which take at least the latency of a
// link, so that several threads can work at once; what comes out depends on the seed alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gossip/engine.h"
#include "sim/library.h"

namespace gossip::sim {

struct Params {
  std::uint64_t seed = 1;
  NodeId nodes = 10'000;
  unsigned degree = 8;
  Micros latency_min = 10 * kMillisecond, latency_max = 100 * kMillisecond;
  unsigned loss_pct = 0;            // of frames, sent again by TCP after a timeout that doubles; order is kept
  unsigned break_pct = 0;           // of frames, that end their session instead
  std::uint64_t bytes_per_s = 0;    // of a link in one direction; 0: no limit
  Micros store_cost = 0;            // of a commit: the node does nothing else meanwhile
  unsigned threads = 2;
};

// What a node does wrong on purpose.
enum class Vice : std::uint8_t { kNone, kGivesNothing, kLies, kLoses };  // kLoses: one body in twenty

struct Traffic {
  std::uint64_t letters = 0, wakes = 0, visits = 0, sends = 0, bytes = 0;
};

class World {
 public:
  explicit World(const Params& params);
  ~World();

  const Params params;
  Library library;  // complete before run()

  // --- set up, before run()
  void random_graph();                                   // every node has about `degree` friends
  void befriend(NodeId a, NodeId b, Micros latency);
  MessageNo message(NodeId author, Micros at, std::size_t text_size);  // published at `at`
  void set_vice(NodeId n, Vice vice);
  void set_clock(NodeId n, std::int64_t skew_ms, bool jumps);

  // --- during a run, between slices
  void run(Micros until);
  Micros now() const { return now_; }
  void kill(NodeId n);                                   // the process ends; staged work is lost
  void start(NodeId n);
  void cut(const std::function<bool(NodeId, NodeId)>& crosses);  // links for which it is true are cut, until heal()
  void heal();
  Disk backup(NodeId n) const;
  void restore(NodeId n, const Disk& disk);              // of a node that was killed

  // --- what came of it
  bool alive(NodeId n) const;
  bool has(NodeId n, MessageNo m) const;
  std::size_t stored(NodeId n) const;
  Micros heard_at(NodeId n, MessageNo m) const;          // -1: not yet
  unsigned hops(NodeId n, MessageNo m) const;
  EngineStats stats(NodeId n) const;
  std::size_t memory(NodeId n) const;                    // the most it had at one time, with its disk, in bytes; 0: not known
  std::vector<NodeId> component(NodeId of) const;        // of living nodes, over links that are not cut
  const std::vector<NodeId>& friends(NodeId n) const;
  // When the sessions that are up had made one component of all living nodes: the slowest reconnection that was needed.
  Micros connected_at() const;
  Traffic traffic() const;
  std::uint64_t trace() const;                           // the same for the same seed

 private:
  struct Node;
  class Part;
  struct Record {                      // of one message, by node
    std::vector<std::uint32_t> after;  // how long after it was published it was stored, and 1; 0: not yet
    std::vector<std::uint8_t> hops;
  };
  NodeId nodes_per_part() const { return (params.nodes + params.threads - 1) / params.threads; }
  Part& part_of(NodeId n) { return *parts_[n / nodes_per_part()]; }
  void deliver();   // what was posted outside of a run, or in its last round
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<Record> records_;  // by message
  std::function<bool(NodeId, NodeId)> cut_;
  Micros now_ = kSecond;
  // --- of a run
  unsigned round_ = 0;
  Micros floor_ = 0;  // nothing waits before it
};

}  // namespace gossip::sim
