// Part: the nodes that one thread looks after. A node runs ahead until the earliest moment at which a friend might still reach
// it: the friend's own clock and the latency of the link. So every node meets everything in the order of its arrival, whatever
// the number of threads, and the memory of a node is visited as seldom as may be.
#pragma once

#include <vector>

#include "sim/mail.h"
#include "sim/node.h"
#include "sim/world.h"

namespace gossip::sim {

class World::Part {
 public:
  Part(World& world, unsigned number);
  void prepare();                      // for a run: the graph and the clock may have changed
  // One round: what other parts sent in the last one is taken in, then each node runs as far as it may.
  void round(Micros until);
  void take_mail(unsigned round);
  Micros clock() const { return clock_; }   // of the node that is furthest behind
  Micros due() const { return due_; }       // the first thing that waits, or is on its way to another part

  void post(const Letter& letter, View bytes);     // to anybody
  void deliver(const Letter& letter, View bytes);  // to one of ours
  void start(Node& n, Micros now);
  void kill(Node& n, Micros now);
  void cut(Node& n, Micros now);

  Traffic traffic;

 private:
  struct Edge {
    NodeId other = 0;
    std::uint32_t latency = 0;
  };
  struct Local {                       // what is looked at of each of our nodes in each round
    Micros due = INT64_MAX;            // the first thing to do
    Micros least = 0;                  // the shortest of its latencies
    std::uint32_t first_edge = 0, edges = 0;
    Mail inbox;
  };

  Node& node(NodeId n) { return *world_.nodes_[n]; }
  Local& local(NodeId n) { return locals_[n - first_]; }
  bool ours(NodeId n) const { return n >= first_ && n < end_; }
  Micros horizon(const Local& local, Micros until) const;
  bool worth(NodeId n, const Local& local, Micros end, Micros until) const;
  NodeId look_ahead(NodeId n, Micros until);
  void visit(NodeId n, Micros end);
  void wake(Node& n);
  void take(Node& n, const Letter& letter);
  void shake(Node& n, const Letter& letter);
  void turn(Node& n, Micros at);
  void act(Node& n, Micros at, Send& action);
  void act(Node& n, Micros at, Dial& action);
  void act(Node& n, Micros at, CloseLink& action);
  void act(Node&, Micros, Stored&) {}
  void act(Node&, Micros, KeyCame&) {}
  void act(Node&, Micros, KeyTaken&) {}
  void act(Node&, Micros, Note&) {}
  void look_at_store(Node& n, Micros at);
  void tell(Node& n, Micros at, NodeId to, Kind kind, std::uint32_t link, std::uint32_t theirs, Micros latency, View bytes = {}) {
    post(Letter{at + latency, to, n.id, n.order++, link, theirs, 0, kind}, bytes);
  }
  void hang_up(Node& n, Micros at, std::uint32_t link);

  World& world_;
  const unsigned number_;
  const NodeId first_, end_;           // ours
  std::vector<Edge> edges_;
  std::vector<Local> locals_;
  std::vector<Micros> clocks_;         // of all nodes: of ours now, of others after the last round
  Micros clock_ = 0, due_ = 0, out_due_ = INT64_MAX;
  // --- of a visit
  Mail reading_;
  std::vector<const Letter*> in_order_;

 public:
  std::vector<Mail> out[2];            // by round, even or odd: to other parts
  std::vector<Micros> said[2];         // and the clocks of our nodes at its end
};

}  // namespace gossip::sim
