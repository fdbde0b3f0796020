#include "core/log_tail.h"

#include <algorithm>

namespace gossip {

constexpr std::size_t kRecent = 2 * kMaxBatch;

void LogTail::extend() {
  const Seq size = store_.size();
  Seq have = recent_.empty() ? 0 : recent_.back().seq;
  if (have >= size) return;
  if (size - have > kMaxBatch) {  // far behind: start over near the end
    recent_.clear();
    have = size - kMaxBatch;
  }
  if (recent_.size() > kRecent) recent_.erase(recent_.begin(), recent_.end() - kMaxBatch);
  const std::size_t old = recent_.size();
  recent_.resize(old + (size - have));
  recent_.resize(old + store_.rows(have, std::span(recent_).subspan(old)));
}

std::span<const LogRow> LogTail::after(Seq after) {
  extend();
  if (!recent_.empty() && after + 1 >= recent_.front().seq) {
    const std::size_t skip = std::min<std::size_t>(after + 1 - recent_.front().seq, recent_.size());
    const auto rest = std::span<const LogRow>(recent_).subspan(skip);
    return rest.first(std::min(rest.size(), kMaxBatch));
  }
  page_.resize(kMaxBatch);
  page_.resize(store_.rows(after, page_));
  return page_;
}

}  // namespace gossip
