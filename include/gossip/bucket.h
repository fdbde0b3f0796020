// A token bucket counted in time, so that it needs no fractions. Full at the start.
#pragma once

#include <algorithm>

#include "gossip/time.h"

namespace gossip {

class TokenBucket {
 public:
  // One token per `period`, at most `burst` of them saved.
  TokenBucket(Micros period, std::int64_t burst) : period_(period), most_(period * burst), level_(most_) {}
  bool take(Micros now) {
    level_ = level_at(now);
    last_ = now;
    if (level_ < period_) return false;
    level_ -= period_;
    return true;
  }
  Micros next(Micros now) const { return now + std::max<Micros>(0, period_ - level_at(now)); }  // when take() will do

 private:
  Micros level_at(Micros now) const { return std::min(most_, level_ + std::max<Micros>(0, now - last_)); }
  Micros period_, most_, level_;
  Micros last_ = 0;
};

}  // namespace gossip
