#include "gossip/text.h"

#include <cstdint>

namespace gossip {
namespace {

struct Decoded {
  char32_t point = 0;
  std::size_t length = 0;  // 0: the first byte is not the start of strict UTF-8
};

std::uint8_t byte_at(std::string_view text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }

// RFC 3629 4, as a range for the second byte: that alone shuts out overlong forms, surrogates and what lies above U+10FFFF.
Decoded decode(std::string_view text, std::size_t at) {
  const std::uint8_t lead = byte_at(text, at);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() - at < length) return {};
  const std::uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const std::uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t point = lead & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint8_t b = byte_at(text, at + i);
    if (b < (i == 1 ? low : 0x80) || b > (i == 1 ? high : 0xBF)) return {};
    point = (point << 6) | (b & 0x3F);
  }
  return {point, length};
}

struct Range {
  char32_t first, last;
};

// What drives a terminal, reorders what is read, or is there and cannot be seen. Ascending.
constexpr Range kHidden[] = {
    {0x0000, 0x001F},    // C0: ESC, line breaks
    {0x007F, 0x009F},    // DEL and C1: CSI, OSC, NEL
    {0x00AD, 0x00AD},    // soft hyphen
    {0x034F, 0x034F},    // combining grapheme joiner
    {0x061C, 0x061C},    // Arabic letter mark
    {0x115F, 0x1160},    // Hangul fillers
    {0x17B4, 0x17B5},    // Khmer inherent vowels
    {0x180B, 0x180F},    // Mongolian selectors and vowel separator
    {0x200B, 0x200F},    // zero-width space and joiners, LRM, RLM
    {0x2028, 0x202E},    // line and paragraph separators, embeddings and overrides
    {0x2060, 0x206F},    // word joiner, invisible operators, isolates, deprecated format characters
    {0x2800, 0x2800},    // blank Braille pattern
    {0x3164, 0x3164},    // Hangul filler
    {0xFE00, 0xFE0D},    // variation selectors; the two for emoji stay
    {0xFEFF, 0xFEFF},    // zero-width no-break space, byte order mark
    {0xFFA0, 0xFFA0},    // half-width Hangul filler
    {0xFFF0, 0xFFFB},    // unassigned and invisible, interlinear annotation
    {0x1BCA0, 0x1BCA3},  // shorthand format controls
    {0x1D173, 0x1D17A},  // musical format controls
    {0xE0000, 0xE0FFF},  // tags and further selectors
};

bool hidden(char32_t point) {
  for (const Range& range : kHidden) {
    if (point <= range.last) return point >= range.first;
  }
  return false;
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 0xF];
}

// \xNN is always one byte: a control of one byte, or a byte that is not UTF-8. All else is \u{NNNN}.
void append_escape(std::string& out, char32_t point) {
  if (point < 0x80) {
    out += "\\x";
    append_hex(out, point, 2);
    return;
  }
  out += "\\u{";
  append_hex(out, point, point > 0xFFFF ? 5 : 4);  // nothing hidden lies above U+FFFFF
  out += '}';
}

void append_json_unit(std::string& out, std::uint32_t unit) {
  out += "\\u";
  append_hex(out, unit, 4);
}

void append_json_escape(std::string& out, char32_t point) {
  if (point <= 0xFFFF) return append_json_unit(out, point);
  append_json_unit(out, 0xD800 + ((point - 0x10000) >> 10));
  append_json_unit(out, 0xDC00 + ((point - 0x10000) & 0x3FF));
}

void append_bad_byte(std::string& out, std::uint8_t byte, Show how) {
  if (how == Show::kJson) return append_json_unit(out, 0xFFFD);  // \xNN would not be JSON
  out += "\\x";
  append_hex(out, byte, 2);
}

}  // namespace

std::optional<std::size_t> utf8_fault(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (byte_at(text, at) < 0x80) {  // most of most texts
      ++at;
      continue;
    }
    const Decoded got = decode(text, at);
    if (got.length == 0) return at;
    at += got.length;
  }
  return std::nullopt;
}

bool valid_peer_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name == "self" || name[0] == '-' || name[0] == '.') return false;
  for (char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '.' && c != '-') return false;
  }
  return true;
}

void append_shown(std::string& out, std::string_view text, Show how) {
  for (std::size_t at = 0; at < text.size();) {
    const Decoded got = decode(text, at);
    if (got.length == 0) {
      append_bad_byte(out, byte_at(text, at), how);
      ++at;
      continue;
    }
    if (hidden(got.point)) {
      how == Show::kJson ? append_json_escape(out, got.point) : append_escape(out, got.point);
    } else if (got.point == '\\' && (how == Show::kLine || how == Show::kSender)) {
      out += "\\\\";
    } else if (got.point == '|' && how == Show::kSender) {
      out += "\\x7c";
    } else {
      out += text.substr(at, got.length);
    }
    at += got.length;
  }
}

std::string shown(std::string_view text, Show how) {
  std::string out;
  out.reserve(text.size() + 8);
  append_shown(out, text, how);
  return out;
}

}  // namespace gossip
