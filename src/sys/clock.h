// The two clocks. Monotonic time decides; wall time is only shown and stamped.
#pragma once

#include <cstdint>

namespace gossip::sys {

std::int64_t mono_us();  // microseconds since an arbitrary start
std::int64_t wall_ms();  // milliseconds since 1970

}  // namespace gossip::sys
