// Strangers learn nothing: work, sizes and closing times are those of friends, and no clock on a wall has a say in it.
#include <gtest/gtest.h>

#include "support/statistics.h"
#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

// Who is called: somebody with one friend and a decoy.
struct Called {
  explicit Called(std::uint64_t seed) : rng(seed) {
    responder.set_decoy(std::make_shared<CheapKey>(std::uint8_t{9}));
    responder.set_peers(std::span(&pair.two, 1));
  }
  CheapCrypto crypto;
  TestRng rng;
  const Pair pair = cheap_pair(crypto);
  Responder responder{crypto, rng};
};

// T-A13, T-A21: with clocks ten years off, forwards or back, on either side or both, a handshake works, and every byte of it is
// what it is with clocks that are right: no wall clock is read.
TEST(Clocks, TA13_TA21_TenYearsOff) {
  constexpr std::int64_t kTenYears = std::int64_t{3652} * 86'400'000, kToday = std::int64_t{1'800'000'000'000};
  auto overheard = [](std::int64_t wall_a, std::int64_t wall_b) {
    Called called(13);
    auto& [crypto, rng, pair, responder] = called;
    TestRng rng_a(1), rng_b(2);
    const Now a_now{5, wall_a}, b_now{7, wall_b};
    auto a = Channel::dial(crypto, rng_a, pair.one, a_now);
    auto b = Channel::accept(crypto, rng_b, responder, b_now);
    Bytes wire;
    auto carry = [&](Channel& from, Now from_now, Channel& to, Now to_now) {
      const Bytes piece = take_output(from, from_now);
      wire.insert(wire.end(), piece.begin(), piece.end());
      to.receive(to_now, piece);
      if (to.wants_work()) to.work(to_now);
    };
    for (int i = 0; i < 2; ++i) {
      carry(*a, a_now, *b, b_now);
      carry(*b, b_now, *a, a_now);
    }
    EXPECT_TRUE(a->open() && b->open()) << wall_a << " " << wall_b;
    EXPECT_EQ(wire.size(), kM1 + kM2 + kM3 + kCell);
    return wire;
  };
  const Bytes right = overheard(kToday, kToday);
  for (std::int64_t a : {kToday - kTenYears, kToday, kToday + kTenYears, std::int64_t{0}, std::int64_t{-1}})
    for (std::int64_t b : {kToday - kTenYears, kToday, kToday + kTenYears, std::int64_t{0}, std::int64_t{-1}})
      EXPECT_TRUE(overheard(a, b) == right) << a << " " << b;
}

// What R does from M1 to the end of M3, use by use.
Trace work_for(World& w, View m1, View m3, bool expect_friend) {
  w.crypto.take();
  M2 m2;
  Answer answer = w.responder.answer(m1, m2);
  EXPECT_EQ(answer.pair != nullptr, expect_friend);
  EXPECT_FALSE(w.responder.finish(answer, m3, 0));
  return w.crypto.take();
}

// T-A26, F21: the same work, in the same order, with the same sizes, for a friend who stops short of proving it and for all others.
TEST(Strangers, TA26_F21_CostWhatFriendsCost) {
  World w;
  M3 m3;
  w.rng.fill(m3);
  const M1 m1 = m1_of(Initiator(w.crypto, w.rng, w.ann));
  const Trace friends = work_for(w, m1, m3, true);
  EXPECT_GT(friends.size(), 12u);
  EXPECT_EQ(std::count(friends.begin(), friends.end(), "encrypt 256"), 1);
  EXPECT_EQ(std::count(friends.begin(), friends.end(), "decrypt 256"), 0);
  M1 random, bad_body = m1_of(Initiator(w.crypto, w.rng, w.ann));
  w.rng.fill(random);
  bad_body[100] ^= 1;
  auto changed = [&](const std::function<void(MutView)>& change) { return work_for(w, w.m1_with(change), m3, false); };
  EXPECT_EQ(work_for(w, m1, m3, false), friends) << "replay";
  EXPECT_EQ(work_for(w, random, m3, false), friends) << "stranger";
  EXPECT_EQ(work_for(w, random, m3, false), friends) << "stranger, again";
  EXPECT_EQ(work_for(w, M1{}, m3, false), friends) << "zeros";
  EXPECT_EQ(work_for(w, bad_body, m3, false), friends) << "bad body";
  EXPECT_EQ(changed([](MutView b1) { b1[0] = 2; }), friends) << "version";
  EXPECT_EQ(changed([](MutView b1) { b1[15] = 2; }), friends) << "reserved";
  EXPECT_EQ(changed([](MutView b1) { std::fill_n(b1.begin() + 16, 32, std::uint8_t{0}); }), friends) << "low order";
  w.responder.set_peers({});
  EXPECT_LT(work_for(w, m1_of(Initiator(w.crypto, w.rng, w.ann)), m3, false).size(), friends.size()) << "one tag less to compare";
}

// The callers of T-A14: what they send at which second; the closing time must not depend on it.
struct Caller {
  const char* name;
  std::function<void(Channel&, CheapCrypto&, TestRng&, const Pair&)> call;
};

void say(Channel& channel, Micros now, View bytes) {
  channel.receive(at(now), bytes);
  if (channel.wants_work()) channel.work(at(now));
  while (!channel.output().empty()) channel.consumed(at(now), channel.output().size());
  channel.end_turn(at(now));
}

Bytes noise(TestRng& rng, std::size_t n) {
  Bytes out(n);
  rng.fill(out);
  return out;
}

Bytes m1_from(CheapCrypto& crypto, TestRng& rng, const Pair& pair) {
  const Initiator caller(crypto, rng, pair.one);
  return {caller.m1().begin(), caller.m1().end()};
}

const Caller kCallersOfAllKinds[] = {
    {"silent", [](Channel&, CheapCrypto&, TestRng&, const Pair&) {}},
    {"one byte", [](Channel& c, CheapCrypto&, TestRng&, const Pair&) { say(c, 1, Bytes(1, 22)); }},
    {"a byte short of M1", [](Channel& c, CheapCrypto&, TestRng& r, const Pair&) { say(c, kSecond, noise(r, kM1 - 1)); }},
    {"a random M1", [](Channel& c, CheapCrypto&, TestRng& r, const Pair&) { say(c, kSecond, noise(r, kM1)); }},
    {"a random M1 and M3", [](Channel& c, CheapCrypto&, TestRng& r, const Pair&) {
       say(c, kSecond, noise(r, kM1));
       say(c, 2 * kSecond, noise(r, kM3));
     }},
    {"more than is drained", [](Channel& c, CheapCrypto&, TestRng& r, const Pair&) {
       say(c, 1, noise(r, kM1 + kM3));
       for (int i = 0; i < 20 && c.reading(); ++i) say(c, (i + 2) * kMillisecond, noise(r, 4096));
     }},
    {"a friend's M1", [](Channel& c, CheapCrypto& k, TestRng& r, const Pair& p) { say(c, kSecond, m1_from(k, r, p)); }},
    {"a friend's M1, a random M3", [](Channel& c, CheapCrypto& k, TestRng& r, const Pair& p) {
       say(c, kSecond, m1_from(k, r, p));
       say(c, 19 * kSecond, noise(r, kM3));
     }},
    {"a friend's M1 with a bad body", [](Channel& c, CheapCrypto& k, TestRng& r, const Pair& p) {
       Bytes m1 = m1_from(k, r, p);
       m1[600] ^= 1;
       say(c, 2, m1);
       say(c, 3, noise(r, kM3));
     }},
    {"a replay", [](Channel& c, CheapCrypto& k, TestRng&, const Pair& p) {
       TestRng again(7);
       say(c, kSecond, m1_from(k, again, p));
     }},
    {"HTTP", [](Channel& c, CheapCrypto&, TestRng&, const Pair&) { say(c, 1, as_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); }},
};

// T-A14: closing times of 11 kinds of callers, 1,000 of each, come from one distribution, and that is U[20, 30) s.
TEST(Strangers, TA14_ClosingTimesSayNothing) {
  Called called(14);
  auto& [crypto, rng, pair, responder] = called;
  Samples uniform;
  for (int i = 0; i < 10'000; ++i) uniform.push_back(20 + (i + 0.5) / 1000);
  for (const Caller& caller : kCallersOfAllKinds) {
    Samples ends;
    for (int i = 0; i < 1000; ++i) {
      auto channel = Channel::accept(crypto, rng, responder, at(0));
      caller.call(*channel, crypto, rng, pair);
      ASSERT_FALSE(channel->finished()) << caller.name;
      const Micros end = *channel->next_deadline();
      channel->tick(at(end - 1));
      ASSERT_FALSE(channel->finished()) << caller.name;
      channel->tick(at(end));
      ASSERT_TRUE(channel->finished() && channel->output().empty()) << caller.name;
      ends.push_back(static_cast<double>(end) / kSecond);
    }
    EXPECT_GT(ks_p(ends, uniform), 0.01) << caller.name;
  }
  // The test can tell: a tenth of a class that ends half a second sooner would show in as many samples.
  Samples off = uniform;
  for (double& v : off) v = v < 21 ? 20 : v - 0.5;
  EXPECT_LT(ks_p(off, uniform), 0.01);
  EXPECT_GT(ks_p(uniform, uniform), 0.99);
}

// And an end of file ends each of them at once, whatever was sent before it.
TEST(Strangers, LeaveWhenTheyLike) {
  Called called(15);
  auto& [crypto, rng, pair, responder] = called;
  for (const Caller& caller : kCallersOfAllKinds) {
    auto channel = Channel::accept(crypto, rng, responder, at(0));
    caller.call(*channel, crypto, rng, pair);
    channel->end_of_file(at(19 * kSecond));
    EXPECT_TRUE(channel->finished() && channel->output().empty()) << caller.name;
    EXPECT_EQ(channel->end(), End::kStranger) << caller.name;
  }
}

}  // namespace
}  // namespace gossip::test
