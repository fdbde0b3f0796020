// ToyKem: a KEM in the shape of ML-KEM-768, for machines whose OpenSSL has none, and NOT secure. It is as bad as a KEM may be:
// whoever sends a ciphertext chooses the secret, so two people in different sessions can be made to share one.
#pragma once

#include <algorithm>

#include "gossip/ports.h"
#include "support/test_rng.h"

namespace gossip::test {

// Public half: the private one with its bits turned, then 1152 bytes that must be 7. Ciphertext: the secret, xored with it, then
// zeros.
class ToyKemKey : public KemKey {
 public:
  explicit ToyKemKey(const Hash& key) : key_(key) {}
  void public_key(MutView out) const override {
    std::fill(out.begin(), out.end(), std::uint8_t{7});
    for (std::size_t i = 0; i < 32; ++i) out[i] = static_cast<std::uint8_t>(~key_[i]);
  }
  void decapsulate(View ciphertext, MutView secret) const override {
    for (std::size_t i = 0; i < 32; ++i) secret[i] = static_cast<std::uint8_t>(ciphertext[i] ^ ~key_[i]);
  }

 private:
  Hash key_;
};

class ToyKem : public Kem {
 public:
  explicit ToyKem(std::uint64_t seed = 5) : rng_(seed) {}
  std::unique_ptr<KemKey> make_key() override { return std::make_unique<ToyKemKey>(rng_.array<32>()); }
  bool encapsulate(View public_key, MutView ciphertext, MutView secret) override {
    rng_.fill(secret);
    encapsulate_this(public_key, secret, ciphertext);
    return imports(public_key);
  }
  static void encapsulate_this(View public_key, View secret, MutView ciphertext) {
    std::fill(ciphertext.begin(), ciphertext.end(), std::uint8_t{0});
    for (std::size_t i = 0; i < 32; ++i) ciphertext[i] = secret[i] ^ public_key[i];
  }
  static bool imports(View public_key) {
    return std::all_of(public_key.begin() + 32, public_key.end(), [](std::uint8_t b) { return b == 7; });
  }

 private:
  TestRng rng_;
};

}  // namespace gossip::test
