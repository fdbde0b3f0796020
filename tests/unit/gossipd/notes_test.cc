#include "gossipd/notes.h"

#include <gtest/gtest.h>

#include "gossip/limits.h"
#include "sys/packet.h"

namespace gossip::daemon {
namespace {

struct Two {
  Two() {
    auto [one, other] = sys::packet_pair();
    a = Notes(std::move(one));
    b = Notes(std::move(other));
  }
  Notes a, b;
};

TEST(Notes, EachKindArrivesOnce) {
  Two two;
  two.a.bell();
  two.a.reload();
  two.a.stop();
  two.a.up({3, 1, 0x1122334455667788});
  EXPECT_TRUE(two.a.blocked());
  two.a.flush();
  EXPECT_FALSE(two.a.blocked());
  Notes::Heard heard = two.b.take();
  EXPECT_TRUE(heard.bell && heard.reload && heard.stop && !heard.gone);
  EXPECT_EQ(heard.up, (std::vector<PeerId>{3, 1, 0x1122334455667788}));
  heard = two.b.take();
  EXPECT_FALSE(heard.bell || heard.reload || heard.stop || heard.gone || heard.up);
}

TEST(Notes, AsManyPeersAsThereMayBeFitOneNote) {
  Two two;
  std::vector<PeerId> all;
  for (PeerId peer = 1; peer <= kMaxPeers; ++peer) all.push_back(peer << 40);
  two.a.up(all);
  two.a.flush();
  EXPECT_EQ(two.b.take().up, all);
  two.a.up({});
  two.a.flush();
  EXPECT_EQ(two.b.take().up, std::vector<PeerId>{});
}

// A sibling that reads nothing: what could not be sent waits, in its newest form, and does not grow.
TEST(Notes, WhatDoesNotFitIsSentLater) {
  Two two;
  PeerId last = 0;
  for (int i = 0; i < 100'000 && !two.a.blocked(); ++i) {
    two.a.bell();
    two.a.up({++last});
    two.a.flush();
  }
  ASSERT_TRUE(two.a.blocked());
  two.a.stop();
  two.a.up({++last});
  two.a.flush();
  std::optional<std::vector<PeerId>> up;
  bool stopped = false;
  for (int i = 0; i < 100'000 && (!stopped || two.a.blocked()); ++i) {
    Notes::Heard heard = two.b.take();
    if (heard.up) up = heard.up;
    stopped = stopped || heard.stop;
    two.a.flush();
  }
  while (auto more = two.b.take().up) up = more;
  EXPECT_TRUE(stopped);
  EXPECT_EQ(up, std::vector<PeerId>{last});
}

TEST(Notes, TheKeysComeBeforeAllElse) {
  for (const Bytes& network : {Bytes{}, Bytes(32, 7)}) {
    for (const auto& seal : {std::optional<Secret32>(), std::optional(Secret32(Bytes(32, 9)))}) {
      auto [worker, listener] = sys::packet_pair();
      EXPECT_FALSE(take_secrets(listener.get()));
      send_secrets(worker.get(), {network, seal});
      Notes notes(std::move(worker));
      notes.bell();
      notes.flush();
      const std::optional<Secrets> got = take_secrets(listener.get());
      ASSERT_TRUE(got);
      EXPECT_EQ(got->network_key, network);
      ASSERT_EQ(got->seal_key.has_value(), seal.has_value());
      EXPECT_EQ(to_hex(got->seal_key.value_or(Secret32())), to_hex(seal.value_or(Secret32())));
      EXPECT_FALSE(take_secrets(listener.get())) << "a bell is no key";
    }
  }
}

TEST(Notes, ASiblingThatIsGoneIsNoticed) {
  Two two;
  two.a.bell();
  two.a.flush();
  two.a = Notes();
  Notes::Heard heard = two.b.take();
  EXPECT_TRUE(heard.bell);
  EXPECT_TRUE(heard.gone);
  two.b.bell();
  two.b.flush();
  EXPECT_FALSE(two.b.blocked()) << "nobody to send it to";
}

}  // namespace
}  // namespace gossip::daemon
