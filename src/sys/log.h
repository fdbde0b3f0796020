// The log: one line a call, on stderr, in one write, so that the lines of two processes do not mix. OpenBSD's daemons are the model.
// Levels by who can cause the line: what a stranger can cause is debug, or goes through a RateLimit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gossip::sys {

enum class Level { kFatal, kHint, kError, kWarn, kInfo, kDebug };  // a hint says what to do about the line before

// `prefix` opens every line; `clean` makes any text safe for a terminal (without it, bytes outside printable ASCII become '?').
void log_start(std::string prefix, Level most, std::string (*clean)(std::string_view) = nullptr);
bool log_shows(Level level);
void log(Level level, std::string_view text);

inline void fatal(std::string_view text) { log(Level::kFatal, text); }
inline void error(std::string_view text) { log(Level::kError, text); }
inline void warn(std::string_view text) { log(Level::kWarn, text); }
inline void info(std::string_view text) { log(Level::kInfo, text); }
inline void debug(std::string_view text) { log(Level::kDebug, text); }

// At most one in `interval` microseconds.
class RateLimit {
 public:
  explicit RateLimit(std::int64_t interval_us) : interval_(interval_us) {}
  bool pass(std::int64_t now_us);  // true: say it

 private:
  std::int64_t interval_;
  std::int64_t last_ = 0;
  bool any_ = false;
};

}  // namespace gossip::sys
