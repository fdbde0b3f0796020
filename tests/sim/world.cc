#include "sim/world.h"

#include <algorithm>
#include <barrier>
#include <bit>
#include <map>
#include <thread>

#include "gossip/check.h"

namespace gossip::sim {

constexpr std::size_t kSocket = 64 * 1024;       // what a socket buffers
constexpr Micros kRetransmit = 200 * kMillisecond;  // TCP's least timeout; doubles
constexpr std::uint64_t kMix = 0x100000001b3;

// Counters all, so that they add up like an array.
static void add(EngineStats& to, const EngineStats& from) {
  constexpr std::size_t kCount = sizeof(EngineStats) / sizeof(std::uint64_t);
  auto a = std::bit_cast<std::array<std::uint64_t, kCount>>(to);
  const auto b = std::bit_cast<std::array<std::uint64_t, kCount>>(from);
  for (std::size_t i = 0; i < kCount; ++i) a[i] += b[i];
  to = std::bit_cast<EngineStats>(a);
}

enum class Kind : std::uint8_t { kDial, kAnswer, kOpen, kReady, kRefused, kBytes, kBroken, kWritable, kWake, kPublish };

struct World::Arrival {
  Micros at = 0;
  NodeId to = 0, from = 0;
  std::uint64_t order = 0;       // counted by the sender
  Kind kind = Kind::kWake;
  std::uint32_t link = 0;        // the receiver's number for it; of kDial: the caller's
  std::uint32_t theirs = 0;      // the sender's number for it
  Bytes bytes = {};
  // Node by node, and in time. Rationale: within a slice nodes cannot touch each other, and one at a time is what caches like.
  bool operator<(const Arrival& b) const { return std::tie(to, at, from, order) < std::tie(b.to, b.at, b.from, b.order); }
};

struct World::Node {
  struct End {
    NodeId other = 0;
    std::uint32_t theirs = 0;
    enum class State : std::uint8_t { kDialling, kHalf, kUp, kGone } state = State::kGone;
    bool dialled = false;
    Micros latency = 0, last_arrival = 0, busy_until = 0;
    std::size_t said = 0;         // since the engine was last told how much the socket takes
    bool writable_due = false;
    Micros up_at = -1;
  };
  Node(const Library& library, std::uint64_t seed, NodeId id_)
      : id(id_), rng(seed * 0x9e3779b97f4a7c15 + id_), store(library, crypto, rng.array<32>()) {}

  NodeId id;
  test::TestRng rng;
  test::ToyCrypto crypto;
  SimStore store;
  std::unique_ptr<Engine> engine;
  EngineStats stats_before;       // of engines that ended
  std::vector<NodeId> friends;
  std::vector<Micros> latencies;
  std::vector<End> ends;
  Micros wake = -1, busy_until = 0;
  std::uint64_t order = 0, trace = 0xcbf29ce484222325;
  std::int64_t skew_ms = 0;
  bool clock_jumps = false;
  Vice vice = Vice::kNone;
  std::vector<Micros> heard;      // by message; -1: not yet
  std::vector<std::uint8_t> hops;

  Micros latency_to(NodeId other) const {
    auto it = std::find(friends.begin(), friends.end(), other);
    return latencies[static_cast<std::size_t>(it - friends.begin())];
  }
  bool knows(NodeId other) const { return std::find(friends.begin(), friends.end(), other) != friends.end(); }
  void mix(std::uint64_t v) { trace = (trace ^ v) * kMix; }
};

// The nodes one thread looks after, and what is on its way to them.
class World::Part {
 public:
  Part(World& world, unsigned number) : world_(world), number_(number), out(world.params.threads) {}

  void run_slice(Micros end) {
    end_ = end;
    std::vector<Arrival> due;
    std::vector<std::uint32_t> order;
    while (!later_.empty() && later_.begin()->first < end) {
      due = std::move(later_.begin()->second);
      later_.erase(later_.begin());
      order.resize(due.size());
      for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
      std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return due[a] < due[b]; });
      for (std::size_t i = 0; i < order.size();) {
        const NodeId n = due[order[i]].to;
        for (; i < order.size() && due[order[i]].to == n; ++i) {
          take_own(due[order[i]].at);
          take(std::move(due[order[i]]));
        }
        take_own(end);
      }
    }
    end_ = 0;
  }
  // What the node gave itself to do within this slice.
  void take_own(Micros until) {
    while (!own_.empty() && own_.begin()->at < until) {
      Arrival a = std::move(own_.extract(own_.begin()).value());
      take(std::move(a));
    }
  }
  Micros next() const { return later_.empty() ? INT64_MAX : later_.begin()->first; }
  void accept(Arrival&& a) {
    if (a.at < end_) own_.insert(std::move(a)); else later_[a.at - a.at % world_.params.latency_min].push_back(std::move(a));
  }
  void post(Arrival&& a) {
    const unsigned to = a.to % world_.params.threads;
    if (to == number_) accept(std::move(a)); else out[to].push_back(std::move(a));
  }

  void kill(Node& n);
  void start(Node& n, Micros now);

  Traffic traffic;

 private:
  Node& node(NodeId n) { return *world_.nodes_[n]; }
  void take(Arrival&& a);
  void shake(Node& n, const Arrival& a);
  void turn(Node& n, Micros at);
  void act(Node& n, Micros at, Send& action);
  void act(Node& n, Micros at, Dial& action);
  void act(Node& n, Micros at, CloseLink& action);
  void act(Node&, Micros, Stored&) {}
  void act(Node&, Micros, Note&) {}
  void look_at_store(Node& n, Micros at);
  void tell(Node& n, Micros at, NodeId to, Kind kind, std::uint32_t link, std::uint32_t theirs, Micros latency, Bytes bytes = {}) {
    post(Arrival{at + latency, to, n.id, n.order++, kind, link, theirs, std::move(bytes)});
  }
  void hang_up(Node& n, Micros at, std::uint32_t link);
  Now time(const Node& n, Micros at) const { return Now{at, at / 1000 + n.skew_ms}; }

  World& world_;
  unsigned number_;
  std::set<Arrival> own_;
  std::map<Micros, std::vector<Arrival>> later_;
  Micros end_ = 0;

 public:
  std::vector<std::vector<Arrival>> out;  // to other parts
};

void World::Part::start(Node& n, Micros now) {
  n.engine = std::make_unique<Engine>(EngineConfig{}, n.store, n.crypto, n.rng);
  PeersChanged peers;
  for (NodeId f : n.friends) peers.peers.push_back(PeerInfo{f + 1, 1, true, 0});
  n.engine->handle(time(n, now), peers);
  tell(n, now, n.id, Kind::kWake, 0, 0, 0);
  n.wake = now;
}

void World::Part::kill(Node& n) {
  for (std::uint32_t i = 0; i < n.ends.size(); ++i) hang_up(n, world_.now_, i + 1);
  add(n.stats_before, n.engine->stats());
  n.engine.reset();
}

void World::Part::hang_up(Node& n, Micros at, std::uint32_t link) {
  Node::End& e = n.ends[link - 1];
  if (e.state == Node::End::State::kGone) return;
  e.state = Node::End::State::kGone;
  if (e.theirs != 0) tell(n, at, e.other, Kind::kBroken, e.theirs, link, std::max(e.latency, e.last_arrival - at));
}

// The handshake as round trips: call, answer, open at the called, open at the caller.
void World::Part::shake(Node& n, const Arrival& a) {
  const bool cut = world_.cut_ && world_.cut_(n.id, a.from);
  if (a.kind == Kind::kDial) {
    const Micros latency = n.latency_to(a.from);
    if (!n.engine || cut) return tell(n, a.at, a.from, Kind::kRefused, a.theirs, 0, latency);
    n.ends.push_back(Node::End{a.from, a.theirs, Node::End::State::kHalf, false, latency, 0, 0, 0, false, -1});
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
      n.engine->handle(time(n, a.at), DialFailed{a.from + 1, "refused"});
      return;
    case Kind::kOpen: tell(n, a.at, e.other, Kind::kReady, e.theirs, a.link, e.latency); break;
    default: break;
  }
  e.state = Node::End::State::kUp;
  e.up_at = a.at;
  n.engine->handle(time(n, a.at), LinkUp{a.link, e.other + 1, 1, e.dialled});
  n.engine->handle(time(n, a.at), Writable{a.link, kSocket});
}

void World::Part::take(Arrival&& a) {
  Node& n = node(a.to);
  if (a.kind == Kind::kWake && a.at != n.wake) return;
  if (n.busy_until > a.at && a.kind != Kind::kDial) {  // the node is still writing
    if (a.kind == Kind::kWake) n.wake = n.busy_until;
    a.at = n.busy_until;
    return accept(std::move(a));
  }
  ++traffic.events;
  if (n.clock_jumps && n.rng.below(10) == 0) n.skew_ms = static_cast<std::int64_t>(n.rng.below(2'000'000'000'000)) - 1'000'000'000'000;
  n.mix(static_cast<std::uint64_t>(a.at) ^ static_cast<std::uint64_t>(a.kind) << 56 ^ a.bytes.size() << 32 ^ a.from);
  switch (a.kind) {
    case Kind::kWake: n.wake = -1; break;
    case Kind::kPublish:
      if (!n.store.has(a.link)) n.store.add(a.link, 0);
      look_at_store(n, a.at);
      if (n.engine) n.engine->handle(time(n, a.at), Bell{});
      break;
    case Kind::kBytes:
      if (!n.engine || n.ends[a.link - 1].state != Node::End::State::kUp) return;
      n.engine->handle(time(n, a.at), BytesIn{a.link, a.bytes});
      break;
    case Kind::kWritable: {
      Node::End& e = n.ends[a.link - 1];
      e.writable_due = false;
      if (!n.engine || e.state != Node::End::State::kUp) return;
      n.engine->handle(time(n, a.at), Writable{a.link, kSocket});
      break;
    }
    case Kind::kBroken: {
      Node::End& e = n.ends[a.link - 1];
      const bool was_up = e.state == Node::End::State::kUp, dialling = e.state == Node::End::State::kDialling;
      e.state = Node::End::State::kGone;
      if (!n.engine) return;
      if (was_up) n.engine->handle(time(n, a.at), LinkDown{a.link, gossip::End::kAbnormal});
      if (dialling) n.engine->handle(time(n, a.at), DialFailed{e.other + 1, "closed"});
      break;
    }
    default: shake(n, a); break;
  }
  if (n.engine) turn(n, a.at);
}

void World::Part::look_at_store(Node& n, Micros at) {
  for (MessageNo m : n.store.fresh) {
    if (n.heard[m] >= 0) continue;  // restored, and heard before
    n.heard[m] = at;
  }
  // Rationale: the friend stored it at least one latency, so one slice, ago: its books are not being written now.
  for (std::size_t i = n.store.disk.rows.size() - n.store.fresh.size(); i < n.store.disk.rows.size(); ++i) {
    const Disk::Row& row = n.store.disk.rows[i];
    n.hops[row.message] = row.via == 0 ? 0 : static_cast<std::uint8_t>(1 + node(row.via - 1).hops[row.message]);
  }
  n.store.fresh.clear();
}

void World::Part::turn(Node& n, Micros at) {
  Engine& engine = *n.engine;
  engine.tick(time(n, at));
  engine.flush(time(n, at));
  if (!n.store.fresh.empty()) {
    n.busy_until = at + world_.params.store_cost;
    look_at_store(n, at);
  }
  Action action;
  while (engine.poll(action)) {
    std::visit([&](auto& a) { act(n, std::max(at, n.busy_until), a); }, action);
  }
  const auto deadline = engine.next_deadline();
  if (!deadline || (n.wake > at && n.wake <= *deadline)) return;
  n.wake = std::max(*deadline, at + 1);
  post(Arrival{n.wake, n.id, n.id, n.order++, Kind::kWake, 0, 0, {}});
}

static void misbehave(Vice vice, Bytes& bytes, Rng& rng) {
  Bytes kept;
  FrameReader reader;
  reader.feed(bytes);
  RawFrame f;
  while (reader.next(f) == FrameReader::Got::kFrame) {
    const auto type = static_cast<FrameType>(f.type);
    Bytes payload(f.payload.begin(), f.payload.end());
    if (type == FrameType::kBody) continue;
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
    n.engine->handle(time(n, at), LinkDown{link, gossip::End::kAbnormal});
    n.wake = at + 1;
    return tell(n, at, n.id, Kind::kWake, 0, 0, 1);
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
    post(Arrival{std::max(at + 1, e.busy_until), n.id, n.id, n.order++, Kind::kWritable, link, 0, {}});
  }
  post(Arrival{arrival, e.other, n.id, n.order++, Kind::kBytes, e.theirs, link, std::move(action.bytes)});
}

void World::Part::act(Node& n, Micros at, Dial& action) {
  const auto to = static_cast<NodeId>(action.peer - 1);
  const Micros latency = n.latency_to(to);
  n.ends.push_back(Node::End{to, 0, Node::End::State::kDialling, true, latency, 0, 0, 0, false, -1});
  tell(n, at, to, Kind::kDial, 0, static_cast<std::uint32_t>(n.ends.size()), latency);
}

void World::Part::act(Node& n, Micros at, CloseLink& action) { hang_up(n, at, static_cast<std::uint32_t>(action.link)); }

// --- the world

World::World(const Params& p) : params(p) {
  for (unsigned i = 0; i < params.threads; ++i) parts_.push_back(std::make_unique<Part>(*this, i));
  for (NodeId n = 0; n < params.nodes; ++n) nodes_.push_back(std::make_unique<Node>(library, params.seed, n));
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
  parts_[author % params.threads]->accept(Arrival{at, author, author, nodes_[author]->order++, Kind::kPublish, number, 0, {}});
  return number;
}

void World::set_vice(NodeId n, Vice vice) { nodes_[n]->vice = vice; }
void World::set_clock(NodeId n, std::int64_t skew_ms, bool jumps) {
  nodes_[n]->skew_ms = skew_ms;
  nodes_[n]->clock_jumps = jumps;
}

void World::run(Micros until) {
  for (auto& n : nodes_) {
    if (n->heard.size() == library.items.size() && !n->heard.empty()) continue;
    n->heard.resize(library.items.size(), -1);
    n->hops.resize(library.items.size());
  }
  std::barrier sync(static_cast<std::ptrdiff_t>(params.threads), [this, until]() noexcept {
    exchange_mail();
    Micros next = until;  // where nothing is due nothing is run
    for (auto& part : parts_) next = std::min(next, part->next());
    now_ = std::max(now_ - now_ % params.latency_min + params.latency_min, next - next % params.latency_min);
  });
  auto work = [&](Part& part) {
    while (now_ < until) {
      part.run_slice(now_ - now_ % params.latency_min + params.latency_min);
      sync.arrive_and_wait();
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < params.threads; ++i) others.emplace_back(work, std::ref(*parts_[i]));
  work(*parts_[0]);
  for (auto& t : others) t.join();
}

void World::exchange_mail() {
  for (auto& from : parts_) {
    for (unsigned to = 0; to < params.threads; ++to) {
      for (Arrival& a : from->out[to]) parts_[to]->accept(std::move(a));
      from->out[to].clear();
    }
  }
}

void World::kill(NodeId n) {
  if (!nodes_[n]->engine) return;
  parts_[n % params.threads]->kill(*nodes_[n]);
  exchange_mail();
}
void World::start(NodeId n) { parts_[n % params.threads]->start(*nodes_[n], now_); }

void World::cut(const std::function<bool(NodeId, NodeId)>& crosses) {
  cut_ = crosses;
  for (auto& n : nodes_) {
    for (std::uint32_t i = 0; i < n->ends.size(); ++i) {
      Node::End& e = n->ends[i];
      if (e.state == Node::End::State::kGone || !crosses(n->id, e.other)) continue;
      const bool up = e.state == Node::End::State::kUp, dialling = e.state == Node::End::State::kDialling;
      e.state = Node::End::State::kGone;
      if (n->engine && up) n->engine->handle(Now{now_, 0}, LinkDown{i + 1, gossip::End::kAbnormal});
      if (n->engine && dialling) n->engine->handle(Now{now_, 0}, DialFailed{e.other + 1, "unreachable"});
    }
    if (n->engine) {
      n->wake = now_;
      parts_[n->id % params.threads]->accept(Arrival{now_, n->id, n->id, n->order++, Kind::kWake, 0, 0, {}});
    }
  }
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
Micros World::heard_at(NodeId n, MessageNo m) const { return nodes_[n]->heard[m]; }
unsigned World::hops(NodeId n, MessageNo m) const { return nodes_[n]->hops[m]; }
const std::vector<NodeId>& World::friends(NodeId n) const { return nodes_[n]->friends; }

EngineStats World::stats(NodeId n) const {
  EngineStats s = nodes_[n]->engine ? nodes_[n]->engine->stats() : EngineStats{};
  add(s, nodes_[n]->stats_before);
  return s;
}

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
  Traffic sum;
  for (auto& p : parts_) {
    sum.events += p->traffic.events;
    sum.sends += p->traffic.sends;
    sum.bytes += p->traffic.bytes;
  }
  return sum;
}

std::uint64_t World::trace() const {
  std::uint64_t t = 0xcbf29ce484222325;
  for (auto& n : nodes_) t = (t ^ n->trace) * kMix;
  return t;
}

}  // namespace gossip::sim
