// When cover traffic is sent: times whose mean and shape are right, and that remember nothing.
#include "gossip/cover.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "support/test_rng.h"

namespace gossip::test {
namespace {

// Kolmogorov and Smirnov's distance from the exponential distribution, times the root of n: above 1.95 once in 1000.
double ks_of(std::vector<Micros> times, Micros mean) {
  std::sort(times.begin(), times.end());
  const double n = static_cast<double>(times.size());
  double worst = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double is = 1 - std::exp(-static_cast<double>(times[i]) / static_cast<double>(mean));
    worst = std::max({worst, std::abs(is - static_cast<double>(i) / n), std::abs(is - static_cast<double>(i + 1) / n)});
  }
  return worst * std::sqrt(n);
}

TEST(Cover, TimesAreExponential) {
  TestRng rng(20261121);
  for (const Micros mean : {kPadMean, kChallengeMean, Micros{1000}, (Micros{1} << 31) - 1}) {
    constexpr int kDraws = 200'000;
    std::vector<Micros> times;
    double sum = 0;
    for (int i = 0; i < kDraws; ++i) {
      times.push_back(exponential(rng, mean));
      ASSERT_GE(times.back(), 0);
      sum += static_cast<double>(times.back());
    }
    EXPECT_NEAR((sum / kDraws + 0.5) / static_cast<double>(mean), 1, 4 / std::sqrt(double{kDraws})) << mean;
    EXPECT_LT(ks_of(times, mean), mean > 1000 ? 1.95 : 1.95 + 0.5) << mean;  // of a short mean the rounding shows
    for (double k : {0.1, 0.5, 1.0, 2.0, 5.0}) {  // more than k means
      const double p = std::exp(-k), limit = k * static_cast<double>(mean);
      const auto longer = std::count_if(times.begin(), times.end(), [&](Micros t) { return static_cast<double>(t) + 0.5 > limit; });
      EXPECT_NEAR(static_cast<double>(longer), p * kDraws, 4 * std::sqrt(p * (1 - p) * kDraws)) << mean << " " << k;
    }
    for (std::size_t lag : {1u, 2u}) {  // one says nothing of the next
      double both = 0;
      for (std::size_t i = 0; i + lag < times.size(); ++i) both += (times[i] > mean) == (times[i + lag] > mean) ? 1 : 0;
      const double p = std::exp(-1.0), same = p * p + (1 - p) * (1 - p);
      EXPECT_NEAR(both, same * kDraws, 4 * std::sqrt(same * (1 - same) * kDraws)) << mean << " " << lag;
    }
  }
}

TEST(Cover, EveryFriendIsChallengedThreeTimesAnHourOnTheAverage) {
  TestRng rng(7);
  Challenges challenges(rng);
  EXPECT_FALSE(challenges.next_deadline());
  EXPECT_FALSE(challenges.due(Now{kHour, 0}));
  challenges.set_friends(Now{0, 0}, {3, 5, 8, 13});
  std::map<PeerId, std::vector<Micros>> at;
  const Micros end = 4000 * kHour;
  while (*challenges.next_deadline() < end) {
    const Now now{*challenges.next_deadline(), 0};
    EXPECT_FALSE(challenges.due(Now{now.mono - 1, 0}));
    const auto peer = challenges.due(now);
    ASSERT_TRUE(peer);
    at[*peer].push_back(now.mono);
    ASSERT_GT(*challenges.next_deadline(), now.mono - 1);
  }
  ASSERT_EQ(at.size(), 4u);
  for (const auto& [peer, times] : at) {
    EXPECT_NEAR(static_cast<double>(times.size()), 12'000, 4 * std::sqrt(12'000.0)) << peer;
    std::vector<Micros> gaps;
    for (std::size_t i = 1; i < times.size(); ++i) gaps.push_back(times[i] - times[i - 1]);
    EXPECT_LT(ks_of(gaps, kChallengeMean), 1.95) << peer;
  }
  challenges.set_friends(Now{end, 0}, {});
  EXPECT_FALSE(challenges.next_deadline());
}

// Friends who come and go, or a database that changes all the time, neither hurry nor hold up the others' challenges.
TEST(Cover, AChangeOfFriendsChangesNoTimes) {
  TestRng rng(11);
  Challenges challenges(rng);
  std::size_t count = 0;
  for (Micros now = 0; now < 4000 * kHour; now += kMinute) {
    challenges.set_friends(Now{now, 0}, {1});
    if (*challenges.next_deadline() < now + kMinute) count += challenges.due(Now{*challenges.next_deadline(), 0}) == PeerId{1};
  }
  // at most one a minute is looked at here: 1 - exp(-1/20) of the minutes have one
  const double p = 1 - std::exp(-1.0 / 20), n = 4000 * 60;
  EXPECT_NEAR(static_cast<double>(count), p * n, 4 * std::sqrt(p * (1 - p) * n));
}

TEST(Cover, ALongSleepIsNotMadeUpFor) {
  TestRng rng(13);
  Challenges challenges(rng);
  challenges.set_friends(Now{0, 0}, {1, 2});
  const Now now{1000 * kHour, 0};
  EXPECT_TRUE(challenges.due(now));
  EXPECT_FALSE(challenges.due(now));
}

}  // namespace
}  // namespace gossip::test
