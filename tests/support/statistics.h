// The few statistics that the attack tests judge by: Welch's t, Kolmogorov-Smirnov, chi-square of bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "gossip/bytes.h"

namespace gossip::test {

using Samples = std::vector<double>;

constexpr double kTellsApart = 4.5;  // |t| from which two classes count as told apart

struct Moments {
  double n = 0, mean = 0, variance = 0;
};

inline Moments moments(const Samples& values) {
  Moments m;
  double squares = 0;
  for (double v : values) {
    const double off = v - m.mean;
    m.mean += off / ++m.n;
    squares += off * (v - m.mean);
  }
  if (m.n > 1) m.variance = squares / (m.n - 1);
  return m;
}

inline double quantile(Samples values, double share) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// Welch's t of the two means; 0 when there is nothing to compare.
inline double welch_t(const Samples& a, const Samples& b) {
  const Moments x = moments(a), y = moments(b);
  const double error = x.n > 1 && y.n > 1 ? std::sqrt(x.variance / x.n + y.variance / y.n) : 0;
  return error > 0 ? (x.mean - y.mean) / error : 0;
}

// The values up to the one limit below which `share` of both together lie: what the scheduler did to a sample is not its class's.
inline Samples cropped(const Samples& values, const Samples& a, const Samples& b, double share = 0.9) {
  Samples both = a, kept;
  both.insert(both.end(), b.begin(), b.end());
  const double limit = quantile(std::move(both), share);
  std::copy_if(values.begin(), values.end(), std::back_inserter(kept), [&](double v) { return v <= limit; });
  return kept;
}
inline double cropped_t(const Samples& a, const Samples& b) { return welch_t(cropped(a, a, b), cropped(b, a, b)); }

// The two-sample Kolmogorov-Smirnov test: how likely so large a distance is when both come from one distribution (asymptotic).
inline double ks_p(Samples a, Samples b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const double n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
  double distance = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double at = std::min(a[i], b[j]);
    while (i < a.size() && a[i] <= at) ++i;
    while (j < b.size() && b[j] <= at) ++j;
    distance = std::max(distance, std::abs(static_cast<double>(i) / n - static_cast<double>(j) / m));
  }
  const double root = std::sqrt(n * m / (n + m)), lambda = (root + 0.12 + 0.11 / root) * distance;
  if (lambda < 0.2) return 1;
  double p = 0;
  for (int k = 1; k <= 100; ++k) p += (k % 2 ? 2 : -2) * std::exp(-2.0 * k * k * lambda * lambda);
  return std::clamp(p, 0.0, 1.0);
}

// Counts bytes; chi_square() of 255 degrees is 255 +- 23 for random ones, below 345 in 99.99 % of all cases.
class ByteCounts {
 public:
  void add(View bytes) {
    for (std::uint8_t byte : bytes) ++seen_[byte], ++all_;
  }
  double chi_square() const {
    double chi = 0;
    for (std::uint64_t n : seen_) {
      const double expected = static_cast<double>(all_) / 256, off = static_cast<double>(n) - expected;
      chi += off * off / expected;
    }
    return chi;
  }

 private:
  std::array<std::uint64_t, 256> seen_{};
  std::uint64_t all_ = 0;
};

}  // namespace gossip::test
