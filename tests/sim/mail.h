// Mail: letters on their way between the nodes of the simulator, one behind the other in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <tuple>

#include "gossip/bytes.h"
#include "gossip/time.h"
#include "sim/library.h"

namespace gossip::sim {

enum class Kind : std::uint8_t { kDial, kAnswer, kOpen, kReady, kRefused, kBytes, kBroken, kWritable, kPublish };

// Its bytes follow it, and behind them the next letter.
struct Letter {
  Micros at = 0;                 // when it arrives
  NodeId to = 0, from = 0;
  std::uint64_t order = 0;       // counted by the sender
  std::uint32_t link = 0;        // the receiver's number for it; of kDial: the caller's; of kPublish: the message
  std::uint32_t theirs = 0;      // the sender's number for it
  std::uint32_t size = 0;        // of the bytes
  Kind kind = Kind::kBytes;
  View bytes() const { return {reinterpret_cast<const std::uint8_t*>(this + 1), size}; }
  std::size_t room() const { return sizeof(Letter) + (size + 7u) / 8 * 8; }
  std::uint64_t sample() const;  // of the bytes: where they begin and end, and where a message has its salt
  bool before(const Letter& b) const { return std::tie(at, from, order) < std::tie(b.at, b.from, b.order); }
};

class Mail {
 public:
  void put(const Letter& head, View bytes);  // head.size is set here
  bool empty() const { return used_ == 0; }
  void clear() { used_ = 0; }                // the memory is kept
  void prefetch() const;
  void swap(Mail& other);
  // For each letter, in the order in which they were put; none may be put meanwhile.
  void each(auto&& use) const {
    for (std::uint32_t at = 0; at < used_;) {
      const auto& letter = *reinterpret_cast<const Letter*>(memory_.get() + at);
      at += static_cast<std::uint32_t>(letter.room());
      use(letter);
    }
  }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte[], Free> memory_;  // malloc's, never a node's: it goes from hand to hand
  std::uint32_t used_ = 0, size_ = 0;
};

}  // namespace gossip::sim
