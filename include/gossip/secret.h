// Secret<N>, SecretBytes: bytes that are wiped when they go out of scope. wipe() is not optimised away.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "gossip/bytes.h"

namespace gossip {

void wipe(MutView bytes);

template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(View from) { std::copy_n(from.begin(), N, bytes_.begin()); }  // REQUIRES from.size() >= N
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes_); }
  View view() const { return bytes_; }
  MutView mut() { return bytes_; }
  operator View() const { return bytes_; }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

using Secret32 = Secret<32>;

// Any number of them; moved, never copied.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(Bytes&& from) : bytes_(std::move(from)) {}
  SecretBytes(SecretBytes&&) = default;  // a vector's move leaves nothing behind
  SecretBytes& operator=(SecretBytes&& other) {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~SecretBytes() { wipe(bytes_); }
  View view() const { return bytes_; }
  operator View() const { return bytes_; }

 private:
  Bytes bytes_;
};

}  // namespace gossip
