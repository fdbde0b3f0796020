// Time as an argument: the core has no clock. Monotonic time decides; wall time is only stamped on messages and shown.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace gossip {

using Micros = std::int64_t;  // monotonic microseconds since an arbitrary start, or a span of them

constexpr Micros kMillisecond = 1000;
constexpr Micros kSecond = 1000 * kMillisecond;
constexpr Micros kMinute = 60 * kSecond;
constexpr Micros kHour = 60 * kMinute;
constexpr std::int64_t kDayMs = 86'400'000;  // milliseconds, as the wall clock counts
constexpr Micros kNever = std::numeric_limits<Micros>::max();

// The earlier of two deadlines, where nothing is never.
inline std::optional<Micros> earlier(const std::optional<Micros>& a, const std::optional<Micros>& b) {
  const Micros least = std::min(a.value_or(kNever), b.value_or(kNever));
  if (least == kNever) return std::nullopt;
  return least;
}

struct Now {
  Micros mono = 0;
  std::int64_t wall_ms = 0;  // milliseconds since 1970, whatever the machine believes
};

}  // namespace gossip
