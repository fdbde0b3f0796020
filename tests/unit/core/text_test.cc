#include "gossip/text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace gossip {
namespace {

std::string utf8(char32_t c) {
  std::string out;
  auto put = [&](std::uint32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) return put(c), out;
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F)), out;
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F)), out;
  return put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F)), out;
}

// The scalar values, from the definition: everything but surrogates.
bool scalar(char32_t c) { return c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF); }

TEST(Utf8, TakesEveryScalarValueAndRefusesEverySurrogate) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const std::string text = "ab" + utf8(c) + "z";
    if (scalar(c)) {
      EXPECT_EQ(utf8_fault(text), std::nullopt) << std::hex << static_cast<unsigned>(c);
    } else {
      EXPECT_EQ(utf8_fault(text), 2u) << std::hex << static_cast<unsigned>(c);
    }
  }
}

TEST(Utf8, NamesTheFirstBadByte) {
  const std::vector<std::pair<std::string, std::size_t>> bad = {
      {"\x80", 0},              // a continuation alone
      {"a\xC0\xAF", 1},         // overlong '/'
      {"\xC1\xBF", 0},          // overlong
      {"\xE0\x80\xAF", 0},      // overlong, 3 bytes
      {"\xE0\x9F\xBF", 0},      // overlong, the last one
      {"\xF0\x80\x80\xAF", 0},  // overlong, 4 bytes
      {"\xF0\x8F\xBF\xBF", 0},  // overlong, the last one
      {"x\xED\xA0\x80", 1},     // a surrogate
      {"\xF4\x90\x80\x80", 0},  // U+110000
      {"\xF5\x80\x80\x80", 0},
      {"\xFF", 0},
      {"\xFE", 0},
      {"abc\xC3", 3},  // cut short
      {"abc\xE2\x82", 3},
      {"abc\xF0\x9F\x98", 3},
      {"\xC3\xA9\xC3(", 2},  // no continuation where one belongs
      {"\xE2\x82(", 0},
      {"\xF0\x9F\x98(", 0},
  };
  for (const auto& [text, at] : bad) EXPECT_EQ(utf8_fault(text), at) << shown(text);
  EXPECT_EQ(utf8_fault(""), std::nullopt);
  EXPECT_EQ(utf8_fault(std::string_view("a\0b", 3)), std::nullopt);
}

TEST(PeerName, RuleOfTheManual) {
  for (const char* good : {"a", "alice", "Alice_2", "a.b-c", "_x", "0", "selfish", "Self"})
    EXPECT_TRUE(valid_peer_name(good)) << good;
  EXPECT_TRUE(valid_peer_name(std::string(64, 'x')));
  EXPECT_FALSE(valid_peer_name(std::string(65, 'x')));
  for (const char* bad : {"", "self", "-a", ".", "..", ".a", "a b", "a/b", "a|b", "a~1", "\xC3\xA9", "a\n", "a:b"}) {
    EXPECT_FALSE(valid_peer_name(bad)) << bad;
  }
  EXPECT_FALSE(valid_peer_name(std::string_view("a\0b", 3)));
}

// F30: escape sequences in a friend's text drove the reader's terminal.
bool must_not_be_printed(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
         c == 0x200F || c == 0x061C || (c >= 0x200B && c <= 0x200D) || c == 0x2060 || c == 0xFEFF || c == 0x2028 || c == 0x2029 ||
         (c >= 0xE0000 && c <= 0xE007F);
}

TEST(Sanitizer, F30NothingThatDrivesATerminalIsPrinted) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (!scalar(c) || !must_not_be_printed(c)) continue;
    for (Show how : {Show::kLine, Show::kSender, Show::kWords, Show::kJson}) {
      const std::string out = shown("a" + utf8(c) + "b", how);
      EXPECT_EQ(out.find(utf8(c)), std::string::npos) << std::hex << static_cast<unsigned>(c);
      for (char byte : out) EXPECT_TRUE(byte >= 0x20 && byte < 0x7F) << std::hex << static_cast<unsigned>(c);
      EXPECT_EQ(out.substr(0, 2), "a\\");
      EXPECT_EQ(out.back(), 'b');
    }
  }
}

TEST(Sanitizer, F30EscapesAreSpelledAsTheManualSays) {
  EXPECT_EQ(shown("\x1b[2J", Show::kLine), "\\x1b[2J");
  EXPECT_EQ(shown("a\nb\r\tc", Show::kLine), "a\\x0ab\\x0d\\x09c");
  EXPECT_EQ(shown("\x7f", Show::kLine), "\\x7f");
  EXPECT_EQ(shown("\xC2\x9B"
                  "2J",
                  Show::kLine),
            "\\u{009b}2J");  // CSI as one C1 character
  EXPECT_EQ(shown("\xE2\x80\xAE", Show::kLine), "\\u{202e}");
  EXPECT_EQ(shown("\xF3\xA0\x81\x81", Show::kLine), "\\u{e0041}");
  EXPECT_EQ(shown(std::string_view("\0", 1), Show::kLine), "\\x00");
  EXPECT_EQ(shown("C:\\x", Show::kLine), "C:\\\\x");
  EXPECT_EQ(shown("C:\\x", Show::kWords), "C:\\x");
  EXPECT_EQ(shown("a|b\\", Show::kSender), "a\\x7cb\\\\");
  EXPECT_EQ(shown("a|b", Show::kLine), "a|b");
}

TEST(Sanitizer, F30BytesThatAreNotUtf8AreShown) {
  EXPECT_EQ(shown("a\xFF\x9B"
                  "b",
                  Show::kLine),
            "a\\xff\\x9bb");
  EXPECT_EQ(shown("\xC3", Show::kSender), "\\xc3");
  EXPECT_EQ(shown("\xED\xA0\x80", Show::kWords), "\\xed\\xa0\\x80");
  EXPECT_EQ(shown("\"\xFF\"", Show::kJson), "\"\\ufffd\"");
  for (int seed = 0; seed < 2000; ++seed) {  // any bytes at all
    std::mt19937 random(seed);
    std::string noise(64, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    for (Show how : {Show::kLine, Show::kSender, Show::kWords, Show::kJson}) {
      const std::string out = shown(noise, how);
      EXPECT_EQ(utf8_fault(out), std::nullopt) << "seed " << seed;
      EXPECT_EQ(shown(out, Show::kWords), out) << "seed " << seed;  // nothing left to hide
    }
  }
}

TEST(Sanitizer, OrdinaryTextOfEveryPlaneStaysAsItIs) {
  const std::string text = "na\xC3\xAFve, \xE2\x82\xAC \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80 \xF4\x8F\xBF\xBD \"'<>&|";
  for (Show how : {Show::kLine, Show::kWords, Show::kJson}) EXPECT_EQ(shown(text, how), text);
  std::string out = "kept: ";
  append_shown(out, text, Show::kLine);
  EXPECT_EQ(out, "kept: " + text);
}

// Reads \uNNNN of a JSON string back; all other bytes as they are. Enough to compare meanings: the sanitizer adds nothing else.
std::string unescape_json_units(const std::string& json) {
  std::string out;
  char32_t high = 0;
  for (std::size_t i = 0; i < json.size();) {
    if (json[i] == '\\' && json[i + 1] == 'u') {
      const char32_t unit = static_cast<char32_t>(std::stoul(json.substr(i + 2, 4), nullptr, 16));
      i += 6;
      if (unit >= 0xD800 && unit < 0xDC00) {
        high = unit;
      } else if (unit >= 0xDC00 && unit < 0xE000) {
        out += utf8(0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
      } else {
        out += utf8(unit);
      }
    } else if (json[i] == '\\') {
      out += json.substr(i, 2);
      i += 2;
    } else {
      out += json[i++];
    }
  }
  return out;
}

TEST(Sanitizer, JsonKeepsItsMeaningForEveryScalarValue) {
  for (char32_t c = 0x20; c <= 0x10FFFF; ++c) {
    if (!scalar(c)) continue;
    const std::string json = "{\"text\":\"\\\\" + utf8(c) + "\\n\\\"\"}";
    if (c == '\\' || c == '"') continue;  // would be escaped by the encoder already
    EXPECT_EQ(unescape_json_units(shown(json, Show::kJson)), json) << std::hex << static_cast<unsigned>(c);
  }
  EXPECT_EQ(shown("\"\x7f\xE2\x80\xAE\xF3\xA0\x81\x81\"", Show::kJson), "\"\\u007f\\u202e\\udb40\\udc41\"");
}

}  // namespace
}  // namespace gossip
