// ToyCrypto: the hash functions of the Crypto port, quick and NOT secure, for tests of the sync layer that link no OpenSSL.
// Sealing and key agreement are not there: what needs them uses the real port.
#pragma once

#include <algorithm>
#include <cstring>

#include "gossip/check.h"
#include "gossip/ports.h"

namespace gossip::test {

class ToyCrypto : public Crypto {
 public:
  Hash sha256(View data) override { return mix(0x9e3779b97f4a7c15, data); }
  Hash hmac(View key, View data) override {
    std::uint64_t seed = key.size();
    for (std::uint8_t b : key.first(std::min<std::size_t>(key.size(), 8))) seed = seed << 8 | b;
    return mix(stir(seed), data);
  }
  void seal(View, View, View, View, MutView) override { GOSSIP_CHECK(false); }
  bool open(View, View, View, View, MutView) override { GOSSIP_CHECK(false); }
  Hash x25519_public(View) override { GOSSIP_CHECK(false); }
  bool x25519(View, View, MutView) override { GOSSIP_CHECK(false); }
  bool equal(View a, View b) override { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

 private:
  static std::uint64_t stir(std::uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  static Hash mix(std::uint64_t seed, View data) {
    std::uint64_t a = stir(seed), b = stir(seed + data.size() + 1);
    for (std::size_t i = 0; i < data.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, data.data() + i, std::min<std::size_t>(8, data.size() - i));
      a = stir(a + word);
      b = stir(b ^ word * 0x9e3779b97f4a7c15);
    }
    Hash out;
    for (int i = 0; i < 4; ++i) {
      std::uint64_t w = stir(a + static_cast<std::uint64_t>(i) * b);
      for (int j = 0; j < 8; ++j) out[static_cast<std::size_t>(i * 8 + j)] = static_cast<std::uint8_t>(w >> (8 * j));
    }
    return out;
  }
};

}  // namespace gossip::test
