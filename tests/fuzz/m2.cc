// M2 as the one who dialled sees it: foreign bytes, changed bytes of a good one, and bodies of the fuzzer's making under a good
// seal (what only the friend dialled can send). M3 always has its size; it opens at the responder only where M2 was its own.
#include "fuzz/handshake_fuzz.h"

using namespace gossip;
using namespace gossip::test;

namespace {

void seal_body(World& w, View m1, View n_r, View b2, MutView m2) {
  const PairKeys& me = *w.pair.two;
  Transcript t(*w.crypto, me.in.root, me.in.h0);
  t.add(m1);
  std::copy(n_r.begin(), n_r.end(), m2.begin());
  w.crypto->seal(t.m2_key(n_r), kZeroNonce, t.m2_ad(n_r), b2, m2.subspan(32));
}

bool body_is_fine(Crypto& crypto, View b2, bool need_pq) {
  Secret32 any, out;
  any.mut()[0] = 9;
  return b2[0] == 1 && b2[1] <= (crypto.kem() ? 1 : 0) && b2[1] >= need_pq && zero(b2.subspan(2, 14)) &&
         crypto.x25519(any, b2.subspan(16, 32), out.mut());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Feed feed(data, size);
  const std::uint8_t mode = feed.u8();
  World& w = world(real_of(mode));
  FixedRng rng(8);
  Responder responder = responder_of(w, rng);
  auto one = std::make_shared<PairKeys>(*w.pair.one);
  one->need_pq = mode & 0x40;
  Initiator initiator(*w.crypto, rng, one);
  const bool enough = !one->need_pq || w.crypto->kem();  // the answer of the other
  std::array<std::uint8_t, kM2> m2{};
  Answer answer = responder.answer(initiator.m1(), m2);
  GOSSIP_CHECK(answer.pair);
  bool recognised = false, untouched = false;
  switch (mode % 4) {
    case 0: m2.fill(0); fill_from(feed, m2); break;
    case 1: untouched = recognised = !mutate(feed, m2) && enough; break;
    case 2: untouched = recognised = enough; break;
    default: {
      std::array<std::uint8_t, wire::kB2> b2{1};
      b2[16] = 9;
      fill_from(feed, b2);
      recognised = body_is_fine(*w.crypto, b2, one->need_pq);
      seal_body(w, initiator.m1(), rng.array<32>(), b2, m2);
    }
  }
  std::array<std::uint8_t, kM3> m3{};
  GOSSIP_CHECK(initiator.answer(m2, m3) == recognised);
  GOSSIP_CHECK(!zero(m3) && (!initiator.downgraded() || (!recognised && one->need_pq)));
  auto keys = responder.finish(answer, m3, 0);
  GOSSIP_CHECK(keys.has_value() == untouched);
  if (keys) GOSSIP_CHECK(keys->sid == initiator.keys().sid && w.crypto->equal(keys->i2r, initiator.keys().i2r));
  return 0;
}
