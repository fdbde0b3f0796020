// The sanitizer: whatever goes in, what comes out is one line of harmless UTF-8; harmless text stays as it was; JSON still
// parses to the very text. utf8_fault against a naive twin.
#include "gossip/check.h"
#include "gossip/text.h"
#include "support/fuzz_input.h"

using namespace gossip;

namespace {

// A JSON string as SQLite writes it: only what RFC 8259 makes it escape.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    char hex[] = "\\u00xx";
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<std::uint8_t>(c) < 0x20) {
      hex[4] = "0123456789abcdef"[c >> 4];
      hex[5] = "0123456789abcdef"[c & 15];
      out += hex;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::uint32_t hex4(std::string_view digits) {
  auto bytes = from_hex(digits);
  GOSSIP_CHECK(bytes && bytes->size() == 2);
  return static_cast<std::uint32_t>((*bytes)[0] << 8 | (*bytes)[1]);
}

std::string parse_json_string(std::string_view json) {
  GOSSIP_CHECK(json.size() >= 2 && json.front() == '"' && json.back() == '"');
  json = json.substr(1, json.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    GOSSIP_CHECK(json[i] != '"');
    if (json[i] != '\\') {
      out += json[i];
      continue;
    }
    GOSSIP_CHECK(++i < json.size());
    if (json[i] != 'u') {
      GOSSIP_CHECK(json[i] == '"' || json[i] == '\\');
      out += json[i];
      continue;
    }
    std::uint32_t point = hex4(json.substr(i + 1, 4));
    i += 4;
    if (point >= 0xd800 && point < 0xdc00) {  // the first half of a pair
      GOSSIP_CHECK(json.substr(i + 1, 2) == "\\u");
      point = 0x10000 + ((point - 0xd800) << 10) + (hex4(json.substr(i + 3, 4)) - 0xdc00);
      i += 6;
    }
    out += test::to_utf8(static_cast<char32_t>(point));
  }
  return out;
}

void harmless(const std::string& out) {
  auto points = test::naive_utf8(out);
  GOSSIP_CHECK(points.has_value());
  for (char32_t c : *points) GOSSIP_CHECK(!test::hostile(c));
}

void lines(std::string_view text) {
  for (Show how : {Show::kLine, Show::kSender, Show::kWords}) harmless(shown(text, how));
  GOSSIP_CHECK(shown(text, Show::kSender).find('|') == std::string::npos);
  // harmless text without a backslash is shown as it is
  auto points = test::naive_utf8(text);
  bool plain = points && text.find('\\') == std::string_view::npos;
  if (points)
    for (char32_t c : *points) plain = plain && !test::hostile(c);
  if (plain) GOSSIP_CHECK(shown(text, Show::kLine) == text || points->empty());
  // one by one: no escape depends on what stands before it in valid text
  if (!points) return;
  std::string singly;
  for (char32_t c : *points) singly += shown(test::to_utf8(c), Show::kLine);
  GOSSIP_CHECK(singly == shown(text, Show::kLine));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view raw = as_text({data, size});
  std::size_t where = 0;
  bool valid = test::naive_utf8(raw, &where).has_value();
  auto fault = utf8_fault(raw);
  GOSSIP_CHECK(fault.has_value() == !valid);
  if (fault) GOSSIP_CHECK(*fault == where);
  lines(raw);
  std::string text = test::as_utf8({data, size});
  lines(text);
  std::string json = shown(json_string(text), Show::kJson);
  harmless(json);
  GOSSIP_CHECK(parse_json_string(json) == text);
  if (valid_peer_name(raw)) {
    GOSSIP_CHECK(raw.size() <= 64 && !raw.empty() && raw != "self" && raw[0] != '.' && raw[0] != '-');
    constexpr std::string_view kOthers = "_.-0123456789";
    for (char c : raw) GOSSIP_CHECK(kOthers.find(c) != kOthers.npos || ((c | 32) >= 'a' && (c | 32) <= 'z'));
  }
  return 0;
}
