// Nobody is made an oracle: no session without encryption, nothing deciphered for another, no plaintext given out.
#include <gtest/gtest.h>

#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

bool holds(View bytes, View part) { return std::search(bytes.begin(), bytes.end(), part.begin(), part.end()) != bytes.end(); }

// Any eight bytes of the secret, anywhere.
bool leaks(View bytes, View secret) {
  for (std::size_t i = 0; i + 8 <= secret.size(); ++i)
    if (holds(bytes, secret.subspan(i, 8))) return true;
  return false;
}

// A friend of bob's, in ann's place, who says what the test likes; what bob answers is opened for the test to see.
struct HostileCaller {
  explicit HostileCaller(World& world, const std::function<void(MutView b1)>& change = [](MutView) {}) : w(world) {
    b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
    m1 = w.m1_with(change);
    b->receive(at(0), m1);
    b->work(at(0));
    m2 = take_output(*b, at(0));
  }
  // Opens M2 with the keys of the pair; false: it is a stranger's.
  bool open_m2() {
    t.emplace(w.crypto, w.ann->out.root, w.ann->out.h0);
    t->add(m1);
    const View n_r = View{m2}.first(32);
    if (!w.crypto.open(t->m2_key(n_r), kZeroNonce, t->m2_ad(n_r), View{m2}.subspan(32), b2)) return false;
    const View b2a = View{b2}.first(wire::kB2a);
    Secret32 ee, k_r;
    w.crypto.x25519(w.x, b2a.subspan(16, 32), ee.mut());
    w.ann_private->decrypt(View{b2}.subspan(wire::kB2a, w.ann->ours->size()), t->label_cr(n_r, b2a), Secret32{}, k_r.mut());
    t->add(m2);
    t->mix(ee, Secret32{}, k_r);
    return true;
  }
  // Sends M3 with this c_I in it, and gives what comes back. REQUIRES open_m2()
  Bytes m3(View c_i) {
    std::array<std::uint8_t, wire::kB3> b3{};
    std::copy(c_i.begin(), c_i.end(), b3.begin() + 16);
    M3 out;
    w.crypto.seal(t->m3_key(), kZeroNonce, t->h(), b3, out);
    b->receive(at(0), out);
    t->add(out);
    return take_output(*b, at(0));
  }
  bool opens_ready(View ready, View k_i, Cell& cell) {
    Transcript copy = *t;
    opener.emplace(w.crypto, copy.finish(k_i).r2i);
    return opener->open(ready, cell) == CellOpener::Got::kFine;
  }
  World& w;
  std::unique_ptr<Channel> b;
  M1 m1;
  Bytes m2;
  std::optional<Transcript> t;
  std::array<std::uint8_t, wire::kB2> b2;
  std::optional<CellOpener> opener;
};

// T-A18: ann's challenge to bob, which mallory took from the wire, put before bob by his friend mallory, whose card from bob is
// another, and (against the rules) the same.
TEST(Oracle, TA18_NothingIsDecipheredForAThirdNode) {
  for (bool one_card_for_all : {false, true}) {
    World w;
    const crypto::NewKey hers = crypto::make_key(2048), for_her = crypto::make_key(2048);
    World m(hers.private_der, one_card_for_all ? bob_key() : for_her.private_der);  // "ann" of it is mallory
    auto mallory = std::make_shared<PairKeys>(*m.bob);
    mallory->peer = 3;
    const std::vector<std::shared_ptr<const PairKeys>> peers{w.bob, mallory};
    m.responder.set_peers(peers);
    // What ann enciphers for bob in a session of hers; k_i is what mallory would like to know.
    Transcript of_ann(w.crypto, w.ann->out.root, w.ann->out.h0);
    of_ann.add(w.rng.array<32>());
    const Hash k_i = w.rng.array<32>();
    Bytes c_i(256);
    w.ann->theirs->encrypt(k_i, of_ann.label_ci(), c_i);

    HostileCaller caller(m);
    ASSERT_TRUE(caller.open_m2());
    const Bytes ready = caller.m3(c_i);
    Cell cell;
    ASSERT_EQ(ready.size(), kCell) << "bob cannot know, and says READY under a key of chance";
    EXPECT_FALSE(caller.opens_ready(ready, k_i, cell));
    EXPECT_FALSE(leaks(ready, k_i));
    EXPECT_EQ(w.bob_private->used, 0) << "ann's card is not used for mallory";
    // Again, the same ciphertext: another key of chance, so that nothing can be told by comparing.
    HostileCaller second(m);
    ASSERT_TRUE(second.open_m2());
    EXPECT_NE(second.m3(c_i), ready);
    // An honest one in between, so that the test can succeed at all.
    HostileCaller honest(m);
    ASSERT_TRUE(honest.open_m2());
    const Hash own = w.rng.array<32>();
    m.ann->theirs->encrypt(own, honest.t->label_ci(), c_i);
    EXPECT_TRUE(honest.opens_ready(honest.m3(c_i), own, cell));
  }
}

// T-A19: over every version and every set of flags, R accepts only what it knows, and what it then sends is encrypted.
TEST(TA19, AnsweringTakesNoOtherMode) {
  World w;
  w.crypto.track = false;
  int accepted = 0;
  Micros now = 0;
  for (int i = 0; i < 512; ++i) {
    const auto value = static_cast<std::uint8_t>(i);
    HostileCaller caller(w, [&](MutView b1) { b1[i < 256 ? 1 : 0] = value; });
    ASSERT_EQ(caller.m2.size(), kM2);
    if (!caller.open_m2()) continue;
    ++accepted;
    EXPECT_TRUE(i < 256 ? value <= 1 : value == 1) << i;
    EXPECT_EQ(caller.b2[0], 1);
    EXPECT_EQ(caller.b2[1] & ~wire::kMlKem, 0) << "nothing is agreed on but ML-KEM or not";
    caller.b->tick(at(now += 2 * kMillisecond));
    const Hash k_i = w.rng.array<32>();
    Bytes c_i(256);
    w.ann->theirs->encrypt(k_i, caller.t->label_ci(), c_i);
    const Bytes ready = caller.m3(c_i);
    if (caller.b2[1] != 0) continue;  // the secret of ML-KEM would be needed
    Cell cell;
    ASSERT_TRUE(caller.opens_ready(ready, k_i, cell));
    EXPECT_FALSE(holds(ready, as_view(kReadyText)));
    const Bytes text(3000, 'p');
    caller.b->send(text);
    EXPECT_FALSE(leaks(take_output(*caller.b, at(now)), text));
  }
  EXPECT_GE(accepted, 2);
  EXPECT_LE(accepted, 3) << "version 1 with flags 0 (twice over), and ML-KEM offered";
}

TEST(TA19, DiallingTakesNoOtherMode) {
  World w;
  w.crypto.track = false;
  for (int i = 0; i < 512; ++i) {
    const auto value = static_cast<std::uint8_t>(i);
    auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
    Impostor bob(w, take_output(*a, at(0)));
    a->receive(at(0), bob.m2([&](MutView b2a) { b2a[i < 256 ? 1 : 0] = value; }));
    const Bytes m3 = take_output(*a, at(0));
    ASSERT_EQ(m3.size(), kM3);
    std::array<std::uint8_t, wire::kB3> b3;
    EXPECT_EQ(bob.opens(m3, b3), i < 256 ? value == 0 : value == 1) << i;
    a->send(Bytes(100, 'p'));
    EXPECT_TRUE(take_output(*a, at(0)).empty()) << "not a byte before READY";
    a->receive(at(0), Bytes(kCell));  // a READY in the clear
    a->receive(at(0), as_view(kReadyText));
    EXPECT_FALSE(a->open());
    EXPECT_TRUE(take_output(*a, at(0)).empty());
  }
}

// What somebody may have who wants it deciphered: `marker` under a card of the node's, well or badly made.
std::vector<Bytes> ciphertexts(World& w, const PublicKey& card, View marker, View label) {
  std::vector<Bytes> out(4, Bytes(card.size()));
  card.encrypt(marker, label, out[0]);
  card.encrypt(marker, Hash{}, out[1]);
  std::copy(marker.begin(), marker.end(), out[2].end() - 32);  // no padding at all
  w.rng.fill(out[3]);
  return out;
}

// T-A25: whatever is put in, wherever, what a node was made to decipher is nowhere in what it puts out, neither in the bytes nor,
// for one who has the keys, inside of them.
TEST(Oracle, TA25_NoPlaintextComesOut) {
  World w;
  w.crypto.track = false;
  const Hash marker = w.rng.array<32>();
  for (std::size_t i = 0; i < 4; ++i) {
    // bob is called by a friend
    HostileCaller caller(w);
    ASSERT_TRUE(caller.open_m2());
    const Bytes ready = caller.m3(ciphertexts(w, *w.ann->theirs, marker, caller.t->label_ci())[i]);
    ASSERT_EQ(ready.size(), kCell);
    EXPECT_FALSE(leaks(ready, marker));
    Cell cell;
    EXPECT_EQ(caller.opens_ready(ready, marker, cell), i == 0);
    if (i == 0) {
      EXPECT_EQ(as_text(cell.data), kReadyText) << "five letters, and zeros behind them";
    }
    // ann dials somebody who knows both cards
    const int used = w.ann_private->used;
    auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
    Impostor bob(w, take_output(*a, at(0)));
    std::copy(marker.begin(), marker.end(), bob.k_r.mut().begin());
    const Bytes other = ciphertexts(w, *w.bob->theirs, marker, Hash{})[i];
    a->receive(at(0), i == 0 ? bob.m2() : bob.m2([](MutView) {}, other));
    const Bytes m3 = take_output(*a, at(0));
    EXPECT_EQ(w.ann_private->used, used + 1);
    ASSERT_EQ(m3.size(), kM3);
    EXPECT_FALSE(leaks(m3, marker));
    std::array<std::uint8_t, wire::kB3> b3{};
    ASSERT_EQ(bob.opens(m3, b3), i == 0);
    EXPECT_FALSE(leaks(b3, marker));
    Hash k_i;
    w.bob_private->decrypt(View{b3}.subspan(16, 256), bob.t.label_ci(), Hash{}, k_i);
    EXPECT_NE(k_i, marker);
  }
  // The ciphertext alone, at every place of every message, from somebody who has no keys.
  for (const Bytes& c : ciphertexts(w, *w.ann->theirs, marker, Hash{}))
    for (std::size_t offset : {0u, 16u, 32u, 48u, 1000u}) {
      auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
      Bytes m1(kM1), m3(kM3), all;
      std::copy(c.begin(), c.end(), m1.begin() + static_cast<std::ptrdiff_t>(offset));
      std::copy(c.begin(), c.end(), m3.begin() + static_cast<std::ptrdiff_t>(std::min(offset, kM3 - c.size())));
      const int used = w.bob_private->used;
      b->receive(at(0), m1);
      b->work(at(0));
      b->receive(at(0), m3);
      all = take_output(*b, at(0));
      EXPECT_EQ(all.size(), kM2);
      EXPECT_FALSE(leaks(all, marker));
      EXPECT_EQ(w.bob_private->used, used) << "nothing is deciphered for strangers";
    }
}

}  // namespace
}  // namespace gossip::test
