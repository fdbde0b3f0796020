// The three messages: who gets a session, who does not, and that nobody can tell the two apart.
#include <gtest/gtest.h>

#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

// The whole handshake; true when both sides end with the same keys.
bool shakes(World& w) {
  Initiator ann(w.crypto, w.rng, w.ann);
  M2 m2;
  M3 m3;
  Answer answer = w.responder.answer(m1_of(ann), m2);
  const bool known = ann.answer(m2, m3);
  auto keys = w.responder.finish(answer, m3, 0);
  if (!known || !keys) return false;
  EXPECT_EQ(to_hex(keys->i2r), to_hex(ann.keys().i2r));
  EXPECT_EQ(to_hex(keys->r2i), to_hex(ann.keys().r2i));
  EXPECT_EQ(keys->sid, ann.keys().sid);
  return answer.pair == w.bob;
}

std::uint64_t counted(World& w, Reason reason) {
  std::uint64_t n = 0;
  for (const ReasonCount& c : w.responder.drain_counts().reasons)
    if (c.reason == reason && c.peer == w.bob->peer) n += c.count;
  return n;
}

TEST(Handshake, FriendsShake) {
  World w;
  EXPECT_TRUE(shakes(w));
  EXPECT_EQ(w.ann_private->used, 1);
  EXPECT_EQ(w.bob_private->used, 1);
  EXPECT_EQ(w.responder.drain_counts().reasons.size(), 0u);
}

// The dialler, too, works as much for a stranger's answer as for a friend's.
TEST(Handshake, DiallerSpendsTheSameOnAStranger) {
  World w;
  M2 m2;
  M3 m3;
  Initiator first(w.crypto, w.rng, w.ann), second(w.crypto, w.rng, w.ann);
  w.responder.answer(m1_of(first), m2);
  w.crypto.take();
  EXPECT_TRUE(first.answer(m2, m3));
  const Trace friends = w.crypto.take();
  w.rng.fill(m2);
  EXPECT_FALSE(second.answer(m2, m3));
  EXPECT_EQ(w.crypto.take(), friends);
  EXPECT_EQ(std::count(friends.begin(), friends.end(), "decrypt 256"), 1);
  for (int i = 0; i < 20; ++i) {
    Initiator again(w.crypto, w.rng, w.ann);
    EXPECT_FALSE(again.answer(m2, m3));
    EXPECT_EQ(w.ann_private->last[0], 0) << "below the modulus, or OpenSSL would not even begin";
  }
}

// T-A28: 1,296, 1,696 and 544 changed bytes, none accepted.
TEST(TA28, EveryByteOfM1) {
  World w;
  w.crypto.track = false;
  const Initiator ann(w.crypto, w.rng, w.ann);
  for (std::size_t i = 0; i < kM1; ++i) {
    M1 m1 = m1_of(ann);
    m1[i] ^= static_cast<std::uint8_t>(1 + i % 255);
    M2 m2;
    M3 m3;
    ASSERT_EQ(w.responder.answer(m1, m2).pair, nullptr) << i;
    Initiator again(w.crypto, w.rng, w.ann);
    ASSERT_FALSE(again.answer(m2, m3)) << i;
  }
  EXPECT_EQ(w.bob_private->used, 0);
}

TEST(TA28, EveryByteOfM2) {
  World w;
  w.crypto.track = false;
  for (std::size_t i = 0; i < kM2; ++i) {
    TestRng rng(77);
    Initiator ann(w.crypto, rng, w.ann);
    Responder bob(w.crypto, w.rng);
    bob.set_decoy(w.bob->theirs);
    bob.set_peers(std::span<const std::shared_ptr<const PairKeys>>{std::vector<std::shared_ptr<const PairKeys>>{w.bob}});
    M2 m2;
    M3 m3;
    Answer answer = bob.answer(m1_of(ann), m2);
    ASSERT_NE(answer.pair, nullptr);
    m2[i] ^= static_cast<std::uint8_t>(1 + i % 255);
    ASSERT_FALSE(ann.answer(m2, m3)) << i;
    ASSERT_FALSE(bob.finish(answer, m3, 0)) << i;
  }
  EXPECT_EQ(w.bob_private->used, 0);
}

TEST(TA28, EveryByteOfM3) {
  World w;
  w.crypto.track = false;
  Initiator ann(w.crypto, w.rng, w.ann);
  M2 m2;
  M3 m3;
  Answer answer = w.responder.answer(m1_of(ann), m2);
  ASSERT_TRUE(ann.answer(m2, m3));
  for (std::size_t i = 0; i < kM3; ++i) {
    M3 bad = m3;
    bad[i] ^= static_cast<std::uint8_t>(1 + i % 255);
    Answer copy = answer;
    ASSERT_FALSE(w.responder.finish(copy, bad, 0)) << i;
  }
  EXPECT_EQ(w.bob_private->used, 0);
  EXPECT_EQ(counted(w, Reason::kM3Bad), kM3);
  EXPECT_TRUE(w.responder.finish(answer, m3, 0));
}

// T-A8: no replay makes R use its private key, or tells anything.
TEST(Handshake, TA08_ReplayedM1) {
  World w;
  w.crypto.track = false;
  Initiator ann(w.crypto, w.rng, w.ann);
  const M1 m1 = m1_of(ann);
  M2 m2;
  M3 m3;
  EXPECT_NE(w.responder.answer(m1, m2).pair, nullptr);
  ASSERT_TRUE(ann.answer(m2, m3));
  for (int i = 0; i < 1000; ++i) {
    Answer answer = w.responder.answer(m1, m2);
    ASSERT_EQ(answer.pair, nullptr);
    ASSERT_FALSE(w.responder.finish(answer, m3, 0));
  }
  EXPECT_EQ(w.bob_private->used, 0);
  EXPECT_EQ(counted(w, Reason::kReplay), 1000u);
}

// A copied n_I and tag with a bad body must not spend the n_I.
TEST(Handshake, BadBodySpendsNoNonce) {
  World w;
  Initiator ann(w.crypto, w.rng, w.ann);
  const M1 m1 = m1_of(ann);
  M1 bad = m1;
  bad[1000] ^= 1;
  M2 m2;
  EXPECT_EQ(w.responder.answer(bad, m2).pair, nullptr);
  EXPECT_EQ(counted(w, Reason::kBadBody), 1u);
  EXPECT_NE(w.responder.answer(m1, m2).pair, nullptr);
}

TEST(Handshake, ReplaySetForgetsTheLeastRecent) {
  ReplaySet set(4);  // one bucket of 16
  auto n = [](std::uint8_t i) { return Hash{i}; };
  for (std::uint8_t i = 1; i <= 16; ++i) EXPECT_FALSE(set.touch(n(i), true));
  EXPECT_TRUE(set.touch(n(1), false)) << "and is the most recent now";
  for (std::uint8_t i = 17; i < 100; ++i) EXPECT_FALSE(set.touch(n(i), false)) << "strangers push nobody out";
  EXPECT_FALSE(set.touch(n(100), true));
  EXPECT_TRUE(set.touch(n(1), false));
  EXPECT_FALSE(set.touch(n(2), false));
  EXPECT_TRUE(set.touch(n(100), false));
  EXPECT_FALSE(set.touch(n(17), false));
  EXPECT_FALSE(ReplaySet(4).touch(Hash{}, false)) << "an empty place is no n_I of zeros";

  ReplaySet real(kReplaySet);
  TestRng rng(8);
  std::vector<Hash> all;
  for (std::size_t i = 0; i < 5 * kReplaySet; ++i) {
    all.push_back(rng.array<32>());
    EXPECT_FALSE(real.touch(all.back(), true));
  }
  std::size_t forgotten = 0;
  for (std::size_t i = all.size() - kReplaySet; i < all.size(); ++i) forgotten += !real.touch(all[i], false);
  EXPECT_EQ(forgotten, 0u);
}

// T-A5: what a friend may say in B1 and B2a.
TEST(Handshake, TA05_VersionAndFlags) {
  World w;
  M2 m2;
  auto accepted = [&](const std::function<void(MutView)>& change) {
    return w.responder.answer(w.m1_with(change), m2).pair != nullptr;
  };
  EXPECT_TRUE(accepted([](MutView) {}));
  EXPECT_TRUE(accepted([](MutView b) { b[1] = 1; })) << "ML-KEM offered: answered without";
  EXPECT_FALSE(accepted([](MutView b) { b[0] = 0; }));
  EXPECT_FALSE(accepted([](MutView b) { b[0] = 2; }));
  for (int bit = 1; bit < 8; ++bit) EXPECT_FALSE(accepted([&](MutView b) { b[1] = static_cast<std::uint8_t>(1 << bit); }));
  for (std::size_t i = 2; i < 16; ++i) EXPECT_FALSE(accepted([&](MutView b) { b[i] = 1; }));

  auto recognised = [&](const std::function<void(MutView)>& change) {
    Initiator ann(w.crypto, w.rng, w.ann);
    Impostor friendly(w, m1_of(ann));
    M3 m3;
    std::array<std::uint8_t, wire::kB3> b3;
    const bool known = ann.answer(friendly.m2(change), m3);
    EXPECT_EQ(friendly.opens(m3, b3), known) << "M3 is random for one who is not recognised";
    return known;
  };
  EXPECT_TRUE(recognised([](MutView) {}));
  for (int bit = 0; bit < 8; ++bit) EXPECT_FALSE(recognised([&](MutView b) { b[1] = static_cast<std::uint8_t>(1 << bit); }));
  EXPECT_FALSE(recognised([](MutView b) { b[0] = 2; }));
  for (std::size_t i = 2; i < 16; ++i) EXPECT_FALSE(recognised([&](MutView b) { b[i] = 0x80; }));
}

// The reserved bytes of M3 are zero, and are looked at before the private key is used.
TEST(Handshake, ReservedBytesOfM3) {
  World w;
  for (std::size_t i = 0; i <= 16; ++i) {
    const M1 m1 = w.m1_with([](MutView) {});
    M2 m2;
    Answer answer = w.responder.answer(m1, m2);
    const M3 m3 = w.m3_with(m1, m2, [&](MutView reserved) {
      if (i < 16) reserved[i] = 1;
    });
    EXPECT_EQ(w.responder.finish(answer, m3, 0).has_value(), i == 16) << i;
    EXPECT_EQ(w.bob_private->used, i == 16 ? 1 : 0);
  }
  EXPECT_EQ(counted(w, Reason::kM3Bad), 16u);
}

// T-A10: points of low order, in every encoding, from either side.
TEST(Handshake, TA10_LowOrderPoints) {
  World w;
  const char* points[] = {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000000",
                          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
  for (const char* hex : points)
    for (int high = 0; high < 2; ++high) {
      Bytes point = *from_hex(hex);
      point[31] |= high ? 0x80 : 0;
      auto put = [&](MutView b) { std::copy(point.begin(), point.end(), b.begin() + 16); };
      M2 m2;
      M3 m3;
      EXPECT_EQ(w.responder.answer(w.m1_with(put), m2).pair, nullptr) << hex;
      Initiator ann(w.crypto, w.rng, w.ann);
      EXPECT_FALSE(ann.answer(Impostor(w, m1_of(ann)).m2(put), m3)) << hex;
    }
  EXPECT_EQ(counted(w, Reason::kBadBody), 14u);
  M2 m2;  // not canonical and not of low order: processed as RFC 7748 says
  EXPECT_NE(w.responder.answer(w.m1_with([](MutView b) { b[47] |= 0x80; }), m2).pair, nullptr);
}

// T-A33: nodes of two networks, or of none, are strangers to each other.
TEST(Handshake, TA33_OtherNetworkKey) {
  World one(ann_key(), bob_key(), Bytes(32, 1)), two(ann_key(), bob_key(), Bytes(32, 2)), none;
  EXPECT_TRUE(shakes(one));
  M2 m2;
  EXPECT_EQ(two.responder.answer(m1_of(Initiator(one.crypto, one.rng, one.ann)), m2).pair, nullptr);
  EXPECT_EQ(none.responder.answer(m1_of(Initiator(one.crypto, one.rng, one.ann)), m2).pair, nullptr);
  EXPECT_EQ(one.responder.answer(m1_of(Initiator(none.crypto, none.rng, none.ann)), m2).pair, nullptr);
  EXPECT_EQ(two.responder.drain_counts().strangers, 1u);
}

// T-A9: who speaks another protocol, or another suite of this one, is unknown and not "a friend with a fault".
TEST(Handshake, TA09_OtherProtocol) {
  World w;
  M2 m2;
  auto known = [&](std::string_view protocol) {
    PairKeys other = *w.ann;
    other.out.root =
        extract(w.crypto, w.crypto.sha256(as_view(protocol)), concat({Secret32{}, w.ann->fp_ours, w.ann->fp_theirs}));
    other.out.tag_key = expand(w.crypto, other.out.root, "tag", {});
    other.out.h0 = expand(w.crypto, other.out.root, "h0", {});
    return w.responder.answer(m1_of(Initiator(w.crypto, w.rng, std::make_shared<PairKeys>(other))), m2).pair != nullptr;
  };
  const std::string ours = "gossipd/1 skeme rsa-oaep-sha256 x25519 mlkem768-opt chacha20poly1305 hkdf-sha256";
  EXPECT_TRUE(known(ours));
  for (std::string_view other : {"", "gossipd/1", "gossipd/2 skeme rsa-oaep-sha256 x25519 mlkem768-opt chacha20poly1305 hkdf-sha256",
                                 "gossipd/1 skeme rsa-oaep-sha256 x25519 mlkem768-opt null hkdf-sha256"})
    EXPECT_FALSE(known(other)) << other;
  const CallerCounts counts = w.responder.drain_counts();
  EXPECT_EQ(counts.strangers, 4u);
  EXPECT_TRUE(counts.reasons.empty());
}

// T-A11: a member of the network who lacks the pair's keys is a stranger like any other, dialling or dialled.
TEST(Handshake, TA11_TheNetworkKeyAlone) {
  const Bytes key(32, 1);
  World w(ann_key(), bob_key(), key);
  const Secret32 psk = psk_of(w.crypto, key);
  PairKeys member = *w.ann;
  member.out = derive_statics(w.crypto, psk, w.rng.array<32>(), w.rng.array<32>());
  M2 m2;
  M3 m3;
  EXPECT_EQ(w.responder.answer(m1_of(Initiator(w.crypto, w.rng, std::make_shared<PairKeys>(member))), m2).pair, nullptr);
  EXPECT_EQ(w.responder.drain_counts().strangers, 1u);

  Initiator ann(w.crypto, w.rng, w.ann);
  Responder other(w.crypto, w.rng);
  auto theirs = std::make_shared<PairKeys>(*w.bob);
  theirs->in = derive_statics(w.crypto, psk, w.ann->fp_ours, w.rng.array<32>());
  const std::vector<std::shared_ptr<const PairKeys>> peers{theirs};
  other.set_decoy(w.bob->theirs);
  other.set_peers(peers);
  EXPECT_EQ(other.answer(m1_of(ann), m2).pair, nullptr);
  EXPECT_FALSE(ann.answer(m2, m3)) << "and ann shows it nothing but noise";
  EXPECT_EQ(w.bob_private->used, 0);
}

// F20: a reflected M1, a friend without a key from them, one who is gone, one who came back with another gen.
TEST(Handshake, F20_OnlyThePeerAsItIsNow) {
  World w;
  M2 m2;
  M3 m3;
  EXPECT_EQ(w.responder.answer(m1_of(Initiator(w.crypto, w.rng, w.bob)), m2).pair, nullptr) << "our own M1 sent back";
  auto keyless = std::make_shared<PairKeys>(*w.bob);
  keyless->theirs = nullptr;
  w.set_peer(keyless);
  EXPECT_FALSE(shakes(w));
  w.set_peer(w.bob);
  EXPECT_TRUE(shakes(w));

  Initiator ann(w.crypto, w.rng, w.ann);
  Answer answer = w.responder.answer(m1_of(ann), m2);
  ASSERT_TRUE(ann.answer(m2, m3));
  auto replaced = std::make_shared<PairKeys>(*w.bob);
  ++replaced->gen;
  w.set_peer(replaced);
  const int used = w.bob_private->used;
  EXPECT_FALSE(w.responder.finish(answer, m3, 0));
  w.responder.set_peers({});
  EXPECT_FALSE(shakes(w));
  EXPECT_EQ(w.bob_private->used, used);
}

// Two entries that hit are as good as none.
TEST(Handshake, TwoHitsAreNone) {
  World w;
  auto twin = std::make_shared<PairKeys>(*w.bob);
  twin->peer = 5;
  const std::vector<std::shared_ptr<const PairKeys>> both{w.bob, twin};
  w.responder.set_peers(both);
  M2 m2;
  EXPECT_EQ(w.responder.answer(m1_of(Initiator(w.crypto, w.rng, w.ann)), m2).pair, nullptr);
}

TEST(Handshake, ThirtyAMinute) {
  World w;
  auto once = [&](Micros now) {
    Initiator ann(w.crypto, w.rng, w.ann);
    M2 m2;
    M3 m3;
    Answer answer = w.responder.answer(m1_of(ann), m2);
    EXPECT_TRUE(ann.answer(m2, m3));
    return w.responder.finish(answer, m3, now).has_value();
  };
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(once(0)) << i;
  EXPECT_FALSE(once(kSecond));
  EXPECT_EQ(w.bob_private->used, 30);
  EXPECT_EQ(counted(w, Reason::kRate), 1u);
  EXPECT_TRUE(once(kMinute));
}

}  // namespace
}  // namespace gossip::test
