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

TEST(Notes, TheNetworkKeyComesBeforeAllElse) {
  for (const Bytes& key : {Bytes{}, Bytes(32, 7)}) {
    auto [worker, listener] = sys::packet_pair();
    EXPECT_EQ(take_network_key(listener.get()), std::nullopt);
    send_network_key(worker.get(), key);
    Notes notes(std::move(worker));
    notes.bell();
    notes.flush();
    EXPECT_EQ(take_network_key(listener.get()), key);
    EXPECT_EQ(take_network_key(listener.get()), std::nullopt) << "a bell is no key";
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
