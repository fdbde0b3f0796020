// People in the middle, seized keys, forged transcripts: what handshake designs before this one fell to.
#include <gtest/gtest.h>

#include "gossip/cell.h"
#include "support/statistics.h"
#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

// T-A1, F20: one in the middle, who knows both public keys, relays bob's challenge of one session into ann's.
TEST(Attacks, TA01_ChallengeOfAnotherSession) {
  World w;
  Initiator ann(w.crypto, w.rng, w.ann);
  Impostor middle(w, m1_of(ann));
  ASSERT_TRUE(middle.opened);

  const M1 own = w.m1_with([](MutView) {});  // the middle's own M1 to bob, in ann's name
  M2 from_bob;
  Answer answer = w.responder.answer(own, from_bob);
  ASSERT_NE(answer.pair, nullptr);
  Transcript t(w.crypto, w.ann->out.root, w.ann->out.h0);
  t.add(own);
  std::array<std::uint8_t, wire::kB2> b2;
  const View n_r = View{from_bob}.first(32);
  ASSERT_TRUE(w.crypto.open(t.m2_key(n_r), kZeroNonce, t.m2_ad(n_r), View{from_bob}.subspan(32), b2));

  M3 m3;
  const View c_r = View{b2}.subspan(wire::kB2a, 256);
  ASSERT_TRUE(ann.answer(middle.m2([](MutView) {}, c_r), m3)) << "ann cannot know yet";
  EXPECT_FALSE(w.responder.finish(answer, m3, 0)) << "but her M3 is for nobody";
  std::array<std::uint8_t, wire::kB3> b3;
  EXPECT_FALSE(middle.opens(m3, b3));
  EXPECT_EQ(w.bob_private->used, 0) << "nothing was deciphered for the middle";
}

// T-A3: a c_R that nobody enciphered gives an M3 that nobody can open, and looks no different from here.
TEST(Attacks, TA03_RandomChallenge) {
  World w;
  for (int i = 0; i < 8; ++i) {
    Initiator ann(w.crypto, w.rng, w.ann);
    Impostor impostor(w, m1_of(ann));
    Bytes slot(256);
    w.rng.fill(slot);
    M3 m3;
    std::array<std::uint8_t, wire::kB3> b3;
    EXPECT_TRUE(ann.answer(impostor.m2([](MutView) {}, slot), m3));
    EXPECT_FALSE(impostor.opens(m3, b3));
  }
}

// T-A2: from the two public halves alone somebody writes a transcript that both private keys find in order.
TEST(Attacks, TA02_TranscriptOfSomebodyElse) {
  World w;
  const PublicKey &pk_ann = *w.bob->theirs, &pk_bob = *w.ann->theirs;
  const M1 m1 = w.m1_with([](MutView) {});
  Impostor forger(w, m1);
  const M2 m2 = forger.m2();
  Secret32 k_i;
  w.rng.fill(k_i.mut());
  std::array<std::uint8_t, wire::kB3> b3{};
  w.rng.fill(MutView{b3}.subspan(16));
  pk_bob.encrypt(k_i, forger.t.label_ci(), MutView{b3}.subspan(16, 256));
  M3 m3;
  w.crypto.seal(forger.t.m3_key(), kZeroNonce, forger.t.h(), b3, m3);
  forger.t.add(m3);
  const SessionKeys forged = forger.t.finish(k_i);
  Bytes ready(kCell);
  write_cell(ready, CellType::kReady, as_view(kReadyText));
  CellSealer(w.crypto, forged.r2i, 0).seal(ready, 0);
  EXPECT_EQ(pk_ann.size(), 256u);
  EXPECT_EQ(w.ann_private->used + w.bob_private->used, 0) << "made without them";

  // The judge holds both private keys and ann's X25519 private key is y's partner: ee is what the forger says it is.
  Transcript judge(w.crypto, w.ann->out.root, w.ann->out.h0);
  judge.add(m1);
  const View n_r = View{m2}.first(32);
  std::array<std::uint8_t, wire::kB2> b2;
  ASSERT_TRUE(w.crypto.open(judge.m2_key(n_r), kZeroNonce, judge.m2_ad(n_r), View{m2}.subspan(32), b2));
  const View b2a = View{b2}.first(wire::kB2a);
  Secret32 k_r, k_i2;
  w.ann_private->decrypt(View{b2}.subspan(wire::kB2a, 256), judge.label_cr(n_r, b2a), Secret32{}, k_r.mut());
  EXPECT_EQ(to_hex(k_r), to_hex(forger.k_r));
  judge.add(m2);
  judge.mix(forger.ee, Secret32{}, k_r);
  ASSERT_TRUE(w.crypto.open(judge.m3_key(), kZeroNonce, judge.h(), m3, b3));
  w.bob_private->decrypt(View{b3}.subspan(16, 256), judge.label_ci(), Secret32{}, k_i2.mut());
  EXPECT_EQ(to_hex(k_i2), to_hex(k_i));
  judge.add(m3);
  const SessionKeys keys = judge.finish(k_i2);
  Cell cell;
  CellOpener opener(w.crypto, keys.r2i);
  EXPECT_EQ(opener.open(ready, cell), CellOpener::Got::kFine);
  EXPECT_EQ(as_text(cell.data), kReadyText);
  EXPECT_EQ(keys.sid, forged.sid);
}

// T-A4: cards swapped between two pairs.
TEST(Attacks, TA04_SwappedCards) {
  World w;
  auto swapped = std::make_shared<PairKeys>(*w.ann);
  swapped->fp_theirs = w.ann->fp_ours;
  swapped->out = derive_statics(w.crypto, Secret32{}, w.ann->fp_ours, w.ann->fp_ours);
  M2 m2;
  EXPECT_EQ(w.responder.answer(m1_of(Initiator(w.crypto, w.rng, swapped)), m2).pair, nullptr);
  // The right names over the wrong RSA key: M3 is enciphered to the wrong card, and the two sides share nothing.
  auto wrong = std::make_shared<PairKeys>(*w.ann);
  wrong->theirs = w.bob->theirs;
  TestRng rng_a(2), rng_b(3);
  auto a = Channel::dial(w.crypto, rng_a, wrong, at(0));
  auto b = Channel::accept(w.crypto, rng_b, w.responder, at(0));
  pump(*a, *b, at(0));
  EXPECT_EQ(a->end(), End::kUnproven);
  EXPECT_FALSE(a->open());
}

// T-A7, F20: ann's key was seized. The thief is ann to everybody, but nobody to ann.
TEST(Attacks, TA07_SeizedKeyImpersonatesNobodyToItsOwner) {
  World w;
  // As bob, answering ann:
  TestRng rng(2);
  auto a = Channel::dial(w.crypto, rng, w.ann, at(0));
  const Bytes m1 = take_output(*a, at(0));
  Impostor thief(w, m1);
  a->receive(at(0), thief.m2());
  const Bytes m3 = take_output(*a, at(0));
  ASSERT_EQ(m3.size(), kM3);
  std::array<std::uint8_t, wire::kB3> b3;
  ASSERT_TRUE(thief.opens(m3, b3)) << "what is left to guess is k_I, under bob's key";
  Secret32 k_i;
  w.ann_private->decrypt(View{b3}.subspan(16, 256), thief.t.label_ci(), Secret32{}, k_i.mut());
  thief.t.add(m3);
  const SessionKeys keys = thief.t.finish(k_i);
  Bytes ready(kCell);
  write_cell(ready, CellType::kReady, as_view(kReadyText));
  CellSealer(w.crypto, keys.r2i, 0).seal(ready, 0);
  a->receive(at(0), ready);
  EXPECT_EQ(a->end(), End::kUnproven);
  EXPECT_FALSE(a->open());

  // As bob, dialling ann: c_R is under bob's key.
  Responder at_ann(w.crypto, w.rng);
  at_ann.set_decoy(w.bob->theirs);
  const std::vector<std::shared_ptr<const PairKeys>> peers{w.ann};
  at_ann.set_peers(peers);
  auto bob_with_anns_key = std::make_shared<PairKeys>(*w.bob);
  bob_with_anns_key->ours = w.ann_private;
  Initiator dialler(w.crypto, w.rng, bob_with_anns_key);
  M2 m2;
  M3 answer3;
  Answer answer = at_ann.answer(m1_of(dialler), m2);
  ASSERT_NE(answer.pair, nullptr) << "he knows both public keys";
  dialler.answer(m2, answer3);
  const int used = w.ann_private->used;
  EXPECT_FALSE(at_ann.finish(answer, answer3, 0));
  EXPECT_EQ(w.ann_private->used, used);
}

// F24: one who holds the decoy's very key authenticates nobody with it.
TEST(Attacks, F24_TheDecoyAuthenticatesNobody) {
  World w;
  const Bytes decoy_der = ann_key();
  w.responder.set_decoy(crypto::public_half(decoy_der));
  const auto decoy = crypto::load_private(decoy_der);
  M1 m1;
  w.rng.fill(m1);
  M2 m2;
  M3 m3;
  Answer answer = w.responder.answer(m1, m2);
  // Even given the decoy context itself, and an M3 that opens in it:
  std::array<std::uint8_t, wire::kB3> b3{};
  w.crypto.seal(answer.transcript.m3_key(), kZeroNonce, answer.transcript.h(), b3, m3);
  EXPECT_FALSE(w.responder.finish(answer, m3, 0));
  EXPECT_EQ(w.bob_private->used, 0);
}

// T-A12: no key seals twice with one nonce, over handshakes and cells of both sides.
TEST(Attacks, TA12_NoKeyAndNonceTwice) {
  World w;
  for (int i = 0; i < 20; ++i) {
    Session s(w, i * kMinute);
    ASSERT_TRUE(s.a->open() && s.b->open());
    s.a->send(Bytes(5000, 1));
    s.b->send(Bytes(3000, 2));
    pump(*s.a, *s.b, at(i * kMinute));
    s.a->close(at(i * kMinute), CloseCode::kNormal);
    pump(*s.a, *s.b, at(i * kMinute));
  }
  EXPECT_EQ(w.crypto.pairs.size(), w.crypto.seals);
  EXPECT_GT(w.crypto.seals, 200u);
}

// T-A15: the bytes on the wire are as even as random ones (chi-square of 255 degrees; 99.99 % is below 345): those of each kind
// of message, of cells that carry one letter over and over, and of the answers to strangers.
TEST(Attacks, TA15_NothingOnTheWireStandsOut) {
  World w;
  w.crypto.track = false;
  ByteCounts m1s, m2s, m3s, cells, decoys, refusals;
  for (int i = 0; i < 100; ++i) {
    Initiator ann(w.crypto, w.rng, w.ann), again(w.crypto, w.rng, w.ann);
    M2 m2, decoy;
    M3 m3, refusal;
    w.responder.answer(m1_of(ann), m2);
    w.responder.answer(m1_of(ann), decoy);
    ASSERT_TRUE(ann.answer(m2, m3));
    ASSERT_FALSE(again.answer(decoy, refusal));
    m1s.add(ann.m1());
    m2s.add(m2);
    m3s.add(m3);
    decoys.add(decoy);
    refusals.add(refusal);
  }
  Session s(w);
  for (int i = 0; i < 4; ++i) {
    s.a->send(Bytes(30'000, 'a'));
    const Bytes out = take_output(*s.a, at(0));
    EXPECT_EQ(out.size() % kCell, 0u);
    cells.add(out);
    s.b->receive(at(0), out);
    EXPECT_EQ(s.b->stream().size(), 30'000u);
    s.b->take_stream();
  }
  const ByteCounts* all[] = {&m1s, &m2s, &m3s, &cells, &decoys, &refusals};
  for (std::size_t i = 0; i < std::size(all); ++i) {
    EXPECT_GT(all[i]->chi_square(), 170) << i;
    EXPECT_LT(all[i]->chi_square(), 345) << i;
  }
}

}  // namespace
}  // namespace gossip::test
