// What a fuzz target needs besides the code it tries: small choices taken from the front of the input, and naive twins of text
// functions, written from RFC 3629 and RFC 8259 with no thought of speed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gossip/bytes.h"
#include "gossip/ports.h"

namespace gossip::test {

// Choices; zeros when the input is used up.
class Feed {
 public:
  Feed(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  std::uint8_t u8() {
    if (rest_.empty()) return 0;
    std::uint8_t v = rest_[0];
    rest_ = rest_.subspan(1);
    return v;
  }
  std::uint64_t number(int bytes) {
    std::uint64_t v = 0;
    for (int i = 0; i < bytes; ++i) v = v << 8 | u8();
    return v;
  }
  std::uint64_t any_size() { return number(u8() % 9); }  // small and huge numbers alike
  View take(std::size_t n) {
    if (n > rest_.size()) n = rest_.size();
    View out = rest_.first(n);
    rest_ = rest_.subspan(n);
    return out;
  }
  View chunk() { return take(number(2)); }
  View rest() { return take(rest_.size()); }
  bool done() const { return rest_.empty(); }
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    View got = take(N);
    for (std::size_t i = 0; i < got.size(); ++i) out[i] = got[i];
    return out;
  }

 private:
  View rest_;
};

// xorshift64*: the same numbers every time.
class FixedRng : public Rng {
 public:
  explicit FixedRng(std::uint64_t seed) : state_(seed * 2 + 1) {}
  void fill(MutView out) override {
    for (std::uint8_t& b : out) {
      state_ ^= state_ >> 12;
      state_ ^= state_ << 25;
      state_ ^= state_ >> 27;
      b = static_cast<std::uint8_t>((state_ * 0x2545f4914f6cdd1dull) >> 56);
    }
  }

 private:
  std::uint64_t state_;
};

// The code points of strict UTF-8; nothing when it is not that. `fault`: where the first bad byte sequence starts.
inline std::optional<std::vector<char32_t>> naive_utf8(std::string_view text, std::size_t* fault = nullptr) {
  std::vector<char32_t> out;
  for (std::size_t i = 0; i < text.size();) {
    auto byte = [&](std::size_t k) { return k < text.size() ? static_cast<std::uint8_t>(text[k]) : 0u; };
    std::uint32_t first = byte(i);
    std::size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    std::uint32_t point = length == 1 ? first : length == 2 ? first & 0x1f : length == 3 ? first & 0x0f : first & 0x07;
    bool good = length != 0;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) good = false;
      point = point << 6 | (byte(i + k) & 0x3f);
    }
    static constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!good || point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      if (fault) *fault = i;
      return std::nullopt;
    }
    out.push_back(static_cast<char32_t>(point));
    i += length;
  }
  return out;
}

inline std::string to_utf8(char32_t c) {
  auto tail = [](char32_t v) { return static_cast<char>(0x80 | (v & 0x3f)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), tail(c)};
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), tail(c >> 6), tail(c)};
  return {static_cast<char>(0xf0 | c >> 18), tail(c >> 12), tail(c >> 6), tail(c)};
}

// What must never reach a terminal as it is (gossip(7), TEXT): controls, bidi controls, what takes no room or cannot be seen,
// line separators, tags.
inline bool hostile(char32_t c) {
  for (char32_t single : {0xad, 0x34f, 0x61c, 0x2800, 0x3164, 0xfeff, 0xffa0}) {
    if (c == single) return true;
  }
  auto in = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  return c < 0x20 || in(0x7f, 0x9f) || in(0x115f, 0x1160) || in(0x17b4, 0x17b5) || in(0x180b, 0x180f) || in(0x200b, 0x200f) ||
         in(0x2028, 0x202e) || in(0x2060, 0x206f) || in(0xfe00, 0xfe0d) || in(0xfff0, 0xfffb) || in(0x1bca0, 0x1bca3) ||
         in(0x1d173, 0x1d17a) || in(0xe0000, 0xe0fff);
}

// A text of valid UTF-8 made from any bytes: what is not UTF-8 is read as Latin-1.
inline std::string as_utf8(View bytes) {
  std::string_view text = as_text(bytes);
  if (naive_utf8(text)) return std::string(text);
  std::string out;
  for (std::uint8_t b : bytes) out += to_utf8(b);
  return out;
}

}  // namespace gossip::test
