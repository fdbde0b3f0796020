// The engine among a few others, in virtual time: what must converge does, once, whatever breaks on the way.
#include <gtest/gtest.h>

#include "support/network.h"

namespace gossip::test {
namespace {

std::set<Hash> ids(const Network::Node& node) {
  std::set<Hash> out;
  for (const LogRow& row : node.store->disk.rows) out.insert(row.id);
  return out;
}

void expect_equal_sets(const Network& net, std::size_t count) {
  for (const auto& node : net.nodes) {
    EXPECT_EQ(node.store->disk.rows.size(), count);
    EXPECT_EQ(ids(node), ids(net.nodes[0]));
  }
}

TEST(Network, TwoFriendsTalkBothWays) {
  Network net(1);
  int a = net.add_node(), b = net.add_node();
  net.befriend(a, b);
  net.publish(a, "hello");
  net.publish(b, "hello yourself");
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(2); }, 10 * kSecond));
  // once connected, a message needs no polling interval: announce, ask, give
  net.run_for(kSecond);
  const Micros sent = net.now();
  net.publish(a, "live");
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(3); }, 10 * kSecond));
  EXPECT_LE(net.now() - sent, 3 * net.latency + kGatherTail);
}

TEST(Network, ChainOfFourDeliversWithTheRightVia) {
  Network net(2);
  for (int i = 0; i < 4; ++i) net.add_node();
  for (int i = 0; i + 1 < 4; ++i) net.befriend(i, i + 1);
  net.publish(0, "pass it on");
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(1); }, 20 * kSecond));
  EXPECT_EQ(net.nodes[0].store->disk.rows[0].via, 0u);
  for (PeerId i = 1; i < 4; ++i) EXPECT_EQ(net.nodes[i].store->disk.rows[0].via, i);  // node i-1 is peer i
}

TEST(Network, F10_F15_FullMeshOfFiveStoresEachOnce) {
  Network net(3);
  for (int i = 0; i < 5; ++i) net.add_node();
  for (int i = 0; i < 5; ++i) {
    for (int j = i + 1; j < 5; ++j) net.befriend(i, j);
  }
  for (int k = 0; k < 200; ++k) {
    for (int i = 0; i < 5; ++i) net.publish(i, "message " + std::to_string(k));
    net.run_for(3 * kMillisecond);
  }
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(1000); }, 60 * kSecond));
  expect_equal_sets(net, 1000);
  std::uint64_t twice = 0;
  for (auto& node : net.nodes) twice += node.engine->stats().bodies_twice;
  EXPECT_EQ(twice, 0u);  // at most one WANT outstanding per message
}

TEST(Network, F14_F18_NewFriendGetsEverythingInBoundedExchanges) {
  Network net(4);
  int a = net.add_node();
  for (int k = 0; k < 20'000; ++k) net.publish(a, "old " + std::to_string(k));
  int b = net.add_node();
  net.befriend(a, b, true, true);
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(20'000); }, 120 * kSecond));
  EXPECT_EQ(net.nodes[1].engine->stats().bodies, 20'000u);
  for (std::size_t i = 0; i < 20'000; ++i) ASSERT_EQ(net.nodes[1].store->disk.rows[i].id, net.nodes[0].store->disk.rows[i].id);
}

TEST(Network, CatchUpStripesOverFriends) {
  Network net(5);
  for (int i = 0; i < 3; ++i) net.add_node();
  net.befriend(0, 1), net.befriend(1, 2), net.befriend(0, 2);
  for (int k = 0; k < 12'000; ++k) net.publish(k % 3, "m" + std::to_string(k));
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(12'000); }, 60 * kSecond));
  int d = net.add_node();
  for (int i = 0; i < 3; ++i) net.befriend(d, i, true, false);
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(12'000); }, 60 * kSecond));
  std::map<PeerId, int> by;
  for (const LogRow& row : net.nodes[3].store->disk.rows) ++by[row.via];
  EXPECT_EQ(by.size(), 3u);
  EXPECT_EQ(net.nodes[3].engine->stats().bodies_twice, 0u);
}

TEST(Network, F12_F13_CrashesCutsAndFailedCommitsLoseNothing) {
  Network net(6);
  for (int i = 0; i < 5; ++i) net.add_node();
  for (int i = 0; i < 5; ++i) net.befriend(i, (i + 1) % 5);
  std::size_t count = 0;
  for (int round = 0; round < 60; ++round) {
    const int n = static_cast<int>(net.rng.below(5));
    switch (net.rng.below(5)) {
      case 0: if (net.nodes[static_cast<std::size_t>(n)].engine) net.crash(n); break;
      case 1: net.cut(n, (n + 1) % 5); break;
      case 2: net.heal(n, (n + 1) % 5); break;
      case 3: net.nodes[static_cast<std::size_t>(n)].store->fail_commits = 2; break;
      default: break;
    }
    for (int k = 0; k < 20; ++k, ++count) net.publish(static_cast<int>(net.rng.below(5)), "r" + std::to_string(count));
    net.run_for(static_cast<Micros>(net.rng.below(2 * kSecond)));
    for (int i = 0; i < 5; ++i) {
      if (!net.nodes[static_cast<std::size_t>(i)].engine && net.rng.below(2) == 0) net.start(i);
    }
  }
  for (int i = 0; i < 5; ++i) {
    net.heal(i, (i + 1) % 5);
    net.nodes[static_cast<std::size_t>(i)].store->fail_commits = 0;
    if (!net.nodes[static_cast<std::size_t>(i)].engine) net.start(i);
  }
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(count); }, 600 * kSecond));
  expect_equal_sets(net, count);
}

TEST(Network, F11_ClocksDecideNothing) {
  Network net(7);
  int a = net.add_node(), b = net.add_node();
  net.befriend(a, b);
  for (int k = 0; k < 50; ++k) {
    net.nodes[0].wall_skew_ms = static_cast<std::int64_t>(net.rng.below(200ull * 365 * 86'400'000)) - 100ll * 365 * 86'400'000;
    net.publish(a, "whenever " + std::to_string(k));
  }
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(50); }, 10 * kSecond));
}

TEST(Network, F16_OldMessageOfferedAgainIsNotNew) {
  Network net(8);
  for (int i = 0; i < 3; ++i) net.add_node();
  net.befriend(0, 1);
  net.publish(0, "once");
  ASSERT_TRUE(net.run_until([&] { return net.nodes[1].store->disk.rows.size() == 1; }, 10 * kSecond));
  net.nodes[1].store->drop_body(1);      // node 1 no longer keeps the text, but knows the id
  net.nodes[2].store->disk = net.nodes[0].store->disk;
  net.befriend(1, 2);
  net.run_for(20 * kSecond);
  EXPECT_EQ(net.nodes[1].store->disk.rows.size(), 1u);
  EXPECT_EQ(net.nodes[1].store->disk.rows[0].size, 0u);
}

TEST(Network, F19_UnansweredWantIsAskedElsewhere) {
  Network net(9);
  for (int i = 0; i < 3; ++i) net.add_node();
  net.befriend(0, 1), net.befriend(0, 2), net.befriend(1, 2);
  net.run_for(10 * kSecond);
  // node 0 announces and never gives, to node 1
  net.meddle = [](int from, int to, Bytes& bytes) {
    if (from == 0 && to == 1) {
      Bytes kept;
      FrameReader reader;
      reader.feed(bytes);
      RawFrame f;
      while (reader.next(f) == FrameReader::Got::kFrame) {
        if (f.type != static_cast<std::uint8_t>(FrameType::kBody)) Writer(kept).u8(f.type).leb128(f.payload.size()).bytes(f.payload);
      }
      bytes = kept;
    }
  };
  const Micros sent = net.now();
  net.publish(0, "held back");
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(1); }, 60 * kSecond));
  EXPECT_LT(net.now() - sent, 3 * kSecond);
  EXPECT_EQ(net.nodes[1].store->disk.rows[0].via, 3u);
}

TEST(Network, GoneResolvesForThatFriendOnly) {
  Network net(10);
  for (int i = 0; i < 3; ++i) net.add_node();
  net.publish(0, "kept by one");
  net.nodes[1].store->disk = net.nodes[0].store->disk;
  net.befriend(2, 0);
  net.nodes[0].store->disk.bodies[0].clear();  // announced, and gone when asked for
  net.run_for(20 * kSecond);
  EXPECT_TRUE(net.nodes[2].store->disk.rows.empty());
  EXPECT_GE(net.nodes[2].engine->stats().gone, 1u);
  net.befriend(2, 1);
  ASSERT_TRUE(net.run_until([&] { return net.nodes[2].store->disk.rows.size() == 1; }, 20 * kSecond));
}

TEST(Network, RestoredLogIsSeenAndReplayed) {
  Network net(11);
  int a = net.add_node(), b = net.add_node();
  net.befriend(a, b);
  for (int k = 0; k < 300; ++k) net.publish(a, "before " + std::to_string(k));
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(300); }, 10 * kSecond));
  net.run_for(2 * kSecond);
  auto backup = net.nodes[0].store->disk;
  for (int k = 0; k < 50; ++k) net.publish(a, "lost in the restore " + std::to_string(k));
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(350); }, 10 * kSecond));
  net.run_for(2 * kSecond);
  net.crash(a);
  net.nodes[0].store->disk = backup;
  for (int k = 0; k < 80; ++k) net.nodes[0].store->publish([&] {
    Message m;
    m.salt = net.rng.array<16>();
    m.sender = "a";
    m.text = "after " + std::to_string(k);
    return m;
  }());
  net.start(a);
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(430); }, 60 * kSecond));  // its own lost ones came back from b
  expect_equal_sets(net, 430);
  EXPECT_EQ(net.nodes[1].engine->stats().mismatch, 1u);
}

TEST(Network, FetchesBackOverTheirSessionWhereTheFriendCannotBeDialled) {
  Network net(12);
  int a = net.add_node(), b = net.add_node();
  net.befriend(a, b, /*a_dials=*/false, /*b_dials=*/true);
  net.publish(b, "from behind the wall");
  net.publish(a, "to behind the wall");
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(2); }, 20 * kSecond));
  net.run_for(10 * kSecond);
  const Micros sent = net.now();
  net.publish(b, "live, too");
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(3); }, 20 * kSecond));
  EXPECT_LE(net.now() - sent, 3 * net.latency + kGatherTail);
}

TEST(Network, F3_F28_DeadFriendDelaysNobodyAndComesBackByItself) {
  Network net(13);
  for (int i = 0; i < 4; ++i) net.add_node();
  for (int i = 1; i < 4; ++i) net.befriend(0, i, true, false);
  net.crash(3);
  net.publish(1, "one");
  ASSERT_TRUE(net.run_until([&] { return net.nodes[0].store->disk.rows.size() == 1; }, 10 * kSecond));
  net.run_for(2 * kHour);
  net.start(3);
  net.publish(3, "back");
  ASSERT_TRUE(net.run_until([&] { return net.nodes[0].store->disk.rows.size() == 2; }, 80 * kSecond));
}

TEST(Network, ChangedByteIsRefusedAndFetchedElsewhere) {  // F17
  Network net(14);
  for (int i = 0; i < 3; ++i) net.add_node();
  net.befriend(0, 1), net.befriend(0, 2), net.befriend(1, 2);
  net.run_for(10 * kSecond);
  bool meddled = false;
  net.meddle = [&](int from, int to, Bytes& bytes) {
    if (from != 0 || to != 1 || bytes.size() < 40 || bytes[0] != 0x06) return;
    bytes.back() ^= 1;
    meddled = true;
  };
  net.publish(0, "not to be changed");
  ASSERT_TRUE(net.run_until([&] { return net.all_hold(1); }, 60 * kSecond));
  EXPECT_TRUE(meddled);
  EXPECT_EQ(net.nodes[1].engine->stats().bodies_wrong, 1u);
  expect_equal_sets(net, 1);
}

std::uint64_t traced_run(std::uint64_t seed) {
  Network net(seed);
  for (int i = 0; i < 6; ++i) net.add_node();
  for (int i = 0; i < 6; ++i) net.befriend(i, (i + 1) % 6), net.befriend(i, (i + 2) % 6);
  for (int k = 0; k < 30; ++k) {
    net.publish(static_cast<int>(net.rng.below(6)), "t" + std::to_string(k));
    net.run_for(static_cast<Micros>(net.rng.below(kSecond)));
    if (k == 10) net.crash(2);
    if (k == 20) net.start(2);
  }
  net.run_for(30 * kSecond);
  return net.trace();
}

TEST(Network, SameSeedSameTrace) {
  EXPECT_EQ(traced_run(99), traced_run(99));
  EXPECT_NE(traced_run(99), traced_run(100));
}

TEST(Network, QuietPairIsQuiet) {
  Network net(15);
  int a = net.add_node(), b = net.add_node();
  net.befriend(a, b);
  net.publish(a, "x");
  net.run_for(20 * kSecond);
  const auto before = net.nodes[0].engine->stats().bytes_out + net.nodes[1].engine->stats().bytes_out;
  net.run_for(kHour);
  EXPECT_EQ(net.nodes[0].engine->stats().bytes_out + net.nodes[1].engine->stats().bytes_out, before);
}

}  // namespace
}  // namespace gossip::test
