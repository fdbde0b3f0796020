#include "sim/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include "gossip/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define GOSSIP_SIM_PLAIN  // the sanitizer wants to see every block
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GOSSIP_SIM_PLAIN
#endif
#endif

namespace gossip::sim {

#ifdef GOSSIP_SIM_PLAIN
Allocating::Allocating(std::uint32_t) {}
void Allocating::prefetch_books(std::uint32_t) {}
void Allocating::prefetch_pages(std::uint32_t) {}
std::size_t most_allocated(std::uint32_t) { return 0; }
Allocating::~Allocating() = default;
#else

namespace {

constexpr std::size_t kStep = 16;                         // sizes are multiples of it, header included
constexpr std::size_t kClasses = 128;                     // what is larger is malloc's
constexpr std::size_t kPage = 4 * 1024;                   // an owner gets so much at a time
constexpr std::size_t kHuge = 2 * 1024 * 1024;
constexpr std::size_t kRegion = std::size_t{32} << 30;    // of addresses; memory follows use
constexpr std::size_t kLine = 64;
constexpr std::size_t kUsual = 24;                        // classes that most blocks are of
constexpr std::uint32_t kNobody = UINT32_MAX;
constexpr std::uint32_t kFromMalloc = UINT32_MAX;

// Before each block, as malloc has one: it ends where the block begins, and that is a multiple of 16. Before that of a block of
// malloc's is its size.
struct Header {
  std::uint32_t owner, size_class;
};
struct Free {
  Free* next;
};
struct Pages {
  std::array<Free*, kClasses> free;  // blocks that were given back
  std::array<const char*, 16> pages;  // the first ones
  std::uint32_t count;
  std::size_t bytes, most;
  char* at;
  char* end;
};

char* start = nullptr;                                    // of the region, where pages come from
Pages* books = nullptr;                                   // by owner
std::atomic<std::size_t> used = 0;                        // of the region
thread_local std::uint32_t working_for = kNobody;
thread_local Pages* pages = nullptr;                      // of whom it works for

void reserve() {
  void* p = mmap(nullptr, kRegion + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  void* b = mmap(nullptr, kMaxOwners * sizeof(Pages), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  GOSSIP_CHECK(p != MAP_FAILED && b != MAP_FAILED);
  start = reinterpret_cast<char*>((reinterpret_cast<std::uintptr_t>(p) + kHuge - 1) & ~(kHuge - 1));
  madvise(start, kRegion, MADV_HUGEPAGE);  // where the system will not, it is only slower
  books = static_cast<Pages*>(b);
}

char* new_page() {
  const std::size_t at = used.fetch_add(kPage, std::memory_order_relaxed);
  GOSSIP_CHECK(at + kPage <= kRegion);
  return start + at;
}

Header* carve(std::size_t size_class) {
  if (pages->end - pages->at < static_cast<std::ptrdiff_t>(size_class * kStep)) {
    char* const page = new_page();
    if (pages->count < pages->pages.size()) pages->pages[pages->count++] = page;
    pages->at = page + kStep - sizeof(Header);
    pages->end = pages->at + kPage - kStep;
  }
  auto* header = reinterpret_cast<Header*>(pages->at);
  pages->at += size_class * kStep;
  *header = Header{working_for, static_cast<std::uint32_t>(size_class)};
  return header;
}

void* take(std::size_t size) {
  const std::size_t size_class = (size + sizeof(Header) + kStep - 1) / kStep;
  if (pages) {
    pages->bytes += size_class * kStep;
    pages->most = std::max(pages->most, pages->bytes);
  }
  if (!pages || size_class >= kClasses) {
    auto* block = static_cast<std::size_t*>(std::malloc(size + kStep));
    if (!block) throw std::bad_alloc();
    *block = size_class;
    *reinterpret_cast<Header*>(block + 1) = Header{working_for, kFromMalloc};
    return block + 2;
  }
  Free* f = pages->free[size_class];
  void* block = f;
  if (f) pages->free[size_class] = f->next; else block = carve(size_class) + 1;
  return block;
}

void give(void* block) {
  if (!block) return;
  const Header header = static_cast<Header*>(block)[-1];
  if (header.size_class == kFromMalloc) {
    auto* const its_size = static_cast<std::size_t*>(block) - 2;
    if (header.owner != kNobody) books[header.owner].bytes -= *its_size * kStep;
    return std::free(its_size);
  }
  Pages& its = books[header.owner];
  its.bytes -= header.size_class * kStep;
  auto* f = static_cast<Free*>(block);
  f->next = its.free[header.size_class];
  its.free[header.size_class] = f;
}

}  // namespace

Allocating::Allocating(std::uint32_t owner) {
  GOSSIP_CHECK(owner < kMaxOwners);
  if (!books) reserve();  // the first is made before there are threads
  working_for = owner;
  pages = &books[owner];
  for (std::size_t i = 0; i < kUsual; ++i) __builtin_prefetch(pages->free[i]);
}
void Allocating::prefetch_books(std::uint32_t owner) {
  const Pages& its = books[owner];
  for (std::size_t i = 0; i < kUsual; i += kLine / sizeof(Free*)) __builtin_prefetch(&its.free[i]);
  for (auto* at = reinterpret_cast<const char*>(&its.pages); at < reinterpret_cast<const char*>(&its + 1); at += kLine) __builtin_prefetch(at);
}
void Allocating::prefetch_pages(std::uint32_t owner) {
  const Pages& its = books[owner];
  for (std::uint32_t i = 0; i < its.count; ++i) {
    for (std::size_t at = 0; at < kPage; at += kLine) __builtin_prefetch(its.pages[i] + at);
  }
}
std::size_t most_allocated(std::uint32_t owner) { return books[owner].most; }

Allocating::~Allocating() {
  working_for = kNobody;
  pages = nullptr;
}

}  // namespace gossip::sim

void* operator new(std::size_t size) { return gossip::sim::take(size); }
void operator delete(void* block) noexcept { gossip::sim::give(block); }
void operator delete(void* block, std::size_t) noexcept { gossip::sim::give(block); }

namespace gossip::sim {
#endif

}  // namespace gossip::sim
