#include "sim/world.h"

#include <algorithm>
#include <barrier>
#include <bit>
#include <thread>

#include "gossip/check.h"
#include "gossip/message.h"
#include "sim/part.h"
#include "sim/pool.h"

namespace gossip::sim {

// Counters all, so that they add up like an array.
EngineStats sum(const EngineStats& x, const EngineStats& y) {
  constexpr std::size_t kCount = sizeof(EngineStats) / sizeof(std::uint64_t);
  auto a = std::bit_cast<std::array<std::uint64_t, kCount>>(x);
  const auto b = std::bit_cast<std::array<std::uint64_t, kCount>>(y);
  for (std::size_t i = 0; i < kCount; ++i) a[i] += b[i];
  return std::bit_cast<EngineStats>(a);
}

World::World(const Params& p) : params(p) {
  for (NodeId n = 0; n < params.nodes; ++n) {
    const Allocating with(n);
    nodes_.push_back(std::make_unique<Node>(library, params.seed, n));
  }
  for (unsigned i = 0; i < params.threads; ++i) parts_.push_back(std::make_unique<Part>(*this, i));
}
World::~World() = default;

void World::befriend(NodeId a, NodeId b, Micros latency) {
  for (auto [x, y] : {std::pair{a, b}, std::pair{b, a}}) {
    nodes_[x]->friends.push_back(y);
    nodes_[x]->latencies.push_back(latency);
  }
}

// A ring, so that it is connected, and random edges up to the mean degree.
void World::random_graph() {
  test::TestRng rng(params.seed);
  const std::uint64_t spread = static_cast<std::uint64_t>(params.latency_max - params.latency_min) + 1;
  auto latency = [&] { return params.latency_min + static_cast<Micros>(rng.below(spread)); };
  std::vector<NodeId> order(params.nodes);
  for (NodeId n = 0; n < params.nodes; ++n) order[n] = n;
  for (NodeId n = params.nodes - 1; n > 0; --n) std::swap(order[n], order[rng.below(n + 1)]);
  for (NodeId n = 0; n < params.nodes; ++n) befriend(order[n], order[(n + 1) % params.nodes], latency());
  const std::uint64_t more = std::uint64_t{params.nodes} * params.degree / 2 - params.nodes;
  for (std::uint64_t i = 0; i < more;) {
    const auto a = static_cast<NodeId>(rng.below(params.nodes)), b = static_cast<NodeId>(rng.below(params.nodes));
    if (a == b || nodes_[a]->knows(b)) continue;
    befriend(a, b, latency());
    ++i;
  }
}

MessageNo World::message(NodeId author, Micros at, std::size_t text_size) {
  test::TestRng rng(params.seed ^ (library.items.size() + 1) * 0x9e3779b97f4a7c15);
  Message m;
  m.created = created_at(1'700'000'000'000 + at / 1000 + nodes_[author]->skew_ms, 0);
  m.salt = rng.array<16>();
  m.sender.assign(1, 'n');
  m.text.assign(text_size, 'x');
  Library::Item item;
  item.bytes = encode_message(m);
  item.id = message_id(nodes_[author]->crypto, item.bytes);
  item.epoch = epoch_of(m.created);
  item.at = at;
  item.author = author;
  const MessageNo number = library.add(std::move(item));
  part_of(author).deliver(Letter{at, author, author, nodes_[author]->order++, number, 0, 0, Kind::kPublish}, {});
  return number;
}

void World::set_vice(NodeId n, Vice vice) { nodes_[n]->vice = vice; }
void World::set_clock(NodeId n, std::int64_t skew_ms, bool jumps) {
  nodes_[n]->skew_ms = skew_ms;
  nodes_[n]->clock_jumps = jumps;
}

void World::run(Micros until) {
  records_.resize(library.items.size());
  for (Record& r : records_) {
    r.after.resize(params.nodes);
    r.hops.resize(params.nodes);
  }
  floor_ = now_;
  for (auto& part : parts_) part->prepare();
  bool more = now_ < until;
  std::barrier sync(static_cast<std::ptrdiff_t>(params.threads), [&]() noexcept {
    ++round_;
    floor_ = INT64_MAX;
    Micros clock = INT64_MAX;
    for (auto& part : parts_) {
      floor_ = std::min(floor_, part->due());
      clock = std::min(clock, part->clock());
    }
    more = clock < until;
  });
  auto work = [&](Part& part) {
    while (more) {
      part.round(until);
      sync.arrive_and_wait();
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < params.threads; ++i) others.emplace_back(work, std::ref(*parts_[i]));
  work(*parts_[0]);
  for (auto& t : others) t.join();
  now_ = std::max(now_, until);
  deliver();
}

void World::deliver() {
  for (auto& part : parts_) {
    part->take_mail(0);
    part->take_mail(1);
  }
}

void World::kill(NodeId n) {
  if (!nodes_[n]->engine) return;
  part_of(n).kill(*nodes_[n], now_);
  deliver();
}
void World::start(NodeId n) { part_of(n).start(*nodes_[n], now_); }

void World::cut(const std::function<bool(NodeId, NodeId)>& crosses) {
  cut_ = crosses;
  for (auto& n : nodes_) part_of(n->id).cut(*n, now_);
}
void World::heal() { cut_ = nullptr; }

Disk World::backup(NodeId n) const { return nodes_[n]->store.disk; }
void World::restore(NodeId n, const Disk& disk) {
  GOSSIP_CHECK(!nodes_[n]->engine);
  nodes_[n]->store.restore(disk);
}

bool World::alive(NodeId n) const { return nodes_[n]->engine != nullptr; }
bool World::has(NodeId n, MessageNo m) const { return nodes_[n]->store.has(m); }
std::size_t World::stored(NodeId n) const { return nodes_[n]->store.disk.rows.size(); }
Micros World::heard_at(NodeId n, MessageNo m) const {
  const std::uint32_t after = records_[m].after[n];
  return after == 0 ? -1 : library.items[m].at + after - 1;
}
unsigned World::hops(NodeId n, MessageNo m) const { return records_[m].hops[n]; }
const std::vector<NodeId>& World::friends(NodeId n) const { return nodes_[n]->friends; }

EngineStats World::stats(NodeId n) const {
  EngineStats s = nodes_[n]->engine ? nodes_[n]->engine->stats() : EngineStats{};
  return sum(s, nodes_[n]->stats_before);
}

std::size_t World::memory(NodeId n) const { return most_allocated(n); }

std::vector<NodeId> World::component(NodeId of) const {
  std::vector<bool> seen(nodes_.size());
  std::vector<NodeId> out{of};
  seen[of] = true;
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (NodeId f : nodes_[out[i]]->friends) {
      if (seen[f] || !alive(f) || (cut_ && cut_(out[i], f))) continue;
      seen[f] = true;
      out.push_back(f);
    }
  }
  return out;
}

Micros World::connected_at() const {
  std::vector<std::tuple<Micros, NodeId, NodeId>> sessions;
  for (auto& n : nodes_) {
    for (const Node::End& e : n->ends) {
      if (e.state == Node::End::State::kUp) sessions.emplace_back(e.up_at, n->id, e.other);
    }
  }
  std::sort(sessions.begin(), sessions.end());
  std::vector<NodeId> root(nodes_.size());
  for (NodeId n = 0; n < root.size(); ++n) root[n] = n;
  auto find = [&](NodeId n) {
    while (root[n] != n) n = root[n] = root[root[n]];
    return n;
  };
  Micros last = 0;
  for (auto [at, a, b] : sessions) {
    const NodeId x = find(a), y = find(b);
    if (x == y) continue;
    root[x] = y;
    last = at;
  }
  return last;
}

Traffic World::traffic() const {
  Traffic all;
  for (auto& p : parts_) {
    all.letters += p->traffic.letters;
    all.wakes += p->traffic.wakes;
    all.visits += p->traffic.visits;
    all.sends += p->traffic.sends;
    all.bytes += p->traffic.bytes;
  }
  return all;
}

std::uint64_t World::trace() const {
  std::uint64_t t = 0xcbf29ce484222325;
  for (auto& n : nodes_) t = (t ^ n->trace) * 0x100000001b3;
  return t;
}

}  // namespace gossip::sim
