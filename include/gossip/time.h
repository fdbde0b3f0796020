// Time as an argument: the core has no clock. Monotonic time decides; wall time is only stamped on messages and shown.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace gossip {

using Micros = std::int64_t;  // monotonic microseconds since an arbitrary start, or a span of them

constexpr Micros kMillisecond = 1000;
constexpr Micros kSecond = 1000 * kMillisecond;
constexpr Micros kMinute = 60 * kSecond;
constexpr Micros kHour = 60 * kMinute;

// The earlier of two deadlines, where nothing is never.
inline std::optional<Micros> earlier(std::optional<Micros> a, std::optional<Micros> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

struct Now {
  Micros mono = 0;
  std::int64_t wall_ms = 0;  // milliseconds since 1970, whatever the machine believes
};

}  // namespace gossip
