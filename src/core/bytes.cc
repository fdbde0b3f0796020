#include "gossip/bytes.h"

namespace gossip {

std::string to_hex(View bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (std::uint8_t b : bytes) {
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return out;
}

std::uint64_t Reader::big_endian(std::size_t n) {
  std::uint64_t v = 0;
  for (std::uint8_t b : take(n)) v = v << 8 | b;
  return v;
}

std::uint16_t Reader::u16() { return static_cast<std::uint16_t>(big_endian(2)); }
std::uint32_t Reader::u32() { return static_cast<std::uint32_t>(big_endian(4)); }
std::uint64_t Reader::u64() { return big_endian(8); }

std::uint64_t Reader::long_leb128() {
  std::uint64_t v = 0;
  for (int shift = 0; shift < 70 && ok_; shift += 7) {
    std::uint64_t b = u8();
    if (shift == 63 && b > 1) break;                // past 2^64-1
    v |= (b & 0x7f) << shift;
    if (b < 0x80) {
      if (b == 0 && shift != 0) break;              // not minimal
      return ok_ ? v : 0;
    }
  }
  fail();
  return 0;
}

Writer& Writer::long_leb128(std::uint64_t v) {
  std::array<std::uint8_t, 10> digits;
  std::size_t n = 0;
  for (; v >= 0x80; v >>= 7) digits[n++] = static_cast<std::uint8_t>(v | 0x80);
  digits[n++] = static_cast<std::uint8_t>(v);
  return bytes(View(digits).first(n));
}

Writer& Writer::big_endian(std::uint64_t v, std::size_t n) {
  std::array<std::uint8_t, 8> digits;
  for (std::size_t i = 0; i < n; ++i) digits[i] = static_cast<std::uint8_t>(v >> (8 * (n - 1 - i)));
  return bytes(View(digits).first(n));
}

std::size_t leb128_size(std::uint64_t v) {
  std::size_t n = 1;
  for (; v >= 0x80; v >>= 7) ++n;
  return n;
}

}  // namespace gossip
