// ML-KEM in the handshake: who has it, who needs it, and who would take it away. On a toy that everybody has; on the real one
// where OpenSSL has it.
#include <gtest/gtest.h>

#include "support/toy_kem.h"
#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

using wire::kHead;

// bob, who answers, with or without a KEM; ann's Crypto is her own.
struct PqWorld : World {
  explicit PqWorld(Kem* bobs) : World(ann_key(), bob_key(), {}, bobs) {}
  void need(bool anns, bool bobs) {
    ann = std::make_shared<PairKeys>(*ann);
    bob = std::make_shared<PairKeys>(*bob);
    ann->need_pq = anns;
    bob->need_pq = bobs;
    set_peer(bob);
  }
  std::uint64_t counted(Reason reason) {
    std::uint64_t n = 0;
    for (const ReasonCount& c : responder.drain_counts().reasons) n += c.reason == reason && c.peer == bob->peer ? c.count : 0;
    return n;
  }
};

struct Outcome {
  bool bob_knew = false, ann_knew = false, downgraded = false;
  std::optional<SessionKeys> anns, bobs;
};

Outcome shake(PqWorld& w, Crypto& anns) {
  Initiator ann(anns, w.rng, w.ann);
  M2 m2;
  M3 m3;
  Answer answer = w.responder.answer(ann.m1(), m2);
  Outcome out;
  out.bob_knew = answer.pair != nullptr;
  out.ann_knew = ann.answer(m2, m3);
  out.downgraded = ann.downgraded();
  if (out.ann_knew) out.anns = ann.keys();
  out.bobs = w.responder.finish(answer, m3, 0);
  return out;
}

// Every combination of who has ML-KEM and who needs it.
TEST(Pq, AllCombinations) {
  ToyKem toy;
  for (int i = 0; i < 16; ++i) {
    const bool ann_has = i & 1, bob_has = i & 2, ann_needs = i & 4, bob_needs = i & 8, pq = ann_has && bob_has;
    SCOPED_TRACE(testing::Message() << "ann " << ann_has << ann_needs << " bob " << bob_has << bob_needs);
    PqWorld w(bob_has ? &toy : nullptr);
    TracingCrypto anns(ann_has ? &toy : nullptr);
    w.need(ann_needs, bob_needs);
    const Outcome out = shake(w, anns);
    EXPECT_EQ(out.bob_knew, pq || !bob_needs);
    EXPECT_EQ(out.ann_knew, pq || (!ann_needs && !bob_needs));
    EXPECT_EQ(out.downgraded, !pq && ann_needs && !bob_needs) << "a friend's answer, not good enough";
    EXPECT_EQ(out.bobs.has_value(), out.ann_knew);
    EXPECT_EQ(w.bob_private->used, out.ann_knew ? 1 : 0);
    EXPECT_EQ(w.counted(ann_has ? Reason::kPqMissing : Reason::kPqPolicy), !pq && bob_needs ? 1u : 0u);
    if (!out.anns || !out.bobs) continue;
    EXPECT_EQ(out.anns->pq, pq);
    EXPECT_EQ(out.bobs->pq, pq);
    EXPECT_EQ(out.anns->sid, out.bobs->sid);
    EXPECT_EQ(to_hex(out.anns->r2i), to_hex(out.bobs->r2i));
  }
}

// One whose KEM gives another secret than it should.
class WrongKem : public ToyKem {
 public:
  bool encapsulate(View public_key, MutView ciphertext, MutView secret) override {
    const bool fine = ToyKem::encapsulate(public_key, ciphertext, secret);
    secret[31] ^= 1;
    return fine;
  }
};

TEST(Pq, TheSecretIsInTheKeys) {
  ToyKem toy;
  WrongKem wrong;
  PqWorld w(&wrong);
  TracingCrypto anns(&toy);
  const Outcome out = shake(w, anns);
  EXPECT_TRUE(out.bob_knew && out.ann_knew);
  EXPECT_FALSE(out.bobs);
  EXPECT_EQ(w.counted(Reason::kM3Bad), 1u);
}

// F21, T-A26: one encapsulation for each caller, whoever it is and whatever was offered.
TEST(Pq, F21_StrangersCostWhatFriendsCost) {
  ToyKem toy;
  PqWorld w(&toy);
  TracingCrypto with(&toy), without;
  auto trace = [&](View m1, bool known) {
    w.crypto.take();
    M2 m2;
    EXPECT_EQ(w.responder.answer(m1, m2).pair != nullptr, known);
    return w.crypto.take();
  };
  const M1 m1 = m1_of(Initiator(with, w.rng, w.ann));
  const Trace friends = trace(m1, true);
  EXPECT_EQ(std::count(friends.begin(), friends.end(), "encapsulate 1184"), 1);
  EXPECT_EQ(trace(m1, false), friends) << "replay";
  EXPECT_EQ(trace(m1_of(Initiator(without, w.rng, w.ann)), true), friends) << "nothing offered";
  M1 random;
  w.rng.fill(random);
  EXPECT_EQ(trace(random, false), friends) << "stranger";
  EXPECT_EQ(trace(w.m1_with([](MutView b1) { b1[1] = 2; }), false), friends) << "unknown flag";
  EXPECT_EQ(trace(w.m1_with([](MutView b1) { std::fill_n(b1.begin() + kHead, 32, std::uint8_t{0}); }), false), friends) << "low order";
  w.need(false, true);
  EXPECT_EQ(trace(m1_of(Initiator(without, w.rng, w.ann)), false), friends) << "refused for want of it";
  EXPECT_EQ(w.counted(Reason::kPqPolicy), 1u);
}

TEST(Pq, DiallerSpendsTheSameOnAStranger) {
  ToyKem toy;
  PqWorld w(&toy);
  w.need(true, false);
  auto trace = [&](View m2, Initiator& ann, bool known) {
    M3 m3;
    w.crypto.take();
    EXPECT_EQ(ann.answer(m2, m3), known);
    return w.crypto.take();
  };
  M2 m2, random;
  Initiator first(w.crypto, w.rng, w.ann), second(w.crypto, w.rng, w.ann), third(w.crypto, w.rng, w.ann);
  w.responder.answer(first.m1(), m2);
  const Trace friends = trace(m2, first, true);
  EXPECT_EQ(std::count(friends.begin(), friends.end(), "decapsulate 1088"), 1);
  w.rng.fill(random);
  EXPECT_EQ(trace(random, second, false), friends);
  Impostor classical(w, third.m1());
  const M2 plain = classical.m2();
  EXPECT_EQ(trace(plain, third, false), friends) << "refused for want of it";
  EXPECT_TRUE(third.downgraded());
}

// An encapsulation key that is none sends its maker to the decoy; where nobody would use it, nobody looks.
TEST(Pq, BadEncapsulationKey) {
  ToyKem toy;
  PqWorld with(&toy), without(nullptr);
  auto bad = [](MutView b1) { b1[1] = 1; };
  M2 m2;
  EXPECT_EQ(with.responder.answer(with.m1_with(bad), m2).pair, nullptr);
  EXPECT_EQ(with.counted(Reason::kBadBody), 1u);
  EXPECT_NE(with.responder.answer(with.m1_with([](MutView) {}), m2).pair, nullptr) << "bit 0 clear: not looked at";
  const Answer answer = without.responder.answer(without.m1_with(bad), m2);
  EXPECT_NE(answer.pair, nullptr);
  EXPECT_FALSE(answer.pq);
}

// T-A17: a friend who has done it before, and whose flag is clear now: refused from either side, with a reason of its own, and on
// the wire like a stranger.
TEST(Pq, TA17_ThePinnedFriendCannotBeDowngraded) {
  ToyKem toy;
  TestRng rng_a(2), rng_b(3);
  for (const bool ann_pinned : {true, false}) {
    PqWorld w(ann_pinned ? nullptr : &toy);
    TracingCrypto anns(ann_pinned ? &toy : nullptr);
    w.need(ann_pinned, !ann_pinned);
    auto a = Channel::dial(anns, rng_a, w.ann, at(0));
    auto b = Channel::accept(w.crypto, rng_b, w.responder, at(0));
    pump(*a, *b, at(0));
    EXPECT_FALSE(a->open() || b->open());
    EXPECT_TRUE(b->draining());
    const Micros linger = *a->next_deadline();
    EXPECT_TRUE(linger >= kSecond / 2 && linger < 3 * kSecond) << "as after a stranger's answer";
    a->tick(at(linger));
    EXPECT_EQ(a->end(), ann_pinned ? End::kDowngraded : End::kNotRecognised);
    EXPECT_EQ(why_of(a->end()), ann_pinned ? Why::kPqPolicy : Why::kNotRecognised);
    EXPECT_EQ(w.counted(Reason::kPqPolicy), ann_pinned ? 0u : 1u);
    EXPECT_EQ(w.bob_private->used, 0);
  }
  EXPECT_EQ(why_of(Reason::kPqPolicy), Why::kPqPolicy);
  EXPECT_EQ(why_of(Reason::kPqMissing), Why::kPqMissing);
}

// One between the two who knows both public keys, opens what they send and seals it anew.
struct Middle {
  explicit Middle(World& world) : w(world), at_ann(w.crypto, w.ann->out.root, w.ann->out.h0), at_bob(at_ann) {}
  M1 to_bob(View m1, const std::function<void(MutView b1)>& change) {
    const View n_i = m1.first(32), tag = m1.subspan(32, wire::kTag);
    M1 out;
    std::copy(m1.begin(), m1.end(), out.begin());
    std::array<std::uint8_t, wire::kB1> b1;
    GOSSIP_CHECK(w.crypto.open(at_ann.m1_key(n_i), kZeroNonce, at_ann.m1_ad(n_i, tag), m1.subspan(48), b1));
    change(b1);
    w.crypto.seal(at_ann.m1_key(n_i), kZeroNonce, at_ann.m1_ad(n_i, tag), b1, MutView{out}.subspan(48));
    at_ann.add(m1);
    at_bob.add(out);
    return out;
  }
  M2 to_ann(View m2, const std::function<void(MutView b2a)>& change) {
    const View n_r = m2.first(32);
    M2 out;
    std::copy(m2.begin(), m2.end(), out.begin());
    std::array<std::uint8_t, wire::kB2> b2;
    GOSSIP_CHECK(w.crypto.open(at_bob.m2_key(n_r), kZeroNonce, at_bob.m2_ad(n_r), m2.subspan(32), b2));
    change(b2);
    w.crypto.seal(at_ann.m2_key(n_r), kZeroNonce, at_ann.m2_ad(n_r), b2, MutView{out}.subspan(32));
    return out;
  }
  World& w;
  Transcript at_ann, at_bob;
};

// Nobody is pinned, and the middle turns flags off and on: what comes of it is no session.
TEST(Pq, FlagsTurnedByOneInTheMiddle) {
  ToyKem toy;
  for (int i = 0; i < 4; ++i) {
    PqWorld w(&toy);
    Initiator ann(w.crypto, w.rng, w.ann);
    Middle middle(w);
    M2 from_bob;
    M3 m3;
    const M1 m1 = middle.to_bob(ann.m1(), [&](MutView b1) { b1[1] = i & 1 ? 1 : 0; });
    Answer answer = w.responder.answer(m1, from_bob);
    ASSERT_NE(answer.pair, nullptr);
    EXPECT_EQ(answer.pq, (i & 1) != 0);
    const bool untouched = i == 3;
    const M2 m2 = middle.to_ann(from_bob, [&](MutView b2a) { b2a[1] = i & 2 ? 1 : 0; });
    EXPECT_TRUE(ann.answer(m2, m3)) << "ann cannot know yet";
    EXPECT_EQ(w.responder.finish(answer, m3, 0).has_value(), untouched) << i;
    EXPECT_EQ(w.bob_private->used, untouched ? 1 : 0);
  }
}

// T-A6: the middle puts its own key in the place of ann's, and passes bob's secret on to hers: with a KEM that binds nothing, both
// hold the same secret. What they saw is not the same, and that is in the keys.
TEST(Pq, TA06_SecretPassedOn) {
  ToyKem toy;
  PqWorld w(&toy);
  Initiator ann(w.crypto, w.rng, w.ann);
  Middle middle(w);
  const auto own = toy.make_key();
  Bytes anns_key(kKemPublic);
  Secret32 secret;
  M2 from_bob;
  M3 m3;
  const M1 m1 = middle.to_bob(ann.m1(), [&](MutView b1) {
    MutView ek = b1.subspan(kHead + 32);
    std::copy(ek.begin(), ek.end(), anns_key.begin());
    own->public_key(ek);
  });
  Answer answer = w.responder.answer(m1, from_bob);
  ASSERT_TRUE(answer.pair && answer.pq);
  const M2 m2 = middle.to_ann(from_bob, [&](MutView b2a) {
    own->decapsulate(b2a.subspan(kHead + 32), secret.mut());
    ToyKem::encapsulate_this(anns_key, secret, b2a.subspan(kHead + 32));
  });
  ASSERT_TRUE(ann.answer(m2, m3)) << "ann cannot know yet";
  EXPECT_FALSE(w.responder.finish(answer, m3, 0));
  EXPECT_EQ(w.bob_private->used, 0);
  EXPECT_EQ(w.counted(Reason::kM3Bad), 1u);
}

// A session on OpenSSL's own, where it has one.
TEST(Pq, TheRealOne) {
  const auto library = crypto::make_crypto(true);
  if (!library->kem()) GTEST_SKIP() << crypto::library_name() << " has no ML-KEM-768";
  PqWorld w(library->kem());
  w.need(true, true);
  Session s(w);
  ASSERT_TRUE(s.a->open() && s.b->open());
  EXPECT_TRUE(s.a->pq() && s.b->pq());
  EXPECT_EQ(s.a->session_id(), s.b->session_id());
  M2 m2;
  const M1 bad = w.m1_with([](MutView b1) {
    b1[1] = 1;
    std::fill(b1.begin() + kHead + 32, b1.end(), std::uint8_t{0xff});
  });
  EXPECT_EQ(w.responder.answer(bad, m2).pair, nullptr) << "numbers beyond the modulus are no key";
}

}  // namespace
}  // namespace gossip::test
