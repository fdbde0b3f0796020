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
    std::uint64_t a = stir(seed + data.size());
    for (; data.size() >= 8; data = data.subspan(8)) a = step(a, data.first(8));
    a = step(a, data);
    Hash out;
    for (std::size_t i = 0; i < out.size(); i += 8) {
      const std::uint64_t word = stir(a += 0x9e3779b97f4a7c15);
      std::memcpy(out.data() + i, &word, 8);
    }
    return out;
  }
  static std::uint64_t step(std::uint64_t a, View bytes) {
    std::uint64_t word = 0;
    if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
    a = (a ^ word) * 0x94d049bb133111eb;
    return a ^ a >> 29;
  }
};

}  // namespace gossip::test
