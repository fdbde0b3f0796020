#include "sys/log.h"

#include <unistd.h>

#include <utility>

namespace gossip::sys {
namespace {

struct State {
  std::string prefix = "gossip: ";
  Level most = Level::kInfo;
  std::string (*clean)(std::string_view) = nullptr;
};

State& state() {
  static State the;
  return the;
}

std::string plain(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

const char* mark(Level level) {
  switch (level) {
    case Level::kFatal: return "fatal: ";
    case Level::kHint: return "hint: ";
    case Level::kError: return "error: ";
    case Level::kWarn: return "warning: ";
    case Level::kDebug: return "debug: ";
    case Level::kInfo: break;
  }
  return "";
}

}  // namespace

void log_start(std::string prefix, Level most, std::string (*clean)(std::string_view)) {
  state() = {std::move(prefix), most, clean};
}

bool log_shows(Level level) { return level <= state().most; }

void log(Level level, std::string_view text) {
  if (!log_shows(level)) return;
  std::string line = state().prefix + mark(level);
  line += state().clean ? state().clean(text) : plain(text);
  line += '\n';
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;  // nobody listens: nothing better to do
}

bool RateLimit::pass(std::int64_t now_us) {
  if (any_ && now_us - last_ < interval_) return false;
  any_ = true;
  last_ = now_us;
  return true;
}

}  // namespace gossip::sys
