#include "gossipc/progress.h"

#include <unistd.h>

#include <cstdio>

#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr std::int64_t kPatience = 1'000'000, kEvery = 200'000;  // microseconds

}  // namespace

ProgressLine::ProgressLine(bool quiet) : wanted_(!quiet && ::isatty(2) == 1), start_(sys::mono_us()) {}

ProgressLine::~ProgressLine() {
  if (shown_ > 0) std::fputs("\r\033[K", stderr);
}

void ProgressLine::show(std::int64_t done, std::int64_t all) {
  for (int signal : signals_.take()) throw Interrupted{signal};
  const std::int64_t now = sys::mono_us();
  if (!wanted_ || all <= 0 || now - start_ < kPatience || now - shown_ < kEvery) return;
  shown_ = now;
  std::fprintf(stderr, "\r%lld %%", static_cast<long long>(done * 100 / all));
  std::fflush(stderr);
}

}  // namespace gossip::client
