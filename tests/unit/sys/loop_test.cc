// The poller: what is named anew, and what is kept.
#include "sys/loop.h"

#include <gtest/gtest.h>

#include <array>

#include "sys/clock.h"
#include "sys/packet.h"

namespace gossip::sys {
namespace {

TEST(Poller, WaitsNoLongerThanItWasToldAndForgetsWhatNobodyWants) {
  auto [a, b] = packet_pair();
  a.reset();  // hung up: would be ready at once, if anything of it were wanted
  Poller poller;
  std::size_t slot = poller.add(b.get(), false, false);
  std::int64_t before = mono_us();
  poller.wait(20'000);
  EXPECT_GE(mono_us() - before, 20'000);
  EXPECT_FALSE(poller.readable(slot));
  poller.clear();
  slot = poller.add(b.get(), true);
  poller.wait(-1);
  EXPECT_TRUE(poller.readable(slot));
}

TEST(Poller, WhatIsKeptStaysUntilItIsChanged) {
  constexpr Interest kNothing, kRead{.read = true}, kWrite{.write = true}, kBoth{true, true};
  auto [a, b] = packet_pair();
  auto [c, d] = packet_pair();
  Poller poller;
  poller.change(a.get(), 7, kNothing, kRead);
  poller.change(c.get(), 8, kNothing, kRead);
  poller.wait(0);
  EXPECT_TRUE(poller.ready().empty());
  const std::array<std::uint8_t, 1> word{1};
  send_packet(b.get(), word);
  for (int turn = 0; turn < 2; ++turn) {  // not read: said again
    poller.clear();
    const std::size_t slot = poller.add(d.get(), true);
    poller.wait(-1);
    ASSERT_EQ(poller.ready().size(), 1u);
    EXPECT_EQ(poller.ready()[0].tag, 7u);
    EXPECT_TRUE(poller.ready()[0].read);
    EXPECT_FALSE(poller.ready()[0].write);
    EXPECT_FALSE(poller.readable(slot)) << "what is named anew stands beside it";
  }
  poller.change(a.get(), 7, kRead, kBoth);
  poller.wait(-1);
  ASSERT_EQ(poller.ready().size(), 1u);
  EXPECT_TRUE(poller.ready()[0].read && poller.ready()[0].write);
  poller.change(a.get(), 7, kBoth, kWrite);
  poller.wait(-1);
  ASSERT_EQ(poller.ready().size(), 1u);
  EXPECT_FALSE(poller.ready()[0].read);
  poller.change(a.get(), 7, kWrite, kNothing);
  b.reset();
  d.reset();
  poller.wait(-1);
  ASSERT_EQ(poller.ready().size(), 1u) << "a hang-up nobody would look at is none";
  EXPECT_EQ(poller.ready()[0].tag, 8u);
  EXPECT_TRUE(poller.ready()[0].read && poller.ready()[0].write);
}

TEST(Poller, OfACrowdEveryoneIsSaidInTheEnd) {
  constexpr std::uint64_t kMany = 300;
  std::vector<std::pair<Fd, Fd>> pairs;
  Poller poller;
  for (std::uint64_t i = 0; i < kMany; ++i) {
    pairs.push_back(packet_pair());
    poller.change(pairs.back().first.get(), i, {}, {.write = true});
  }
  std::vector<int> said(kMany);
  for (int turn = 0; turn < 4; ++turn) {
    poller.wait(-1);
    for (const auto& one : poller.ready()) ++said[one.tag];
  }
  for (std::uint64_t i = 0; i < kMany; ++i) EXPECT_GT(said[i], 0) << i;
}

}  // namespace
}  // namespace gossip::sys
