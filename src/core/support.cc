// The small things every part of the core stands on: checks, wiping, numbers from the random port.
#include <cstdlib>
#include <cstring>

#include "gossip/check.h"
#include "gossip/ports.h"
#include "gossip/secret.h"

namespace gossip {

const char* volatile g_failed_check = nullptr;

void check_failed(const char* where) {
  g_failed_check = where;
  std::abort();
}

void wipe(MutView bytes) {
  if (bytes.empty()) return;
  std::memset(bytes.data(), 0, bytes.size());
  __asm__ __volatile__("" : : "r"(bytes.data()) : "memory");  // so that it is not optimised away
}

std::uint64_t Rng::u64() {
  std::uint64_t v = 0;
  for (std::uint8_t b : array<8>()) v = v << 8 | b;
  return v;
}

std::uint64_t Rng::below(std::uint64_t n) {
  GOSSIP_CHECK(n > 0);
  const std::uint64_t skip = (0 - n) % n;  // 2^64 mod n: draws below it would favour small results
  for (;;) {
    std::uint64_t v = u64();
    if (v >= skip) return v % n;
  }
}

}  // namespace gossip
