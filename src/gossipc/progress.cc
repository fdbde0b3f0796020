#include "gossipc/progress.h"

#include <unistd.h>

#include <cstdio>

#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr std::int64_t kPatience = 1'000'000, kEvery = 200'000;  // microseconds

}  // namespace

Ticker::Ticker(bool quiet) : wanted_(!quiet && ::isatty(2) == 1), start_(sys::mono_us()) {}

Ticker::~Ticker() { clear(); }

void Ticker::show(const std::function<std::string()>& words) {
  if (!wanted_) return;
  const std::int64_t now = sys::mono_us();
  if (now - start_ < kPatience || now - shown_ < kEvery) return;
  shown_ = now;
  std::fprintf(stderr, "\r%s\033[K", words().c_str());
  std::fflush(stderr);
}

void Ticker::clear() {
  if (shown_ > 0) std::fputs("\r\033[K", stderr);
  shown_ = 0;
}

std::int64_t Ticker::seconds() const { return (sys::mono_us() - start_) / 1'000'000; }

std::string percent(std::int64_t done, std::int64_t all) { return std::to_string(all > 0 ? done * 100 / all : 100) + " %"; }

void ProgressLine::show(std::int64_t done, std::int64_t all) {
  for (int signal : signals_.take()) throw Interrupted{signal};
  ticker_.show([&] { return all > 0 ? percent(done, all) : "reading ..."; });
}

}  // namespace gossip::client
