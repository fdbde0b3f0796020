// Pool: where the simulator's memory lies. What a node allocates is carved from pages of its own, so that a network too big for
// the caches touches few of their lines per event; everything else, and what is large, is malloc's.
#pragma once

#include <cstdint>

namespace gossip::sim {

// While it lives, what this thread allocates lies with the owner's. One thread at a time may work for one owner.
class Allocating {
 public:
  explicit Allocating(std::uint32_t owner);
  ~Allocating();
  // Somebody soon will: first the owner's books are fetched from memory, and a while later the pages that they name.
  static void prefetch_books(std::uint32_t owner);
  static void prefetch_pages(std::uint32_t owner);
  Allocating(const Allocating&) = delete;
};
// The most that the owner had at one time, in bytes; 0 where the sanitizer looks after memory.
std::size_t most_allocated(std::uint32_t owner);
constexpr std::uint32_t kMaxOwners = 1 << 18;

}  // namespace gossip::sim
