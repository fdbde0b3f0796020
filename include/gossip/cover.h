// Cover traffic (gossip(7), COVER): when cells and calls that mean nothing are sent, and what such a call is made of. Times are
// exponentially distributed, so that none of them says anything about the next, and made of whole numbers alone.
#pragma once

#include <optional>
#include <vector>

#include "gossip/pair.h"
#include "gossip/time.h"

namespace gossip {

constexpr Micros kPadMean = 20 * kSecond;          // between two PAD cells of one direction of one session
constexpr Micros kChallengeMean = 20 * kMinute;    // between two bogus challenges to one friend
constexpr std::size_t kChallengesAtOnce = 4;       // under way; more are left out

// The time until the next event of a Poisson process, exact to 2^-32 of the mean. REQUIRES 0 < mean < 2^31
Micros exponential(Rng& rng, Micros mean);

// Who is sent a bogus challenge, and when: a Poisson process of its own for every friend.
class Challenges {
 public:
  explicit Challenges(Rng& rng) : rng_(rng) {}
  void set_friends(Now now, std::vector<PeerId> friends);  // those who can be dialled
  std::optional<PeerId> due(Now now);                      // one at most; what was missed is not made up for
  std::optional<Micros> next_deadline() const { return next_; }

 private:
  void draw(Now now);
  Rng& rng_;
  std::vector<PeerId> friends_;
  std::optional<Micros> next_;
};

// What to dial as, for a bogus challenge to this friend: somebody whom nobody knows, who costs what the friend costs and is
// answered as one whom the friend has removed. The keys are used on nothing that came from outside: no answer opens.
PairKeys nobody_like(Crypto& crypto, Rng& rng, const PairKeys& pair);

}  // namespace gossip
