#include "gossip/cover.h"

#include <utility>

#include "gossip/check.h"

namespace gossip {

// Rationale: comparisons of random numbers are all it takes (von Neumann, Various techniques used in connection with random
// digits, 1951). From numbers drawn one after the other, how long they go on falling decides: after an odd run the first is the
// fraction, after an even one a whole mean has passed, and it begins anew.
Micros exponential(Rng& rng, Micros mean) {
  GOSSIP_CHECK(mean > 0 && mean < Micros{1} << 31);
  for (Micros passed = 0;; passed += mean) {
    const std::uint64_t first = rng.u64();
    bool odd = true;
    for (std::uint64_t last = first, next; (next = rng.u64()) < last; last = next) odd = !odd;
    if (odd) return passed + static_cast<Micros>((first >> 32) * static_cast<std::uint64_t>(mean) >> 32);
  }
}

// Drawing anew is no change: a Poisson process does not remember how long it has waited.
void Challenges::set_friends(Now now, std::vector<PeerId> friends) {
  friends_ = std::move(friends);
  draw(now);
}

// All of them together are one process, so much the quicker, and each event is anybody's.
void Challenges::draw(Now now) {
  next_.reset();
  if (friends_.empty()) return;
  next_ = now.mono + exponential(rng_, std::max<Micros>(1, kChallengeMean / static_cast<Micros>(friends_.size())));
}

std::optional<PeerId> Challenges::due(Now now) {
  if (!next_ || now.mono < *next_) return std::nullopt;
  draw(now);
  return friends_[rng_.below(friends_.size())];
}

PairKeys nobody_like(Crypto& crypto, Rng& rng, const PairKeys& pair) {
  Secret32 psk;
  rng.fill(psk.mut());
  PairKeys nobody = pair;
  nobody.out = derive_statics(crypto, psk, pair.fp_ours, pair.fp_theirs);
  return nobody;
}

}  // namespace gossip
