#include "sim/part.h"

#include "gossip/check.h"
#include "sim/pool.h"

namespace gossip::sim {

World::Part::Part(World& world, unsigned number)
    : world_(world), number_(number), first_(std::min(world.params.nodes, number * world.nodes_per_part())),
      end_(std::min(world.params.nodes, first_ + world.nodes_per_part())), locals_(end_ - first_),
      clocks_(world.params.nodes) {
  for (auto& o : out) o.resize(world.params.threads);
  for (auto& s : said) s.resize(end_ - first_);
}

void World::Part::prepare() {
  edges_.clear();
  for (NodeId n = first_; n < end_; ++n) {
    const Node& one = node(n);
    Local& its = local(n);
    its.first_edge = static_cast<std::uint32_t>(edges_.size());
    its.edges = static_cast<std::uint32_t>(one.friends.size());
    its.least = INT64_MAX;
    for (std::size_t i = 0; i < one.friends.size(); ++i) {
      edges_.push_back(Edge{one.friends[i], static_cast<std::uint32_t>(one.latencies[i])});
      its.least = std::min(its.least, one.latencies[i]);
    }
    its.due = one.wake;
    its.inbox.each([&](const Letter& letter) { its.due = std::min(its.due, letter.at); });
  }
  clocks_.assign(clocks_.size(), world_.now_);
  for (auto& s : said) s.assign(s.size(), world_.now_);
}

void World::Part::deliver(const Letter& letter, View bytes) {
  Local& its = local(letter.to);
  its.inbox.put(letter, bytes);
  its.due = std::min(its.due, letter.at);
}

void World::Part::take_mail(unsigned round) {
  for (auto& part : world_.parts_) {
    Mail& mail = part->out[round % 2][number_];
    mail.each([&](const Letter& letter) { deliver(letter, letter.bytes()); });
    mail.clear();
  }
}

Micros World::Part::horizon(const Local& its, Micros until) const {
  for (std::uint32_t i = its.first_edge; i < its.first_edge + its.edges; ++i) {
    until = std::min(until, clocks_[edges_[i].other] + edges_[i].latency);
  }
  return until;
}

// Fewer visits, and longer ones.
bool World::Part::worth(NodeId n, const Local& its, Micros end, Micros until) const {
  return its.due < end && (end == until || end - std::max(clocks_[n], its.due) >= its.least);
}

void World::Part::round(Micros until) {
  const unsigned now = world_.round_ % 2, last = 1 - now;
  const Micros floor = std::min(world_.floor_, until);
  take_mail(last);
  for (auto& part : world_.parts_) {
    if (part.get() != this) std::copy(part->said[last].begin(), part->said[last].end(), clocks_.begin() + part->first_);
  }
  for (Micros& clock : clocks_) clock = std::max(clock, floor);
  out_due_ = clock_ = due_ = INT64_MAX;
  NodeId after = first_;  // the visit after the next. What is visited comes from far away: it is sent for in time
  for (NodeId n = first_; n < end_; ++n) {
    const Local& its = local(n);
    const Micros end = horizon(its, until);
    if (worth(n, its, end, until)) {
      const NodeId next = after > n ? after : look_ahead(n + 1, until);
      Allocating::prefetch_pages(next);
      after = look_ahead(next + 1, until);
      visit(n, end);
    }
    clocks_[n] = std::max(clocks_[n], std::min(its.due, end));  // before that it says nothing to anybody
    clock_ = std::min(clock_, clocks_[n]);
    said[now][n - first_] = clocks_[n];
  }
  for (const Local& its : locals_) due_ = std::min(due_, its.due);
  due_ = std::min(due_, out_due_);
}

// The next node from `n` on that would be visited as things are.
NodeId World::Part::look_ahead(NodeId n, Micros until) {
  constexpr NodeId kFar = 32;
  const NodeId far = std::min(end_ - 1, n + kFar);
  n = std::min(n, end_ - 1);
  for (; n < far; ++n) {
    const Local& its = local(n);
    if (!worth(n, its, horizon(its, until), until)) continue;
    its.inbox.prefetch();
    Allocating::prefetch_books(n);
    break;
  }
  return n;
}

void World::Part::visit(NodeId n, Micros end) {
  const Allocating with(n);
  ++traffic.visits;
  Node& one = node(n);
  Local& its = local(n);
  do {  // once more where it gave itself something to do
    its.inbox.swap(reading_);
    its.inbox.clear();
    its.due = INT64_MAX;
    in_order_.clear();
    reading_.each([&](const Letter& letter) {
      if (letter.at < end) in_order_.push_back(&letter); else deliver(letter, letter.bytes());
    });
    std::sort(in_order_.begin(), in_order_.end(), [](const Letter* a, const Letter* b) { return a->before(*b); });
    for (std::size_t i = 0; i < in_order_.size(); ++i) {
      while (one.wake < std::min(in_order_[i]->at, its.due)) wake(one);
      if (its.due <= in_order_[i]->at) {
        for (; i < in_order_.size(); ++i) deliver(*in_order_[i], in_order_[i]->bytes());
        break;
      }
      take(one, *in_order_[i]);
    }
    while (one.wake < std::min(end, its.due)) wake(one);
  } while (its.due < end);
  its.due = std::min(its.due, one.wake);
}

// What its engine wanted to be woken for.
void World::Part::wake(Node& n) {
  const Micros at = n.wake;
  n.wake = INT64_MAX;
  if (n.busy_until > at) {
    n.wake = n.busy_until;
  } else if (n.engine) {
    ++traffic.wakes;
    n.mix(static_cast<std::uint64_t>(at));
    turn(n, at);
  }
}

void World::Part::post(const Letter& letter, View bytes) {
  if (ours(letter.to)) return deliver(letter, bytes);
  out[world_.round_ % 2][letter.to / world_.nodes_per_part()].put(letter, bytes);
  out_due_ = std::min(out_due_, letter.at);
}

// --- from outside, between runs

void World::Part::start(Node& n, Micros now) {
  const Allocating with(n.id);
  n.engine = std::make_unique<Engine>(EngineConfig{}, n.store, n.crypto, n.rng);
  PeersChanged peers;
  for (NodeId f : n.friends) peers.peers.push_back(PeerInfo{f + 1, 1, true, 0});
  n.engine->handle(n.time(now), peers);
  n.wake = now;
}

void World::Part::kill(Node& n, Micros now) {
  for (std::uint32_t i = 0; i < n.ends.size(); ++i) hang_up(n, now, i + 1);
  n.stats_before = sum(n.stats_before, n.engine->stats());
  n.engine.reset();
  n.wake = INT64_MAX;
}

void World::Part::cut(Node& n, Micros now) {
  const Allocating with(n.id);
  for (std::uint32_t i = 0; i < n.ends.size(); ++i) {
    Node::End& e = n.ends[i];
    if (e.state == Node::End::State::kGone || !world_.cut_(n.id, e.other)) continue;
    const bool up = e.state == Node::End::State::kUp, dialling = e.state == Node::End::State::kDialling;
    e.state = Node::End::State::kGone;
    if (n.engine && up) n.engine->handle(n.time(now), LinkDown{i + 1, gossip::End::kAbnormal});
    if (n.engine && dialling) n.engine->handle(n.time(now), DialFailed{e.other + 1, Why::kUnreachable});
  }
  if (n.engine) n.wake = now;
}

}  // namespace gossip::sim
