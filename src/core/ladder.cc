#include "core/ladder.h"

#include <algorithm>

#include "gossip/limits.h"

namespace gossip {

// How little is lost with the rung at `i`: its distance from the top, in 16ths of the gap it leaves. The distance may be any number
// of 64 bits, the gap is at least two steps.
static std::uint64_t spare(const Ladder& ladder, std::size_t i) {
  const Seq below = i == 0 ? 0 : ladder[i - 1].upto, gap = ladder[i + 1].upto - below;
  return (ladder.back().upto - below) / (gap / 16);
}

void climb(Ladder& ladder, const Rung& rung) {
  if (rung.upto - (ladder.empty() ? 0 : ladder.back().upto) < kRungStep) return;
  ladder.push_back(rung);
  if (ladder.size() <= kMaxRungs) return;
  std::size_t least = 0;
  for (std::size_t i = 1; i + 1 < ladder.size(); ++i)
    if (spare(ladder, i) > spare(ladder, least)) least = i;
  ladder.erase(ladder.begin() + static_cast<std::ptrdiff_t>(least));
}

Rung descend(Ladder& ladder, Seq seq) {
  while (!ladder.empty() && ladder.back().upto > seq) ladder.pop_back();
  return ladder.empty() ? Rung{} : ladder.back();
}

}  // namespace gossip
