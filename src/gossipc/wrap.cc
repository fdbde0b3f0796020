#include "gossipc/wrap.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <span>

namespace gossip::client {
namespace {

struct Range {
  char32_t first, last;
};

// Two columns, by Unicode's East Asian Width or because a terminal may show them as emoji. Ascending, and no narrower than need be:
// what is counted too wide only wraps earlier.
constexpr Range kWide[] = {
    {0x1100, 0x115F}, {0x2300, 0x23FF}, {0x25A0, 0x27BF}, {0x2B00, 0x2BFF}, {0x2E80, 0xA4CF}, {0xA960, 0xA97F},
    {0xAC00, 0xD7A3}, {0xF900, 0xFAFF}, {0xFE10, 0xFE19}, {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6},
    {0x16FE0, 0x18D08}, {0x1AFF0, 0x1B2FB}, {0x1F000, 0x1FAFF}, {0x20000, 0x3FFFF},
};
// None: marks that stand on the character before, those of the common blocks of marks.
constexpr Range kNone[] = {{0x0300, 0x036F}, {0x1AB0, 0x1ACE}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20F0}, {0xFE20, 0xFE2F}};

bool among(std::span<const Range> ranges, char32_t point) {
  const auto at = std::find_if(ranges.begin(), ranges.end(), [&](const Range& range) { return point <= range.last; });
  return at != ranges.end() && point >= at->first;
}

struct Glyph {
  std::size_t bytes = 1, columns = 1;
};

Glyph glyph_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<std::uint8_t>(text[at]);
  if (lead < 0xC0) return {};
  const std::size_t bytes = std::min<std::size_t>(lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4, text.size() - at);
  char32_t point = lead & (0x7F >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) point = (point << 6) | (static_cast<std::uint8_t>(text[at + i]) & 0x3F);
  return {bytes, among(kNone, point) ? std::size_t{0} : among(kWide, point) ? std::size_t{2} : std::size_t{1}};
}

}  // namespace

std::size_t columns(std::string_view text) {
  std::size_t out = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Glyph glyph = glyph_at(text, at);
    out += glyph.columns;
    at += glyph.bytes;
  }
  return out;
}

std::size_t fitting(std::string_view text, std::size_t room) {
  std::size_t at = 0, used = 0, space = 0;
  while (at < text.size()) {
    const Glyph glyph = glyph_at(text, at);
    if (at > 0 && used + glyph.columns > room) return text[at] == ' ' ? at + 1 : space > 0 ? space : at;
    used += glyph.columns;
    at += glyph.bytes;
    if (text[at - 1] == ' ') space = at;
  }
  return at;
}

std::string folded(std::string_view words, std::size_t indent, std::size_t width) {
  std::string out;
  const std::size_t first = std::min(words.find_first_not_of(' '), words.size());
  std::size_t begin = 0, room = width;
  while (words.size() - begin > room) {
    std::size_t end = words.rfind(' ', begin + room);
    if (end == words.npos || end <= std::max(begin, first)) end = words.find(' ', begin + room);
    if (end == words.npos) break;
    out.append(words.substr(begin, end - begin)) += "\n" + std::string(indent, ' ');
    begin = end + 1;
    room = width - indent;
  }
  return out.append(words.substr(begin));
}

std::string help_folded(std::string_view text, std::size_t width) {
  constexpr std::size_t kBroken = 100;  // bytes, from which on a line of prose goes on in the next
  std::string out, prose;
  const auto end_prose = [&] {
    if (!prose.empty()) (out += folded(prose, 0, width)) += '\n';
    prose.clear();
  };
  for (std::size_t at = 0, end; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.empty() || line.front() == ' ') {
      end_prose();
      const std::size_t gap = line.find("  ", line.find_first_not_of(' ')), column = line.find_first_not_of(' ', gap);
      (out += folded(line, column < width / 2 ? column : 4, width)) += '\n';
      continue;
    }
    (prose += prose.empty() ? "" : " ") += line;
    if (line.size() < kBroken) end_prose();
  }
  end_prose();
  return out;
}

// Where it is no terminal, as wide as it was written.
static std::size_t room_at(int fd) { return ::isatty(fd) == 1 ? std::max<std::size_t>(terminal_width(fd), 40) - 1 : 0; }

std::string folded_for(int fd, std::string_view words, std::size_t indent) {
  const std::size_t width = room_at(fd);
  return width > 0 ? folded(words, indent, width) : std::string(words);
}

std::string help_for(int fd, std::string_view text) {
  const std::size_t width = room_at(fd);
  return width > 0 ? help_folded(text, width) : std::string(text);
}

std::size_t terminal_width(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace gossip::client
