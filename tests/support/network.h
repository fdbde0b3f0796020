// Network: a small deterministic world for the engine: nodes with a memory store each, links with latency, cuts, crashes, failing
// commits. Virtual time only; the same seed gives the same trace hash.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "gossip/engine.h"
#include "support/memory_store.h"
#include "support/test_rng.h"
#include "support/toy_crypto.h"

namespace gossip::test {


class Network {
 public:
  explicit Network(std::uint64_t seed) : rng(seed) {}

  struct Node {
    std::unique_ptr<MemoryStore> store;
    std::unique_ptr<Engine> engine;   // none: crashed
    std::unique_ptr<TestRng> rng;
    std::map<int, bool> friends;      // node -> we dial it
    std::map<LinkId, std::pair<int, LinkId>> links;  // ours -> (node, theirs)
    std::map<LinkId, std::size_t> in_flight;
    std::int64_t wall_skew_ms = 0;
    Micros wake = -1;
    std::vector<Note> notes;
  };

  TestRng rng;
  std::vector<Node> nodes;
  Micros latency = 20 * kMillisecond;
  std::size_t window = 64 * 1024;
  std::function<void(int from, int to, Bytes&)> meddle;  // sees and changes what travels
  std::function<bool(int node, const Event&)> watch;     // false: the event is lost

  Micros now() const { return now_; }
  std::uint64_t trace() const { return trace_; }

  int add_node() {
    const int n = static_cast<int>(nodes.size());
    Node node;
    node.rng = std::make_unique<TestRng>(rng.u64());
    node.store = std::make_unique<MemoryStore>(crypto_, node.rng->array<32>());
    nodes.push_back(std::move(node));
    start(n);
    return n;
  }
  // Both sides always know each other; who dials is said.
  void befriend(int a, int b, bool a_dials = true, bool b_dials = true) {
    nodes[at(a)].friends[b] = a_dials;
    nodes[at(b)].friends[a] = b_dials;
    tell_friends(a);
    tell_friends(b);
  }
  void start(int n) {
    nodes[at(n)].engine = std::make_unique<Engine>(EngineConfig{}, *nodes[at(n)].store, crypto_, *nodes[at(n)].rng);
    tell_friends(n);
  }
  // The process is gone: what was staged is lost, what was committed stays; friends see an end of file.
  void crash(int n) {
    while (!nodes[at(n)].links.empty()) break_link(n, nodes[at(n)].links.begin()->first);
    nodes[at(n)].engine.reset();
  }
  void cut(int a, int b) {
    cuts_.insert({std::min(a, b), std::max(a, b)});
    std::vector<LinkId> ids;
    for (auto& [id, other] : nodes[at(a)].links) {
      if (other.first == b) ids.push_back(id);
    }
    for (LinkId id : ids) break_link(a, id);
  }
  void heal(int a, int b) { cuts_.erase({std::min(a, b), std::max(a, b)}); }

  Hash publish(int n, const std::string& text) {
    Message m;
    m.created = created_at(1'700'000'000'000 + now_ / 1000 + nodes[at(n)].wall_skew_ms, 0);
    m.salt = rng.array<16>();
    m.sender = "node" + std::to_string(n);
    m.text = text;
    const Hash id = nodes[at(n)].store->publish(m);
    feed(n, Bell{});
    return id;
  }

  void run_for(Micros span) {
    const Micros end = now_ + span;
    while (step(end)) {
    }
    now_ = end;
  }
  // Runs until the condition holds; false at the deadline.
  bool run_until(const std::function<bool()>& condition, Micros limit) {
    const Micros end = now_ + limit;
    while (!condition()) {
      if (!step(end)) return false;
    }
    return true;
  }
  bool all_hold(std::size_t count) const {
    for (const Node& n : nodes) {
      if (n.engine && n.store->disk.rows.size() != count) return false;
    }
    return true;
  }

  void feed(int n, const Event& event) {
    if (!nodes[at(n)].engine || (watch && !watch(n, event))) return;
    nodes[at(n)].engine->handle(time(n), event);
    turn(n);
  }

 private:
  struct Timed {
    Micros at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Timed& other) const { return std::tie(other.at, other.order) < std::tie(at, order); }
  };

  static std::size_t at(int n) { return static_cast<std::size_t>(n); }
  PeerId id_of(int n) const { return static_cast<PeerId>(n) + 1; }
  Now time(int n) const { return Now{now_, now_ / 1000 + nodes[at(n)].wall_skew_ms}; }
  void later(Micros delay, std::function<void()> run) { queue_.push(Timed{now_ + delay, order_++, std::move(run)}); }
  void note_trace(std::uint64_t v) { trace_ = (trace_ ^ v) * 0x100000001b3; }

  void tell_friends(int n) {
    PeersChanged event;
    for (auto [f, dials] : nodes[at(n)].friends) event.peers.push_back(PeerInfo{id_of(f), 1, dials, 0});
    feed(n, event);
  }

  void turn(int n) {
    Engine& engine = *nodes[at(n)].engine;
    engine.tick(time(n));
    do engine.flush(time(n)); while (engine.more());
    engine.assert_invariants();
    Action action;
    while (engine.poll(action)) {
      std::visit([&](auto& a) { act(n, a); }, action);
    }
    const auto deadline = engine.next_deadline();
    if (!deadline) return;
    GOSSIP_CHECK(*deadline > now_ || nodes[at(n)].wake == -2);  // I8
    if (nodes[at(n)].wake > now_ && nodes[at(n)].wake <= *deadline) return;
    nodes[at(n)].wake = *deadline;
    later(*deadline - now_, [this, n, when = *deadline] {
      if (nodes[at(n)].engine && nodes[at(n)].wake == when) {
        nodes[at(n)].wake = -1;
        turn(n);
      }
    });
  }

  void act(int n, Send& a) {
    auto link = nodes[at(n)].links.find(a.link);
    if (link == nodes[at(n)].links.end()) return;
    const auto [to, theirs] = link->second;
    if (meddle) meddle(n, to, a.bytes);
    nodes[at(n)].in_flight[a.link] += a.bytes.size();
    note_trace(static_cast<std::uint64_t>(now_) * 31 + static_cast<std::uint64_t>(n) * 1009 + a.bytes.size());
    for (std::uint8_t b : a.bytes) note_trace(b);
    later(latency, [this, n, mine = a.link, to = to, theirs = theirs, bytes = std::move(a.bytes)] {
      if (!nodes[at(to)].links.contains(theirs)) return;
      feed(to, BytesIn{theirs, bytes});
      if (!nodes[at(n)].links.contains(mine)) return;
      nodes[at(n)].in_flight[mine] -= bytes.size();
      const std::size_t used = nodes[at(n)].in_flight[mine];
      feed(n, Writable{mine, used < window ? window - used : 0});
    });
  }
  void act(int n, Dial& a) {
    const int to = static_cast<int>(a.peer) - 1;
    later(2 * latency, [this, n, to] {
      if (!nodes[at(n)].engine) return;
      const bool there = nodes[at(to)].engine && nodes[at(to)].friends.contains(n) && !cuts_.contains({std::min(n, to), std::max(n, to)});
      if (!there) {
        feed(n, DialFailed{id_of(to), Why::kRefused});
        return;
      }
      const LinkId mine = next_link_++, theirs = next_link_++;
      nodes[at(n)].links[mine] = {to, theirs};
      nodes[at(to)].links[theirs] = {n, mine};
      feed(to, LinkUp{theirs, id_of(n), 1, false});
      feed(n, LinkUp{mine, id_of(to), 1, true});
    });
  }
  // Sent bytes still arrive before the end does, as with a socket that is closed.
  void act(int n, CloseLink& a) {
    auto link = nodes[at(n)].links.find(a.link);
    if (link == nodes[at(n)].links.end()) return;
    const auto [to, theirs] = link->second;
    nodes[at(n)].links.erase(link);
    later(latency, [this, to = to, theirs = theirs] {
      if (nodes[at(to)].links.erase(theirs)) feed(to, LinkDown{theirs, End::kClosed});
    });
  }
  void act(int n, Note& a) { nodes[at(n)].notes.push_back(a); }
  void act(int, Stored&) {}
  void act(int, KeyCame&) {}
  void act(int, KeyTaken&) {}

  void break_link(int n, LinkId id) {
    const auto [to, theirs] = nodes[at(n)].links.at(id);
    nodes[at(n)].links.erase(id);
    nodes[at(to)].links.erase(theirs);
    feed(n, LinkDown{id, End::kAbnormal});
    feed(to, LinkDown{theirs, End::kAbnormal});
  }

  bool step(Micros end) {
    if (queue_.empty() || queue_.top().at > end) return false;
    now_ = std::max(now_, queue_.top().at);
    auto run = queue_.top().run;
    queue_.pop();
    run();
    return true;
  }

  ToyCrypto crypto_;
  std::priority_queue<Timed> queue_;
  std::set<std::pair<int, int>> cuts_;
  Micros now_ = kSecond;
  std::uint64_t order_ = 0;
  LinkId next_link_ = 1;
  std::uint64_t trace_ = 0xcbf29ce484222325;
};

}  // namespace gossip::test
