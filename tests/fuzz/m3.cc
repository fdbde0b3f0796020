// M3 as a responder sees it: foreign bytes, changed bytes of a good one, and bodies of the fuzzer's making under a good seal. A
// stranger never gets keys, whatever he sends; a friend gets the same keys as the responder only with a c_I that opens.
#include "fuzz/handshake_fuzz.h"

using namespace gossip;
using namespace gossip::test;

namespace {

// Opens M2 as a friend would and gives what M3 is sealed with.
Transcript after_m2(World& w, View m1, View m2, View x) {
  const PairKeys& me = *w.pair.one;
  Transcript t(*w.crypto, me.out.root, me.out.h0);
  t.add(m1);
  const View n_r = m2.first(32);
  std::array<std::uint8_t, wire::kB2> b2{};
  GOSSIP_CHECK(w.crypto->open(t.m2_key(n_r), kZeroNonce, t.m2_ad(n_r), m2.subspan(32), b2));
  Secret32 ee, k_r;
  GOSSIP_CHECK(w.crypto->x25519(x, View(b2).subspan(16, 32), ee.mut()));
  const View c_r = View(b2).subspan(wire::kB2a, me.ours->size());
  me.ours->decrypt(c_r, t.label_cr(n_r, View(b2).first(wire::kB2a)), Hash{}, k_r.mut());
  t.add(m2);
  t.mix(ee, Secret32{}, k_r);
  return t;
}

// A dialler of our own, whose secrets we know; its M1.
Bytes own_m1(World& w, Rng& rng, View x) {
  const PairKeys& me = *w.pair.one;
  Transcript t(*w.crypto, me.out.root, me.out.h0);
  const Hash n_i = rng.array<32>();
  const Hash mac = w.crypto->hmac(me.out.tag_key, n_i), e_i = w.crypto->x25519_public(x);
  const View tag = View(mac).first(wire::kTag);
  Bytes b1(wire::kB1);
  b1[0] = 1;
  std::copy(e_i.begin(), e_i.end(), b1.begin() + 16);
  Bytes m1 = concat({n_i, tag, b1, Hash{}});
  m1.resize(kM1);
  w.crypto->seal(t.m1_key(n_i), kZeroNonce, t.m1_ad(n_i, tag), b1, MutView(m1).subspan(32 + wire::kTag));
  return m1;
}

void by_a_stranger(World& w, Responder& responder, Rng& rng, Feed& feed) {
  std::array<std::uint8_t, kM1> m1{};
  std::array<std::uint8_t, kM2> m2{};
  std::array<std::uint8_t, kM3> m3{};
  rng.fill(m1);
  Answer answer = responder.answer(m1, m2);
  fill_from(feed, m3);
  GOSSIP_CHECK(!answer.pair && !responder.finish(answer, m3, 0));
  (void)w;
}

void by_a_friend(World& w, Responder& responder, Rng& rng, Feed& feed, bool whole, bool real) {
  Secret32 x, k_i;
  rng.fill(x.mut());
  rng.fill(k_i.mut());
  const Bytes m1 = own_m1(w, rng, x);
  std::array<std::uint8_t, kM2> m2{};
  std::array<std::uint8_t, kM3> m3{};
  Answer answer = responder.answer(m1, m2);
  GOSSIP_CHECK(answer.pair);
  Transcript t = after_m2(w, m1, m2, x);
  std::array<std::uint8_t, wire::kB3> b3{};
  const PublicKey& theirs = *w.pair.one->theirs;
  theirs.encrypt(k_i, t.label_ci(), MutView(b3).subspan(16, theirs.size()));
  const auto good = b3;
  if (!whole) fill_from(feed, b3);
  w.crypto->seal(t.m3_key(), kZeroNonce, t.h(), b3, m3);
  bool changed = whole && mutate(feed, m3);
  auto keys = responder.finish(answer, m3, 0);
  GOSSIP_CHECK(keys.has_value() == (!changed && zero(View(b3).first(16))));
  if (!keys) return;
  t.add(m3);
  const bool same = t.finish(k_i).sid == keys->sid;
  const std::size_t looked_at = real ? theirs.size() : 64;  // behind that the cheap ciphertext is padding nobody looks at
  GOSSIP_CHECK(same == w.crypto->equal(View(good).subspan(16, looked_at), View(b3).subspan(16, looked_at)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Feed feed(data, size);
  const std::uint8_t mode = feed.u8();
  World& w = world(real_of(mode));
  FixedRng rng(9);
  Responder responder = responder_of(w, rng);
  if (mode % 3 == 0)
    by_a_stranger(w, responder, rng, feed);
  else
    by_a_friend(w, responder, rng, feed, mode % 3 == 1, real_of(mode));
  return 0;
}
