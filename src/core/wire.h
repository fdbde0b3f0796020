// Offsets inside the three messages of the handshake (gossip(7), HANDSHAKE). Private to the core.
#pragma once

#include "gossip/handshake.h"

namespace gossip::wire {

constexpr std::size_t kTag = 16, kSeal = 16, kSlot = 512;
constexpr std::size_t kEk = kKemPublic, kCt = kKemCiphertext;
constexpr std::size_t kHead = 16;                             // ver | flags | 14 zeros
constexpr std::size_t kB1 = kHead + 32 + kEk;
constexpr std::size_t kB2a = kHead + 32 + kCt;
constexpr std::size_t kB2 = kB2a + kSlot;
constexpr std::size_t kB3 = 16 + kSlot;
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kMlKem = 1;                            // flags, bit 0

static_assert(kM1 == 32 + kTag + kB1 + kSeal && kM2 == 32 + kB2 + kSeal && kM3 == kB3 + kSeal);

inline bool all_zero(View bytes) {
  std::uint8_t any = 0;
  for (std::uint8_t byte : bytes) any |= byte;
  return any == 0;
}

// ver | flags | 14 zeros, with no flag but those in `allowed`.
inline bool head_fine(View body, std::uint8_t allowed) {
  return body[0] == kVersion && (body[1] & ~allowed) == 0 && all_zero(body.subspan(2, 14));
}

}  // namespace gossip::wire
