#include "gossipd/ledger.h"

#include <limits>

#include "db/heard.h"

namespace gossip::daemon {
namespace {

constexpr Micros kBetween = 50 * kMillisecond;  // batches, so that others get the disk and the loop

}  // namespace

void Ledger::run(Now now) {
  if (now.mono < at_) return;
  at_ = now.mono + kHour;
  const std::int64_t before = days_ == 0 ? std::numeric_limits<std::int64_t>::max() : now.wall_ms - days_ * kDayMs;
  const bool fine = db::done([&] {
    if (db::trim_heard(db_, before)) at_ = now.mono + kBetween;
  });
  if (!fine) at_ = now.mono + kMinute;
}

}  // namespace gossip::daemon
