// Bytes: views, hex, and the reader and writer through which every foreign byte passes.
// Integers are big-endian unless the name says LEB128 (gossip(7), FRAMES).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gossip {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;
using MutView = std::span<std::uint8_t>;
using Hash = std::array<std::uint8_t, 32>;  // SHA-256
using Id12 = std::array<std::uint8_t, 12>;  // the first bytes of a message id
using LogId = std::array<std::uint8_t, 16>;
using Tag = std::array<std::uint8_t, 8>;

inline View as_view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(View bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string to_hex(View bytes);                       // lower case
std::optional<Bytes> from_hex(std::string_view text);  // either case, nothing else

// Reads from the front of a view. A read past the end, or a LEB128 that is not minimal or passes 2^64-1, latches
// failure: from then on every read gives zeros or an empty view and ok() is false, so a parser checks once, at its end.
class Reader {
 public:
  explicit Reader(View bytes) : rest_(bytes) {}
  std::uint8_t u8() {
    if (rest_.empty()) return static_cast<std::uint8_t>(big_endian(1));
    const std::uint8_t v = rest_.front();
    rest_ = rest_.subspan(1);
    return v;
  }
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  std::uint64_t leb128() { return !rest_.empty() && rest_.front() < 0x80 ? u8() : long_leb128(); }
  View take(std::size_t n) {
    if (n > rest_.size()) {
      fail();
      return {};
    }
    View got = rest_.first(n);
    rest_ = rest_.subspan(n);
    return got;
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    View got = take(N);
    if (ok_) std::copy(got.begin(), got.end(), out.begin());
    return out;
  }
  View rest() { return take(rest_.size()); }
  void fail() { ok_ = false; rest_ = {}; }
  std::size_t left() const { return rest_.size(); }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }  // everything read, and nothing missed

 private:
  std::uint64_t big_endian(std::size_t n);
  std::uint64_t long_leb128();
  View rest_;
  bool ok_ = true;
};

// Appends to a buffer the caller owns.
class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}
  Writer& u8(std::uint8_t v) { out_.push_back(v); return *this; }
  Writer& u16(std::uint16_t v) { return big_endian(v, 2); }
  Writer& u32(std::uint32_t v) { return big_endian(v, 4); }
  Writer& u64(std::uint64_t v) { return big_endian(v, 8); }
  Writer& leb128(std::uint64_t v) {
    if (v >= 0x80) return long_leb128(v);
    out_.push_back(static_cast<std::uint8_t>(v));
    return *this;
  }
  Writer& bytes(View v) { out_.insert(out_.end(), v.data(), v.data() + v.size()); return *this; }

 private:
  Writer& big_endian(std::uint64_t v, std::size_t n);
  Writer& long_leb128(std::uint64_t v);
  Bytes& out_;
};

std::size_t leb128_size(std::uint64_t v);  // 1..10

}  // namespace gossip
