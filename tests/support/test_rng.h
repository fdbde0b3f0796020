// TestRng: SplitMix64, the same bytes for the same seed on every machine. Not secure.
#pragma once

#include "gossip/ports.h"

namespace gossip::test {

class TestRng : public Rng {
 public:
  explicit TestRng(std::uint64_t seed) : state_(seed) {}
  void fill(MutView out) override {
    for (std::size_t i = 0; i < out.size(); i += 8) {
      const std::uint64_t word = next();
      for (std::size_t j = i; j < std::min(i + 8, out.size()); ++j) out[j] = static_cast<std::uint8_t>(word >> (8 * (j - i)));
    }
  }
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

 private:
  std::uint64_t state_;
};

}  // namespace gossip::test
