#include "gossipc/when.h"

#include <chrono>
#include <cstdio>
#include <optional>

#include "gossip/time.h"
#include "gossipc/words.h"

namespace gossip::client {
namespace {

using std::chrono::day;
using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::int64_t kSecondMs = 1000, kMinuteMs = 60 * kSecondMs, kHourMs = 60 * kMinuteMs;

bool digit(char c) { return c >= '0' && c <= '9'; }

// `text` against a pattern in which 'd' is any digit and all else stands for itself.
bool looks_like(std::string_view text, std::string_view pattern) {
  if (text.size() != pattern.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (pattern[i] == 'd' ? !digit(text[i]) : text[i] != pattern[i]) return false;
  }
  return true;
}

int number(std::string_view digits) {
  int value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  return value;
}

std::optional<std::int64_t> day_start(std::string_view date) {
  const year_month_day ymd{year(number(date.substr(0, 4))), month(static_cast<unsigned>(number(date.substr(5, 2)))),
                           day(static_cast<unsigned>(number(date.substr(8, 2))))};
  if (!ymd.ok()) return std::nullopt;
  return sys_days(ymd).time_since_epoch().count() * kDayMs;
}

std::optional<std::int64_t> moment(std::string_view text) {
  bool with_time = false;
  for (const char* pattern : {"dddd-dd-dd dd:dd:dd", "dddd-dd-dd dd:dd", "dddd-dd-ddTdd:dd:ddZ", "dddd-dd-ddTdd:dd:dd"}) {
    with_time = with_time || looks_like(text, pattern);
  }
  if (!with_time && !looks_like(text, "dddd-dd-dd")) return std::nullopt;
  const std::optional<std::int64_t> start = day_start(text);
  if (!start || !with_time) return start;
  const int h = number(text.substr(11, 2)), m = number(text.substr(14, 2)), s = text.size() < 19 ? 0 : number(text.substr(17, 2));
  if (h > 23 || m > 59 || s > 59) return std::nullopt;
  return *start + h * kHourMs + m * kMinuteMs + s * kSecondMs;
}

}  // namespace

std::optional<std::int64_t> parse_span(std::string_view text) {
  if (text.size() < 2 || text.size() > 8) return std::nullopt;
  for (char c : text.substr(0, text.size() - 1)) {
    if (!digit(c)) return std::nullopt;
  }
  const std::int64_t count = number(text.substr(0, text.size() - 1));
  switch (text.back()) {
    case 's': return count * kSecondMs;
    case 'm': return count * kMinuteMs;
    case 'h': return count * kHourMs;
    case 'd': return count * kDayMs;
    default: return std::nullopt;
  }
}

std::string format_utc(std::int64_t wall_ms) {
  const std::chrono::sys_time<milliseconds> when{milliseconds(wall_ms)};
  const sys_days date = std::chrono::floor<days>(when);
  const year_month_day ymd(date);
  const auto seconds = static_cast<int>((when - date).count() / kSecondMs);
  char out[48];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(ymd.year()),
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()), seconds / 3600, seconds / 60 % 60,
                seconds % 60);
  return out;
}

std::string span_words(std::int64_t ms) {
  if (ms < 2 * kMinuteMs) return std::to_string((ms + kSecondMs - 1) / kSecondMs) + " s";
  return ms < 2 * kHourMs ? std::to_string(ms / kMinuteMs) + " min" : std::to_string(ms / kHourMs) + " h";
}

Result<std::int64_t> parse_when(std::string_view text, std::int64_t now_ms, const char* option) {
  if (const auto span = parse_span(text)) return now_ms - *span;
  if (const auto at = moment(text)) return *at;
  return Refusal{std::string(option) + " does not understand " + quoted(text),
                 "give YYYY-MM-DD, \"YYYY-MM-DD HH:MM\" or \"YYYY-MM-DD HH:MM:SS\" (UTC), or how long ago: 90m, 2h, 7d"};
}

}  // namespace gossip::client
