// Two friends, ann who dials and bob who answers, on OpenSSL, with every use of a primitive written down.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/wire.h"
#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/channel.h"
#include "gossip/handshake.h"
#include "support/cheap_crypto.h"
#include "support/test_keys.h"
#include "support/test_rng.h"

namespace gossip::test {

using Trace = std::vector<std::string>;

class TracingKem;

// Writes down what is asked of a Crypto, with sizes, and every (key, nonce) that sealed.
class TracingCrypto : public Crypto {
 public:
  explicit TracingCrypto(Kem* kem = nullptr);
  Hash sha256(View data) override { return note("sha256", data.size()), real_->sha256(data); }
  Hash hmac(View key, View data) override { return note("hmac", data.size()), real_->hmac(key, data); }
  void seal(View key, View nonce, View ad, View plain, MutView out) override {
    note("seal", ad.size() + plain.size());
    ++seals;
    if (track) pairs.insert(to_hex(key) + to_hex(nonce));
    real_->seal(key, nonce, ad, plain, out);
  }
  bool open(View key, View nonce, View ad, View sealed, MutView out) override {
    return note("open", ad.size() + sealed.size()), real_->open(key, nonce, ad, sealed, out);
  }
  Hash x25519_public(View private_key) override { return note("x25519_public", 32), real_->x25519_public(private_key); }
  bool x25519(View private_key, View public_key, MutView out) override {
    return note("x25519", 32), real_->x25519(private_key, public_key, out);
  }
  bool equal(View a, View b) override { return note("equal", a.size()), real_->equal(a, b); }
  Kem* kem() override;

  void note(const char* what, std::size_t size) {
    if (track) trace.push_back(std::string(what) + " " + std::to_string(size));
  }
  Trace take() { return std::exchange(trace, {}); }

  bool track = true;
  Trace trace;
  std::set<std::string> pairs;
  std::uint64_t seals = 0;

 private:
  std::unique_ptr<Crypto> real_ = crypto::make_crypto();
  std::unique_ptr<TracingKem> kem_;
};

class TracingKemKey : public KemKey {
 public:
  TracingKemKey(TracingCrypto& trace, std::unique_ptr<KemKey> key) : trace_(trace), key_(std::move(key)) {}
  void public_key(MutView out) const override { key_->public_key(out); }
  void decapsulate(View ciphertext, MutView secret) const override {
    trace_.note("decapsulate", ciphertext.size());
    key_->decapsulate(ciphertext, secret);
  }

 private:
  TracingCrypto& trace_;
  std::unique_ptr<KemKey> key_;
};

class TracingKem : public Kem {
 public:
  TracingKem(TracingCrypto& trace, Kem& kem) : trace_(trace), kem_(kem) {}
  std::unique_ptr<KemKey> make_key() override { return std::make_unique<TracingKemKey>(trace_, kem_.make_key()); }
  bool encapsulate(View public_key, MutView ciphertext, MutView secret) override {
    trace_.note("encapsulate", public_key.size());
    return kem_.encapsulate(public_key, ciphertext, secret);
  }

 private:
  TracingCrypto& trace_;
  Kem& kem_;
};

inline TracingCrypto::TracingCrypto(Kem* kem) : kem_(kem ? std::make_unique<TracingKem>(*this, *kem) : nullptr) {}
inline Kem* TracingCrypto::kem() { return kem_.get(); }

class TracingPublic : public PublicKey {
 public:
  TracingPublic(TracingCrypto& trace, std::shared_ptr<const PublicKey> key) : trace_(trace), key_(std::move(key)) {}
  std::size_t size() const override { return key_->size(); }
  void encrypt(View plaintext, View label, MutView out) const override {
    trace_.note("encrypt", size());
    key_->encrypt(plaintext, label, out);
  }

 private:
  TracingCrypto& trace_;
  std::shared_ptr<const PublicKey> key_;
};

class TracingPrivate : public PrivateKey {
 public:
  TracingPrivate(TracingCrypto& trace, std::shared_ptr<const PrivateKey> key) : trace_(trace), key_(std::move(key)) {}
  std::size_t size() const override { return key_->size(); }
  void decrypt(View ciphertext, View label, View fallback, MutView out) const override {
    trace_.note("decrypt", size());
    ++used;
    last.assign(ciphertext.begin(), ciphertext.end());
    key_->decrypt(ciphertext, label, fallback, out);
  }
  mutable int used = 0;
  mutable Bytes last;  // ciphertext

 private:
  TracingCrypto& trace_;
  std::shared_ptr<const PrivateKey> key_;
};

using M1 = std::array<std::uint8_t, kM1>;
using M2 = std::array<std::uint8_t, kM2>;
using M3 = std::array<std::uint8_t, kM3>;

inline M1 m1_of(const Initiator& initiator) {
  M1 out;
  std::copy(initiator.m1().begin(), initiator.m1().end(), out.begin());
  return out;
}

struct World {
  explicit World(View ann_der = ann_key(), View bob_der = bob_key(), View network_key = {}, Kem* kem = nullptr) : crypto(kem) {
    ann_private = std::make_shared<TracingPrivate>(crypto, crypto::load_private(ann_der));
    bob_private = std::make_shared<TracingPrivate>(crypto, crypto::load_private(bob_der));
    auto ann_public = std::make_shared<TracingPublic>(crypto, crypto::public_half(ann_der));
    auto bob_public = std::make_shared<TracingPublic>(crypto, crypto::public_half(bob_der));
    const Hash fp_ann = crypto.sha256(ann_der), fp_bob = crypto.sha256(bob_der);
    const Secret32 psk = psk_of(crypto, network_key);
    const Statics there = derive_statics(crypto, psk, fp_ann, fp_bob), back = derive_statics(crypto, psk, fp_bob, fp_ann);
    ann = std::make_shared<PairKeys>(PairKeys{2, 7, ann_private, bob_public, fp_ann, fp_bob, there, back, false});
    bob = std::make_shared<PairKeys>(PairKeys{1, 9, bob_private, ann_public, fp_bob, fp_ann, back, there, false});
    responder.set_decoy(bob_public);
    set_peer(bob);
    crypto.take();
  }
  void set_peer(std::shared_ptr<const PairKeys> peer) { responder.set_peers(std::span(&peer, 1)); }

  // An M1 as ann would send it, with a body of the test's making.
  M1 m1_with(const std::function<void(MutView b1)>& change) {
    M1 m1;
    MutView out{m1};
    MutView n_i = out.first(32), tag = out.subspan(32, 16), b1 = out.subspan(48, wire::kB1);
    Transcript t(crypto, ann->out.root, ann->out.h0);
    rng.fill(n_i);
    const Hash mac = crypto.hmac(ann->out.tag_key, n_i);
    std::copy_n(mac.begin(), 16, tag.begin());
    std::fill(b1.begin(), b1.end(), std::uint8_t{0});
    b1[0] = 1;
    rng.fill(x.mut());
    const Hash e_i = crypto.x25519_public(x);
    std::copy(e_i.begin(), e_i.end(), b1.begin() + 16);
    change(b1);
    crypto.seal(t.m1_key(n_i), kZeroNonce, t.m1_ad(n_i, tag), b1, out.subspan(48));
    return m1;
  }

  // The M3 with which ann, whose last M1 was m1_with's, answers M2; `change` sees its 16 reserved bytes.
  M3 m3_with(View m1, View m2, const std::function<void(MutView reserved)>& change) {
    Transcript t(crypto, ann->out.root, ann->out.h0);
    t.add(m1);
    std::array<std::uint8_t, wire::kB2> b2;
    const View n_r = m2.first(32);
    GOSSIP_CHECK(crypto.open(t.m2_key(n_r), kZeroNonce, t.m2_ad(n_r), m2.subspan(32), b2));
    const View b2a = View{b2}.first(wire::kB2a);
    Secret32 ee, k_r;
    crypto.x25519(x, b2a.subspan(16, 32), ee.mut());
    ann->ours->decrypt(View{b2}.subspan(wire::kB2a, ann->ours->size()), t.label_cr(n_r, b2a), Secret32{}, k_r.mut());
    t.add(m2);
    t.mix(ee, Secret32{}, k_r);
    M3 m3{};
    MutView b3 = MutView{m3}.first(wire::kB3);
    change(b3.first(16));
    ann->theirs->encrypt(rng.array<32>(), t.label_ci(), b3.subspan(16, ann->theirs->size()));
    crypto.seal(t.m3_key(), kZeroNonce, t.h(), b3, m3);
    return m3;
  }

  TracingCrypto crypto;
  TestRng rng{1};
  Secret32 x;  // ann's X25519 key of the last m1_with
  std::shared_ptr<TracingPrivate> ann_private, bob_private;
  std::shared_ptr<PairKeys> ann, bob;  // what ann holds of bob (peer 2), and bob of ann (peer 1)
  Responder responder{crypto, rng};
};

// One who knows both public keys of the pair (and so root), and answers ann's M1 in bob's place.
struct Impostor {
  Impostor(World& world, View m1) : w(world), t(w.crypto, w.ann->out.root, w.ann->out.h0) {
    const View n_i = m1.first(32), tag = m1.subspan(32, 16);
    opened = w.crypto.open(t.m1_key(n_i), kZeroNonce, t.m1_ad(n_i, tag), m1.subspan(48), b1);
    t.add(m1);
    w.rng.fill(y.mut());
    w.rng.fill(k_r.mut());
    w.rng.fill(n_r);
    e_r = w.crypto.x25519_public(y);
    w.crypto.x25519(y, View{b1}.subspan(16, 32), ee.mut());
  }
  // M2 with a body that `change` has seen, and c_R for k_r unless `slot` is given.
  M2 m2(const std::function<void(MutView b2a)>& change = [](MutView) {}, View slot = {}) {
    M2 out;
    MutView all{out}, b2 = all.subspan(32, wire::kB2);
    w.rng.fill(all);
    std::copy(n_r.begin(), n_r.end(), out.begin());
    std::fill_n(b2.begin(), 16, std::uint8_t{0});
    b2[0] = 1;
    std::copy(e_r.begin(), e_r.end(), b2.begin() + 16);
    change(b2.first(wire::kB2a));
    MutView c_r = b2.subspan(wire::kB2a, w.bob->theirs->size());
    w.bob->theirs->encrypt(k_r, t.label_cr(n_r, b2.first(wire::kB2a)), c_r);
    std::copy(slot.begin(), slot.end(), c_r.begin());
    w.crypto.seal(t.m2_key(n_r), kZeroNonce, t.m2_ad(n_r), b2, all.subspan(32));
    t.add(out);
    t.mix(ee, Secret32{}, k_r);
    return out;
  }
  bool opens(View m3, MutView b3) { return w.crypto.open(t.m3_key(), kZeroNonce, t.h(), m3, b3); }

  World& w;
  Transcript t;
  bool opened = false;
  std::array<std::uint8_t, wire::kB1> b1;
  std::array<std::uint8_t, 32> n_r;
  Hash e_r{};
  Secret32 y, k_r, ee;
};

inline Now at(Micros mono) { return {mono, 0}; }

// Carries bytes both ways until neither side has any; `cut` chooses how many of them at a time.
inline void pump(Channel& a, Channel& b, Now now,
                 const std::function<std::size_t(std::size_t)>& cut = [](std::size_t n) { return n; }) {
  auto carry = [&](Channel& from, Channel& to) {
    const View out = from.output();
    if (out.empty()) return false;
    const Bytes piece(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(cut(out.size())));
    from.consumed(now, piece.size());
    to.receive(now, piece);
    if (to.wants_work()) to.work(now);
    return true;
  };
  for (bool more = true; more;) {
    more = carry(a, b);
    more |= carry(b, a);
  }
}

// The bytes a channel has to send, taken.
inline Bytes take_output(Channel& channel, Now now) {
  Bytes out;
  while (true) {
    const View piece = channel.output();
    if (piece.empty()) return out;
    out.insert(out.end(), piece.begin(), piece.end());
    channel.consumed(now, piece.size());
  }
}

// A session between ann and bob, open on both sides.
struct Session {
  explicit Session(World& world, Micros start = 0) : rng_a(world.rng.next()), rng_b(world.rng.next()) {
    a = Channel::dial(world.crypto, rng_a, world.ann, at(start));
    b = Channel::accept(world.crypto, rng_b, world.responder, at(start));
    pump(*a, *b, at(start));
  }
  TestRng rng_a, rng_b;
  std::unique_ptr<Channel> a, b;
};

}  // namespace gossip::test
