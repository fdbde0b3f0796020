// A simple classifier: given what was measured of traces of two kinds, can a stranger say of which kind a further one is?
//   nearest  half of each kind are shown with their kind, the others are each taken for what their nearest neighbour is
//   ranks    for every feature on its own, Mann-Whitney's U as a number of standard deviations
// Where the kinds do not differ, `nearest` is right half of the time: outside() says by how many standard deviations it is not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "support/test_rng.h"

namespace gossip::test {

using Features = std::vector<double>;
using Kind = std::vector<Features>;  // traces of one kind; all have the same number of features

struct Score {
  std::size_t right = 0, all = 0;
  double worst_rank = 0;  // |z| of the feature that differs most
  double part() const { return static_cast<double>(right) / static_cast<double>(all); }
  double outside() const { return (static_cast<double>(right) - static_cast<double>(all) / 2) / (std::sqrt(static_cast<double>(all)) / 2); }
};

// z of Mann-Whitney's U with the correction for ties; 0 where all are equal.
inline double rank_test(const std::vector<double>& a, const std::vector<double>& b) {
  std::map<double, std::pair<double, double>> count;
  for (double v : a) ++count[v].first;
  for (double v : b) ++count[v].second;
  const double n = static_cast<double>(a.size()), m = static_cast<double>(b.size()), all = n + m;
  double below = 0, u = 0, ties = 0;
  for (const auto& [value, c] : count) {
    u += c.first * (below + c.second / 2);
    below += c.second;
    const double t = c.first + c.second;
    ties += t * t * t - t;
  }
  const double variance = n * m / 12 * (all + 1 - ties / (all * (all - 1)));
  return variance <= 0 ? 0 : (u - n * m / 2) / std::sqrt(variance);
}

inline std::vector<double> column(const Kind& kind, std::size_t i) {
  std::vector<double> out;
  for (const Features& one : kind) out.push_back(one[i]);
  return out;
}

// Each feature is measured in its own standard deviations; one that never varies counts nothing.
inline void standardize(Kind& a, Kind& b) {
  for (std::size_t i = 0; i < a.front().size(); ++i) {
    double sum = 0, squares = 0, n = 0;
    for (const Kind* kind : {&a, &b})
      for (const Features& one : *kind) sum += one[i], squares += one[i] * one[i], ++n;
    const double mean = sum / n, deviation = std::sqrt(std::max(0.0, squares / n - mean * mean));
    for (Kind* kind : {&a, &b})
      for (Features& one : *kind) one[i] = deviation < 1e-9 * (1 + std::abs(mean)) ? 0 : (one[i] - mean) / deviation;
  }
}

inline double distance(const Features& a, const Features& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// Neighbours equally near: one of them, by lot.
inline Score classify(Kind a, Kind b, std::uint64_t seed = 1) {
  TestRng rng(seed);
  Score score;
  for (std::size_t i = 0; i < a.front().size(); ++i)
    score.worst_rank = std::max(score.worst_rank, std::abs(rank_test(column(a, i), column(b, i))));
  standardize(a, b);
  const Kind* kinds[] = {&a, &b};
  auto nearest = [&](const Features& one) {
    double best = -1;
    std::size_t kind = 0, equal = 0;
    for (std::size_t k = 0; k < 2; ++k) {
      for (std::size_t i = 0; i < kinds[k]->size() / 2; ++i) {
        const double d = distance(one, (*kinds[k])[i]);
        if (best >= 0 && d > best) continue;
        equal = d == best ? equal + 1 : 1;
        if (rng.below(equal) == 0) kind = k;
        best = d;
      }
    }
    return kind;
  };
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t i = kinds[k]->size() / 2; i < kinds[k]->size(); ++i) ++score.all, score.right += nearest((*kinds[k])[i]) == k;
  return score;
}

inline std::string words(const Score& score) {
  return std::to_string(score.right) + " of " + std::to_string(score.all) + " right, " + std::to_string(score.outside()) +
         " deviations from chance; worst single feature |z| = " + std::to_string(score.worst_rank);
}

}  // namespace gossip::test
