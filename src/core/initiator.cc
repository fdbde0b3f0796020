#include "core/wire.h"
#include "gossip/check.h"

namespace gossip {

using namespace wire;

Initiator::Initiator(Crypto& crypto, Rng& rng, std::shared_ptr<const PairKeys> pair)
    : crypto_(crypto), rng_(rng), pair_(std::move(pair)), transcript_(crypto, pair_->out.root, pair_->out.h0) {
  GOSSIP_CHECK(pair_->ours && pair_->theirs);
  MutView m1{m1_};
  MutView n_i = m1.first(32), tag = m1.subspan(32, kTag), c1 = m1.subspan(32 + kTag);
  rng_.fill(n_i);
  const Hash mac = crypto_.hmac(pair_->out.tag_key, n_i);
  std::copy_n(mac.begin(), kTag, tag.begin());

  MutView b1 = c1.first(kB1);
  b1[0] = kVersion;
  std::fill_n(b1.begin() + 1, kHead - 1, std::uint8_t{0});
  rng_.fill(x_.mut());
  const Hash e_i = crypto_.x25519_public(x_);
  std::copy(e_i.begin(), e_i.end(), b1.begin() + kHead);
  MutView ek = b1.subspan(kHead + 32);
  if (Kem* kem = crypto_.kem()) {
    b1[1] = kMlKem;
    kem_key_ = kem->make_key();
    kem_key_->public_key(ek);
  } else {
    rng_.fill(ek);
  }
  crypto_.seal(transcript_.m1_key(n_i), kZeroNonce, transcript_.m1_ad(n_i, tag), b1, c1);
  transcript_.add(m1);
}

bool Initiator::answer(View m2, MutView m3) {
  GOSSIP_CHECK(m2.size() == kM2 && m3.size() == kM3);
  const View n_r = m2.first(32);
  std::array<std::uint8_t, kB2> b2, dummy;
  rng_.fill(dummy);
  dummy[kB2a] = 0;  // a ciphertext below every modulus, so that the dummy decryption is a whole one
  const bool opened = crypto_.open(transcript_.m2_key(n_r), kZeroNonce, transcript_.m2_ad(n_r), m2.subspan(32), b2);
  if (!opened) b2 = dummy;
  const View b2a = View{b2}.first(kB2a), slot = View{b2}.subspan(kB2a);
  bool known = opened && head_fine(b2a, kem_key_ ? kMlKem : 0);

  Secret32 ee, ss_pq, k_r, k_i, fallback;
  known &= crypto_.x25519(x_, b2a.subspan(kHead, 32), ee.mut());
  // Whatever the flag says: all answers cost the same.
  if (kem_key_) kem_key_->decapsulate(b2a.subspan(kHead + 32), ss_pq.mut());
  const bool pq = known && (b2a[1] & kMlKem) != 0;
  if (!pq) ss_pq = Secret32{};
  downgraded_ = known && !pq && pair_->need_pq;
  known &= !downgraded_;
  rng_.fill(fallback.mut());
  pair_->ours->decrypt(slot.first(pair_->ours->size()), transcript_.label_cr(n_r, b2a), fallback, k_r.mut());
  transcript_.add(m2);
  transcript_.mix(ee, ss_pq, k_r);

  MutView b3 = m3.first(kB3);
  std::fill_n(b3.begin(), 16, std::uint8_t{0});
  MutView sent = b3.subspan(16);
  rng_.fill(sent);
  rng_.fill(k_i.mut());
  pair_->theirs->encrypt(k_i, transcript_.label_ci(), sent.first(pair_->theirs->size()));
  crypto_.seal(transcript_.m3_key(), kZeroNonce, transcript_.h(), b3, m3);
  if (!known) rng_.fill(m3);
  transcript_.add(m3);
  keys_ = transcript_.finish(k_i);
  keys_.pq = pq;
  transcript_ = Transcript(crypto_, Secret32{}, Secret32{});
  x_ = Secret32{};
  kem_key_.reset();
  return known;
}

}  // namespace gossip
