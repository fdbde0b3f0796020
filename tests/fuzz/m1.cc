// M1 as a responder sees it: foreign bytes, changed bytes of a good one, and good seals around bodies of the fuzzer's making
// (what only a friend can send). Recognised exactly when the rules of gossip(7) say so; answered with an M2 always.
#include "fuzz/handshake_fuzz.h"

using namespace gossip;
using namespace gossip::test;

namespace {

// An M1 by a friend with this body.
void seal_body(World& w, View n_i, View b1, MutView m1) {
  const PairKeys& me = *w.pair.one;
  Transcript t(*w.crypto, me.out.root, me.out.h0);
  std::copy(n_i.begin(), n_i.end(), m1.begin());
  const Hash tag = w.crypto->hmac(me.out.tag_key, n_i);
  std::copy_n(tag.begin(), wire::kTag, m1.begin() + 32);
  w.crypto->seal(t.m1_key(n_i), kZeroNonce, t.m1_ad(n_i, View(tag).first(wire::kTag)), b1, m1.subspan(32 + wire::kTag));
}

bool body_is_fine(Crypto& crypto, View b1) {
  Secret32 any, out;
  any.mut()[0] = 9;
  return b1[0] == 1 && b1[1] <= 1 && zero(b1.subspan(2, 14)) && crypto.x25519(any, b1.subspan(16, 32), out.mut()) &&
         (b1[1] == 0 || imports(crypto, b1.subspan(48)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Feed feed(data, size);
  const std::uint8_t mode = feed.u8();
  World& w = world(real_of(mode));
  FixedRng rng(7);
  Responder responder = responder_of(w, rng);
  Initiator initiator(*w.crypto, rng, w.pair.one);
  std::array<std::uint8_t, kM1> m1{};
  std::array<std::uint8_t, kM2> m2{}, again{};
  bool expected = false;
  switch (mode % 4) {
    case 0: fill_from(feed, m1); break;
    case 1:
      std::copy(initiator.m1().begin(), initiator.m1().end(), m1.begin());
      expected = !mutate(feed, m1);
      break;
    case 2: std::copy(initiator.m1().begin(), initiator.m1().end(), m1.begin()); expected = true; break;
    default: {
      std::array<std::uint8_t, wire::kB1> b1{1};
      const std::uint8_t start = feed.u8();
      if (start & 1) rng.fill(b1), std::fill(b1.begin(), b1.begin() + 16, std::uint8_t{0}), b1[0] = 1;
      if (start & 2) std::fill(b1.begin() + 80, b1.end(), std::uint8_t{7});  // a key of the toy
      fill_from(feed, MutView{b1}.first(start & 4 ? 48 : b1.size()));
      expected = body_is_fine(*w.crypto, b1);
      seal_body(w, rng.array<32>(), b1, m1);
    }
  }
  Answer answer = responder.answer(m1, m2);
  GOSSIP_CHECK((answer.pair != nullptr) == expected);
  GOSSIP_CHECK(!zero(View(m2).first(32)) && !zero(View(m2).last(512)));
  GOSSIP_CHECK(responder.answer(m1, again).pair == nullptr);  // the same again is a replay, or as unknown as before
  GOSSIP_CHECK(m2 != again);
  if (mode % 4 == 2) {  // and the whole handshake works out
    std::array<std::uint8_t, kM3> m3{};
    GOSSIP_CHECK(initiator.answer(m2, m3));
    auto keys = responder.finish(answer, m3, 0);
    GOSSIP_CHECK(keys && keys->sid == initiator.keys().sid);
  }
  return 0;
}
