#include "sim/mail.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "gossip/check.h"

namespace gossip::sim {

std::uint64_t Letter::sample() const {
  constexpr std::size_t kWord = 8, kSalt = 24;
  std::uint64_t sum = 0;
  for (std::size_t i : {std::size_t{0}, kSalt, std::max<std::size_t>(size, kWord) - kWord}) {
    std::uint64_t word = 0;
    if (i < size) std::memcpy(&word, bytes().data() + i, std::min<std::size_t>(kWord, size - i));
    sum = (sum ^ word) * 0x9e3779b97f4a7c15;
  }
  return sum;
}

void Mail::put(const Letter& head, View bytes) {
  Letter letter = head;
  letter.size = static_cast<std::uint32_t>(bytes.size());
  const std::size_t room = letter.room();
  if (size_ - used_ < room) {
    const std::size_t size = std::max<std::size_t>({2 * std::size_t{size_}, used_ + room, 1024});
    auto* more = static_cast<std::byte*>(std::realloc(memory_.get(), size));
    GOSSIP_CHECK(more && size <= UINT32_MAX);
    (void)memory_.release();
    memory_.reset(more);
    size_ = static_cast<std::uint32_t>(size);
  }
  std::byte* const at = memory_.get() + used_;
  new (at) Letter(letter);
  if (!bytes.empty()) std::memcpy(at + sizeof(Letter), bytes.data(), bytes.size());
  used_ += static_cast<std::uint32_t>(room);
}

void Mail::prefetch() const {
  for (std::uint32_t at = 0; at < used_; at += 64) __builtin_prefetch(memory_.get() + at);
}

void Mail::swap(Mail& other) {
  std::swap(memory_, other.memory_);
  std::swap(used_, other.used_);
  std::swap(size_, other.size_);
}

}  // namespace gossip::sim
