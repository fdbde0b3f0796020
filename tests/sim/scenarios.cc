#include "sim/scenarios.h"

#include <algorithm>
#include <cstdio>

#include "support/test_rng.h"

namespace gossip::sim {
namespace {

constexpr Micros kSettled = 20 * kSecond;  // by then everybody is connected
constexpr std::size_t kText = 100;

Params params_of(const Options& o, NodeId nodes = 10'000) {
  Params p;
  p.seed = o.seed;
  p.nodes = o.nodes ? o.nodes : nodes;
  p.threads = o.threads;
  return p;
}

// A network that is up, with nothing said yet.
struct Town {
  explicit Town(const Params& p) : world(p), rng(p.seed * 77 + 5) { world.random_graph(); }
  // `count` messages from random authors, `gap` apart, from `from` on.
  std::vector<MessageNo> talk(Micros from, int count, Micros gap, const std::vector<NodeId>& authors = {}) {
    std::vector<MessageNo> out;
    for (int i = 0; i < count; ++i) {
      const NodeId author = authors.empty() ? static_cast<NodeId>(rng.below(world.params.nodes)) : authors[rng.below(authors.size())];
      out.push_back(world.message(author, from + i * gap, kText));
    }
    return out;
  }
  void settle() {
    for (NodeId n = 0; n < world.params.nodes; ++n) world.start(n);
    world.run(kSettled);
  }
  std::vector<NodeId> some(std::size_t count) {
    std::vector<NodeId> all(world.params.nodes);
    for (NodeId n = 0; n < all.size(); ++n) all[n] = n;
    for (std::size_t i = 0; i < count; ++i) std::swap(all[i], all[i + rng.below(all.size() - i)]);
    all.resize(count);
    return all;
  }
  // Runs until every node of `nodes` has every one of `messages`; false at the limit.
  bool run_until_held(const std::vector<NodeId>& nodes, const std::vector<MessageNo>& messages, Micros limit) {
    auto whole = [&] {
      return std::all_of(nodes.begin(), nodes.end(), [&](NodeId n) {
        return std::all_of(messages.begin(), messages.end(), [&](MessageNo m) { return world.has(n, m); });
      });
    };
    while (!whole()) {
      if (world.now() >= limit) return false;
      world.run(world.now() + 500 * kMillisecond);
    }
    return true;
  }
  std::vector<NodeId> everybody() const {
    std::vector<NodeId> out;
    for (NodeId n = 0; n < world.params.nodes; ++n) {
      if (world.alive(n)) out.push_back(n);
    }
    return out;
  }

  World world;
  test::TestRng rng;
};

struct Sums {
  std::uint64_t bodies = 0, stored = 0, control = 0, bytes = 0;
};
Sums sums(const World& w) {
  Sums s;
  for (NodeId n = 0; n < w.params.nodes; ++n) {
    const EngineStats e = w.stats(n);
    s.bodies += e.bodies;
    s.stored += e.bodies_stored;
    s.control += e.haves + e.wants;
    s.bytes += e.bytes_out;
  }
  return s;
}

Figures measure(const World& w, const std::vector<NodeId>& nodes, const std::vector<MessageNo>& messages, const Sums& before) {
  Figures f;
  std::vector<Micros> waits;
  std::uint64_t wanted = 0;
  for (NodeId n : nodes) {
    for (MessageNo m : messages) {
      if (w.library.items[m].author == n) continue;
      ++wanted;
      const Micros heard = w.heard_at(n, m);
      if (heard < 0 || !w.has(n, m)) continue;
      waits.push_back(heard - w.library.items[m].at);
      f.last_hop = std::max(f.last_hop, w.hops(n, m));
    }
  }
  std::sort(waits.begin(), waits.end());
  f.coverage = wanted == 0 ? 1 : static_cast<double>(waits.size()) / static_cast<double>(wanted);
  if (!waits.empty()) {
    f.p50 = waits[waits.size() / 2];
    f.p99 = waits[std::min(waits.size() - 1, waits.size() * 99 / 100)];
    f.last = waits.back();
  }
  const Sums now = sums(w);
  const auto stored = static_cast<double>(std::max<std::uint64_t>(1, now.stored - before.stored));
  f.redundancy = static_cast<double>(now.bodies - before.bodies) / stored - 1;
  f.frames = static_cast<double>(now.control - before.control) / stored;
  f.bytes = static_cast<double>(now.bytes - before.bytes) / stored;
  return f;
}

std::string words(const char* format, auto... values) {
  char text[300];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

// Steady talk, then three seconds for the last message.
Outcome steady(const Params& p, int count, Micros gap, auto&& prepare, auto&& judge, Micros after = 3 * kSecond) {
  Town town(p);
  auto messages = town.talk(kSettled, count, gap);
  prepare(town);
  town.settle();
  const Sums before = sums(town.world);
  town.world.run(kSettled + count * gap + after);
  Outcome out;
  out.figures = measure(town.world, town.everybody(), messages, before);
  out.passed = judge(town, out);
  out.trace = town.world.trace();
  return out;
}
auto nothing = [](Town&) {};

Outcome s1(const Options& o) {
  return steady(params_of(o), 200, kSecond / 30, nothing, [](Town&, Outcome& out) {
    const Figures& f = out.figures;
    return f.coverage == 1 && f.redundancy <= 0.001 && f.last_hop <= 14 && f.p99 <= 900 * kMillisecond;
  });
}

Outcome s3(const Options& o) {
  Params p = params_of(o);
  p.loss_pct = 10;
  return steady(p, 50, 100 * kMillisecond, nothing, [](Town&, Outcome& out) {
    return out.figures.coverage == 1 && out.figures.redundancy <= 0.03 && out.figures.p99 <= 1700 * kMillisecond;
  }, 15 * kSecond);
}

Outcome s4(const Options& o) {
  Params p = params_of(o);
  p.break_pct = 10;
  return steady(p, 50, 100 * kMillisecond, nothing, [](Town&, Outcome& out) {
    return out.figures.coverage == 1 && out.figures.last <= 15 * kSecond;
  }, 15 * kSecond);
}

Outcome s5(const Options& o) {
  Outcome all;
  all.passed = true;
  for (unsigned share : {10u, 20u, 50u, 70u}) {
    Town town(params_of(o));
    const auto source = static_cast<NodeId>(town.rng.below(town.world.params.nodes));
    auto messages = town.talk(kSettled + 10 * kMillisecond, 10, 10 * kMillisecond, {source});
    town.settle();
    const Sums before = sums(town.world);
    for (NodeId n : town.some(std::size_t{town.world.params.nodes} * share / 100)) {
      if (n != source) town.world.kill(n);
    }
    town.world.run(kSettled + 30 * kSecond);
    const auto component = town.world.component(source);
    Outcome out;
    out.figures = measure(town.world, component, messages, before);
    all.passed = all.passed && out.figures.coverage == 1;
    all.note += words("%u %% dead: component %zu, coverage %.6f, last %.2f s; ", share, component.size(), out.figures.coverage,
                      static_cast<double>(out.figures.last) / 1e6);
    all.figures = out.figures;
    all.trace = all.trace * 31 + town.world.trace();
  }
  return all;
}

Outcome s6(const Options& o) {
  Outcome all;
  all.passed = true;
  for (Micros cut : {60 * kSecond, 600 * kSecond}) {
    Town town(params_of(o));
    const NodeId half = town.world.params.nodes / 2;
    const int count = cut == 60 * kSecond ? 100 : 200;
    auto messages = town.talk(kSettled + kSecond, count, (cut - 2 * kSecond) / count);
    town.settle();
    auto crosses = [half](NodeId a, NodeId b) { return (a < half) != (b < half); };
    town.world.cut(crosses);
    town.world.run(kSettled + cut);
    std::uint64_t missing = 0;
    for (NodeId n = 0; n < town.world.params.nodes; ++n) {
      for (MessageNo m : messages) missing += !town.world.has(n, m);
    }
    const Sums before = sums(town.world);
    town.world.heal();
    const Micros healed = town.world.now();
    const bool whole = town.run_until_held(town.everybody(), messages, healed + 90 * kSecond);
    Outcome out;
    out.figures = measure(town.world, town.everybody(), messages, before);
    Micros last = 0;
    for (NodeId n = 0; n < town.world.params.nodes; ++n) {
      for (MessageNo m : messages) last = std::max(last, town.world.heard_at(n, m) - healed);
    }
    const Micros needed = std::max<Micros>(0, town.world.connected_at() - healed);
    const double bodies = static_cast<double>(sums(town.world).bodies - before.bodies) / static_cast<double>(std::max<std::uint64_t>(1, missing));
    all.passed = all.passed && whole && bodies <= 1.05 && last <= needed + 2 * kSecond;
    all.note += words("cut %lld s: whole %.2f s after healing, slowest needed reconnection %.2f s, %.4f bodies per missing message; ",
                      static_cast<long long>(cut / kSecond), static_cast<double>(last) / 1e6, static_cast<double>(needed) / 1e6, bodies);
    all.figures = out.figures;
    all.trace = all.trace * 31 + town.world.trace();
  }
  return all;
}

Outcome s7(const Options& o) {
  return steady(params_of(o, 50'000), 20, 100 * kMillisecond, nothing, [](Town&, Outcome& out) {
    return out.figures.coverage == 1 && out.figures.p99 <= kSecond;
  });
}

Outcome s10(const Options& o) {
  Town town(params_of(o));
  const Micros day = 24 * kHour;
  auto early = town.talk(kSettled, 50, 100 * kMillisecond);
  auto late = town.talk(kSettled + day, 100, 200 * kMillisecond);
  auto busy = town.talk(kSettled + day + 30 * kSecond, 100, 200 * kMillisecond);
  town.settle();
  const Sums before = sums(town.world);
  town.world.run(kSettled + 30 * kSecond);
  const auto victims = town.some(town.world.params.nodes / 100);
  std::vector<Disk> copies;
  for (NodeId n : victims) copies.push_back(town.world.backup(n));
  town.world.run(kSettled + day + 25 * kSecond);
  std::uint64_t rewound = 0;
  for (std::size_t i = 0; i < victims.size(); ++i) {  // spread over the busy twenty seconds
    town.world.run(kSettled + day + 30 * kSecond + static_cast<Micros>(i) * 20 * kSecond / static_cast<Micros>(victims.size()));
    town.world.kill(victims[i]);
    rewound += town.world.stored(victims[i]) > copies[i].rows.size();
    town.world.restore(victims[i], copies[i]);
    town.world.start(victims[i]);
  }
  std::vector<MessageNo> all = early;
  all.insert(all.end(), late.begin(), late.end());
  all.insert(all.end(), busy.begin(), busy.end());
  const Micros restored = town.world.now();
  const bool whole = town.run_until_held(town.everybody(), all, restored + 5 * kMinute);
  Outcome out;
  out.figures = measure(town.world, town.everybody(), all, before);
  std::uint64_t seen = 0;
  for (NodeId n = 0; n < town.world.params.nodes; ++n) seen += town.world.stats(n).mismatch;
  out.passed = whole && out.figures.coverage == 1 && rewound == victims.size() && seen >= rewound;
  out.note = words("%zu nodes restored, all sets equal %.1f s after the last, friends saw %llu rewound logs", victims.size(),
                   static_cast<double>(town.world.now() - restored) / 1e6, static_cast<unsigned long long>(seen));
  out.trace = town.world.trace();
  return out;
}

Outcome s11(const Options& o) {
  Town town(params_of(o));
  std::vector<bool> bad(town.world.params.nodes);
  for (NodeId n : town.some(town.world.params.nodes / 20)) {
    bad[n] = true;
    town.world.set_vice(n, n % 2 ? Vice::kGivesNothing : Vice::kLies);
  }
  std::vector<NodeId> honest;
  for (NodeId n = 0; n < bad.size(); ++n) {
    if (!bad[n]) honest.push_back(n);
  }
  auto messages = town.talk(kSettled, 50, 100 * kMillisecond, honest);
  town.settle();
  const Sums before = sums(town.world);
  town.world.run(kSettled + 50 * 100 * kMillisecond + 30 * kSecond);
  // honest nodes that reach each other through honest ones
  for (NodeId n = 0; n < bad.size(); ++n) {
    if (bad[n]) town.world.kill(n);
  }
  const auto component = town.world.component(honest[0]);
  messages.erase(std::remove_if(messages.begin(), messages.end(), [&](MessageNo m) {
    return std::find(component.begin(), component.end(), town.world.library.items[m].author) == component.end();
  }), messages.end());
  Outcome out;
  out.figures = measure(town.world, component, messages, before);
  out.passed = out.figures.coverage == 1 && out.figures.p99 <= 3 * kSecond;
  out.trace = town.world.trace();
  return out;
}

Outcome s12(const Options& o) {
  return steady(params_of(o), 50, 100 * kMillisecond, [](Town& town) {
    for (NodeId n = 0; n < town.world.params.nodes; n += 2) {
      town.world.set_clock(n, static_cast<std::int64_t>(town.rng.below(4'000'000'000'000)) - 2'000'000'000'000, n % 4 == 0);
    }
  }, [](Town&, Outcome& out) { return out.figures.coverage == 1 && out.figures.p99 <= 900 * kMillisecond; });
}

void judge_flood(const World& w, const std::vector<NodeId>& others, const std::vector<MessageNo>& flood, Micros quiet, Outcome& out) {
  std::uint64_t arrived = 0;
  double slowest = 1e9;
  std::size_t memory = 0;
  for (NodeId n : others) {
    Micros first = INT64_MAX, last = 0;
    for (MessageNo m : flood) {
      const Micros at = w.heard_at(n, m);
      if (at < 0) continue;
      ++arrived;
      first = std::min(first, at);
      last = std::max(last, at);
    }
    slowest = std::min(slowest, static_cast<double>(flood.size()) * 1e6 / static_cast<double>(std::max<Micros>(1, last - first)));
    memory = std::max(memory, w.memory(n));
  }
  const bool all = arrived == flood.size() * others.size();
  out.passed = all && out.figures.coverage == 1 && out.figures.p99 <= 2 * quiet && memory <= 64 << 20;
  out.note = words("p99 of the others %.0f ms without the flood; %s of the flood arrived, %.0f messages/s at the slowest node; memory of a "
                   "node <= %.2f MiB", static_cast<double>(quiet) / 1e3, all ? "all" : "NOT all", slowest,
                   static_cast<double>(memory) / (1 << 20));
}

// One node says a thousand messages a second, and all the others talk as in S1, once with it and once without.
Outcome s13(const Options& o) {
  constexpr int kSeconds = 2, kFlood = 1000, kTalk = 30;
  Params p = params_of(o);
  p.bytes_per_s = 10'000'000 / 8;
  p.store_cost = 300;
  Outcome out;
  Micros quiet = 0;
  for (bool flooded : {false, true}) {
    Town town(p);
    const NodeId loud = static_cast<NodeId>(town.rng.below(p.nodes));
    std::vector<NodeId> others;
    for (NodeId n = 0; n < p.nodes; ++n) {
      if (n != loud) others.push_back(n);
    }
    auto talk = town.talk(kSettled, kSeconds * kTalk, kSecond / kTalk, others);
    std::vector<MessageNo> flood;
    if (flooded) flood = town.talk(kSettled, kSeconds * kFlood, kSecond / kFlood, {loud});
    town.settle();
    const Sums before = sums(town.world);
    town.world.run(kSettled + kSeconds * kSecond + 10 * kSecond);
    out.figures = measure(town.world, town.everybody(), talk, before);
    if (!flooded) quiet = out.figures.p99;
    out.trace = out.trace * 31 + town.world.trace();
    if (flooded) judge_flood(town.world, others, flood, quiet, out);
  }
  return out;
}

// What is lost on the way to one friend holds nothing else up, and is asked of another in the end.
Outcome s14(const Options& o) {
  return steady(params_of(o), 50, 100 * kMillisecond, [](Town& town) {
    for (NodeId n : town.some(town.world.params.nodes / 3)) town.world.set_vice(n, Vice::kLoses);
  }, [](Town&, Outcome& out) {
    const Figures& f = out.figures;
    return f.coverage == 1 && f.redundancy <= 0.005 && f.p50 <= 700 * kMillisecond && f.p99 <= 4 * kSecond;
  }, 30 * kSecond);
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"S1", "steady, 30 messages/s", "coverage 1, redundancy <= 0.001, last hop <= 14, p99 <= 0.9 s", s1},
      {"S3", "10 % frame loss under TCP", "coverage 1, redundancy <= 0.03, p99 <= 1.7 s", s3},
      {"S4", "10 % of frames end their session", "coverage 1 within 15 s", s4},
      {"S5", "10, 20, 50, 70 % die at once", "coverage 1 of the source's component", s5},
      {"S6", "halves cut for 60 s and 600 s", "whole <= slowest needed reconnection + 2 s, <= 1.05 bodies per missing", s6},
      {"S7", "50,000 nodes", "coverage 1, p99 <= 1 s", s7},
      {"S10", "1 % restored from day-old copies", "all seen, equal in 5 minutes, none lost", s10},
      {"S11", "5 % give nothing or lie in HAVE", "coverage 1 among the honest, p99 <= 3 s", s11},
      {"S12", "wrong clocks", "coverage 1, p99 <= 0.9 s", s12},
      {"S13", "one node says 1,000 messages/s", "the others' p99 <= twice that without it, all arrives, a node <= 64 MiB", s13},
      {"S14", "a third lose one body in twenty", "coverage 1 within 30 s, p50 <= 0.7 s, p99 <= 4 s, redundancy <= 0.005", s14},
  };
  return all;
}

}  // namespace gossip::sim
