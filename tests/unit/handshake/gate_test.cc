// The gate: who may wait to be answered, and how much work strangers may cause.
#include <gtest/gtest.h>

#include <set>

#include "gossip/gate.h"

namespace gossip::test {
namespace {

Now at(Micros mono) { return {mono, 0}; }
Address v4(int a, int b, int c, int d) {
  auto byte = [](int v) { return static_cast<std::uint8_t>(v); };
  return Address::v4({byte(a), byte(b), byte(c), byte(d)});
}
TEST(Gate, FewerPlacesWhereThereAreFewerDescriptors) {
  Gate gate(32);
  for (CallerId id = 1; id <= 200; ++id) {
    gate.enter(Now{static_cast<Micros>(id) * kSecond, 0}, id, Address::v4({10, 0, static_cast<std::uint8_t>(id), 1}));
    EXPECT_LE(gate.callers(), 30u);  // of 32, two stay for friends
  }
  const Address friends[] = {Address::v4({127, 0, 0, 9})};
  gate.set_known(friends);
  EXPECT_TRUE(gate.enter(Now{300 * kSecond, 0}, 500, friends[0]).in);
}

constexpr std::size_t kStrangers = kCallers - kCallersReserved;

TEST(Gate, Prefixes) {
  EXPECT_EQ(v4(127, 0, 1, 2).prefix(), v4(127, 0, 1, 0).prefix());
  EXPECT_NE(v4(127, 0, 1, 2).prefix(), v4(127, 0, 2, 2).prefix());
  std::array<std::uint8_t, 16> mapped{};
  mapped[10] = mapped[11] = 0xff;
  mapped[12] = 127, mapped[15] = 1;
  EXPECT_EQ(Address::v6(mapped), v4(127, 0, 0, 1));
  std::array<std::uint8_t, 16> a{0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5}, b = a, c = a;
  b[15] = 9;
  c[7] = 9;
  EXPECT_EQ(Address::v6(a).prefix(), Address::v6(b).prefix());
  EXPECT_NE(Address::v6(a).prefix(), Address::v6(c).prefix());
}

// The oldest of the fullest prefix goes, and never one of a prefix that holds few.
TEST(Gate, OldestOfTheFullestPrefixGoes) {
  Gate gate;
  EXPECT_TRUE(gate.enter(at(0), 1, v4(127, 9, 9, 1)).in);
  for (CallerId id = 2; id <= kStrangers; ++id)
    EXPECT_EQ(gate.enter(at(static_cast<Micros>(id)), id, v4(127, 1, 1, static_cast<int>(id % 200))).evict, std::nullopt);
  EXPECT_EQ(gate.callers(), kStrangers);
  auto verdict = gate.enter(at(3 * kSecond), 5000, v4(127, 2, 2, 2));
  EXPECT_TRUE(verdict.in);
  EXPECT_EQ(verdict.evict, 2u);
  verdict = gate.enter(at(3 * kSecond), 5001, v4(127, 1, 1, 7));
  EXPECT_TRUE(verdict.in);
  EXPECT_EQ(verdict.evict, 3u);
  gate.draining(700);
  EXPECT_EQ(gate.enter(at(3 * kSecond), 5002, v4(127, 2, 2, 2)).evict, 700u) << "one in DRAIN first";
  EXPECT_EQ(gate.callers(), kStrangers);
}

// Where the fullest prefix has nobody of 2 s or more, one of it goes by chance, for a caller of its own too.
// However many prefixes somebody has: who came a moment ago stays, wherever it calls from, and who has been here longest goes.
TEST(Gate, OfPrefixesThatHoldAsManyNoneIsTheFirstToGoForItsNumber) {
  Gate gate;
  for (std::size_t i = 0; i + 1 < kStrangers; ++i)
    gate.enter(at(static_cast<Micros>(i)), i + 1, v4(20 + static_cast<int>(i / 250), static_cast<int>(i % 250), 1, 1));
  ASSERT_EQ(gate.enter(at(5 * kSecond), 5000, v4(1, 1, 1, 1)).evict, std::nullopt);
  for (CallerId id = 1; id < 100; ++id) {
    const auto verdict = gate.enter(at(5 * kSecond + static_cast<Micros>(id)), 5000 + id, v4(200, static_cast<int>(id), 1, 1));
    EXPECT_TRUE(verdict.in);
    EXPECT_EQ(verdict.evict, id);
  }
}

TEST(Gate, FreshOnes) {
  Gate gate;
  for (CallerId id = 1; id <= kStrangers; ++id) gate.enter(at(0), id, v4(127, 1, 1, 1));
  std::set<CallerId> out;
  for (CallerId id = 2000; id < 2100; ++id) {
    const auto own = gate.enter(at(kSecond), id, v4(127, 1, 1, 2));
    ASSERT_TRUE(own.in && own.evict);
    out.insert(*own.evict);
  }
  EXPECT_EQ(out.size(), 100u);
  EXPECT_LT(*out.begin(), kStrangers / 4);
  EXPECT_GT(*out.rbegin(), kStrangers * 3 / 4);
  const auto other = gate.enter(at(kSecond), 3001, v4(127, 2, 1, 1));
  ASSERT_TRUE(other.in && other.evict);
  EXPECT_NE(*other.evict, 3001u);
  const CallerId oldest = [&] { CallerId id = 1; while (out.contains(id) || id == *other.evict) ++id; return id; }();
  EXPECT_EQ(gate.enter(at(2 * kSecond), 3002, v4(127, 1, 1, 2)).evict, oldest);
}

// A stranger who shares a friend's address calls 1000 times a second, twice as often as is answered: of the friend's tries some do it.
TEST(Gate, WhoSharesAFriendsAddressKeepsItNotOut) {
  Gate gate(20, 7);
  const Address home = v4(127, 5, 5, 5);
  gate.set_known(std::span(&home, 1));
  CallerId last = 0;
  Micros now = kHour;
  auto call = [&] {
    const CallerId id = ++last;
    EXPECT_TRUE(gate.enter(at(now), id, home).in);
    gate.wait(id);
    return id;
  };
  int in = 0;
  for (int i = 0; i < 3000; ++i) now += kMillisecond, call(), gate.next(at(now));  // the burst is over
  for (int tries = 0; tries < 200; ++tries) {
    const CallerId mine = call();
    bool answered = false;
    for (int i = 0; i < 60 && !answered; ++i) {
      now += kMillisecond;
      call();
      answered = gate.next(at(now)) == mine;
    }
    in += answered;
  }
  EXPECT_GT(in, 40);
}

// With every stranger's slot taken, 64 more wait for friends' addresses.
TEST(Gate, SlotsOfFriends) {
  Gate gate;
  const Address home = v4(127, 5, 5, 5);
  gate.set_known(std::span(&home, 1));
  for (CallerId id = 1; id <= kStrangers; ++id) gate.enter(at(0), id, v4(127, static_cast<int>(id % 50), 1, 1));
  for (CallerId id = 2000; id < 2000 + kCallersReserved; ++id) {
    const auto verdict = gate.enter(at(kSecond), id, home);
    EXPECT_TRUE(verdict.in);
    EXPECT_EQ(verdict.evict, std::nullopt);
  }
  EXPECT_EQ(gate.callers(), kCallers);
  const auto stranger = gate.enter(at(5 * kSecond), 3000, v4(127, 77, 1, 1));
  ASSERT_TRUE(stranger.evict);
  EXPECT_LE(*stranger.evict, kStrangers) << "strangers make room among themselves";
  gate.leave(2000);
  EXPECT_EQ(gate.callers(), kCallers - 1);
}

// A friend in the midst of a flood from its own prefix is not evicted for one of the flood.
TEST(Gate, FriendsAreNotEvictedForStrangers) {
  Gate gate;
  const Address home = v4(127, 1, 1, 5);
  gate.set_known(std::span(&home, 1));
  gate.enter(at(0), 1, home);
  gate.draining(1);
  for (CallerId id = 2; id <= kStrangers + 1; ++id) gate.enter(at(0), id, v4(127, 1, 1, 1));
  EXPECT_EQ(gate.enter(at(5 * kSecond), 5000, v4(127, 1, 1, 1)).evict, 2u);
}

TEST(Gate, LeavingMakesRoom) {
  Gate gate;
  for (CallerId id = 1; id <= 100'000; ++id) {  // F1: connect and close
    ASSERT_EQ(gate.enter(at(0), id, v4(127, 1, 1, 1)).evict, std::nullopt);
    gate.leave(id);
    gate.leave(id);
  }
  EXPECT_EQ(gate.callers(), 0u);
}

// 1,000 at once, then 500 a second; each in its turn.
TEST(Gate, WorkHasABudget) {
  Gate gate;
  CallerId id = 0;
  auto arrive = [&](Micros now) {
    ++id;
    EXPECT_TRUE(gate.enter(at(now), id, v4(127, 1, static_cast<int>(id % 200), 1)).in);
    gate.wait(id);
    gate.wait(id);
  };
  std::size_t done = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 500; ++i) arrive(0);
    while (auto next = gate.next(at(0))) ++done, gate.leave(*next);
  }
  EXPECT_EQ(done, 1000u);
  EXPECT_EQ(*gate.next_deadline(at(0)), 2 * kMillisecond);
  for (Micros now = 0; now <= kSecond; now += kMillisecond)
    while (auto next = gate.next(at(now))) {
      EXPECT_EQ(*next, done + 1) << "first come, first served";
      ++done;
      gate.leave(*next);
    }
  EXPECT_EQ(done, 1500u);
  EXPECT_EQ(gate.next_deadline(at(kSecond)), std::nullopt);
  EXPECT_EQ(gate.next(at(kHour)), std::nullopt);
}

// Friends' addresses do not stand behind the strangers' queue, nor strangers behind theirs; who has gone is passed over.
TEST(Gate, TurnsBetweenFriendsAndOthers) {
  Gate gate;
  const Address home = v4(127, 5, 5, 5);
  gate.set_known(std::span(&home, 1));
  for (CallerId id = 1; id <= 6; ++id) {
    gate.enter(at(0), id, v4(127, 1, 1, 1));
    gate.wait(id);
  }
  for (CallerId id = 7; id <= 9; ++id) {
    gate.enter(at(0), id, home);
    gate.wait(id);
  }
  gate.leave(1);
  gate.leave(3);
  gate.leave(8);
  std::vector<CallerId> order;
  while (auto next = gate.next(at(0))) order.push_back(*next);
  ASSERT_EQ(order.size(), 6u);
  if (order[0] == 9) std::swap(order[0], order[2]);  // among friends it is chance
  EXPECT_EQ(order, (std::vector<CallerId>{7, 2, 9, 4, 5, 6}));
}

}  // namespace
}  // namespace gossip::test
