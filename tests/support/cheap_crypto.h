// CheapCrypto: the whole Crypto port and RSA keys in their shape, a thousand times quicker and NOT secure: the "ciphertext" is
// the plaintext with a checksum of key, nonce and data behind it. For fuzzing what lies above, not the primitives.
#pragma once

#include <algorithm>
#include <memory>

#include "gossip/pair.h"
#include "support/toy_crypto.h"

namespace gossip::test {

class CheapCrypto : public ToyCrypto {
 public:
  void seal(View key, View nonce, View ad, View plain, MutView out) override {
    const Hash mac = checksum(key, nonce, ad, plain);
    std::copy(plain.begin(), plain.end(), out.begin());
    std::copy_n(mac.begin(), 16, out.begin() + static_cast<std::ptrdiff_t>(plain.size()));
  }
  bool open(View key, View nonce, View ad, View sealed, MutView out) override {
    const View plain = sealed.first(sealed.size() - 16), mac = sealed.last(16);
    const Hash right = checksum(key, nonce, ad, plain);
    if (!std::equal(mac.begin(), mac.end(), right.begin())) {
      std::fill(out.begin(), out.end(), std::uint8_t{0});
      return false;
    }
    std::copy(plain.begin(), plain.end(), out.begin());
    return true;
  }
  Hash x25519_public(View private_key) override { return sha256(private_key); }
  bool x25519(View private_key, View public_key, MutView out) override {
    Hash mine = x25519_public(private_key), theirs{};
    std::copy(public_key.begin(), public_key.end(), theirs.begin());
    if (theirs == Hash{}) {  // the one low-order point here
      std::fill(out.begin(), out.end(), std::uint8_t{0});
      return false;
    }
    const Hash shared = hmac(std::min(mine, theirs), std::max(mine, theirs));
    std::copy(shared.begin(), shared.end(), out.begin());
    return true;
  }

 private:
  Hash checksum(View key, View nonce, View ad, View plain) {
    Bytes all;
    for (View part : {key, nonce, ad, plain}) all.insert(all.end(), part.begin(), part.end());
    return sha256(all);
  }
};

// A keypair is a number; the ciphertext is the plaintext, then a checksum of number, label and plaintext.
class CheapKey : public PublicKey, public PrivateKey {
 public:
  static constexpr std::size_t kSize = 256;
  explicit CheapKey(std::uint8_t number) : number_(number) {}
  std::size_t size() const override { return kSize; }
  void encrypt(View plaintext, View label, MutView out) const override {
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    const Hash mac = checksum(plaintext, label);
    std::copy(plaintext.begin(), plaintext.end(), out.begin());
    std::copy(mac.begin(), mac.end(), out.begin() + 32);
  }
  void decrypt(View ciphertext, View label, View fallback, MutView out) const override {
    const Hash mac = checksum(ciphertext.first(32), label);
    const bool good = std::equal(mac.begin(), mac.end(), ciphertext.begin() + 32);
    std::copy_n(good ? ciphertext.begin() : fallback.begin(), 32, out.begin());
  }

 private:
  Hash checksum(View plaintext, View label) const {
    Bytes all{number_};
    all.insert(all.end(), plaintext.begin(), plaintext.end());
    all.insert(all.end(), label.begin(), label.end());
    return ToyCrypto().sha256(all);
  }
  std::uint8_t number_;
};

// What the two sides of a friendship hold. `one` is peer 2 of `two`, and `two` is peer 1 of `one`.
struct Pair {
  std::shared_ptr<const PairKeys> one, two;
};

inline Pair pair_of(Crypto& crypto, std::shared_ptr<const PrivateKey> one, std::shared_ptr<const PublicKey> one_public,
                    std::shared_ptr<const PrivateKey> two, std::shared_ptr<const PublicKey> two_public, const Hash& fp_one,
                    const Hash& fp_two) {
  const Secret32 psk = psk_of(crypto, {});
  const Statics there = derive_statics(crypto, psk, fp_one, fp_two), back = derive_statics(crypto, psk, fp_two, fp_one);
  Pair pair;
  pair.one = std::make_shared<const PairKeys>(PairKeys{1, 1, std::move(one), std::move(two_public), fp_one, fp_two, there, back, false});
  pair.two = std::make_shared<const PairKeys>(PairKeys{2, 1, std::move(two), std::move(one_public), fp_two, fp_one, back, there, false});
  return pair;
}

inline Pair cheap_pair(Crypto& crypto) {
  auto a = std::make_shared<CheapKey>(std::uint8_t{1}), b = std::make_shared<CheapKey>(std::uint8_t{2});
  return pair_of(crypto, a, a, b, b, crypto.sha256(as_view("cheap 1")), crypto.sha256(as_view("cheap 2")));
}

}  // namespace gossip::test
