#include "core/log_tail.h"

#include <algorithm>

namespace gossip {

constexpr std::size_t kRecent = 2 * kMaxBatch;

// Appends up to `count` rows. REQUIRES into to be empty or to end at `after`
void LogTail::read(Seq after, std::size_t count, std::vector<TailRow>& into) {
  rows_.resize(count);
  rows_.resize(store_.rows(after, rows_));
  Hash chain = into.empty() ? store_.chain(after) : into.back().chain;
  for (const LogRow& row : rows_) {
    chain = chain_next(crypto_, chain, row.id);
    into.push_back(TailRow{row, chain});
  }
  if (rows_.capacity() > kMaxBatch / 8) rows_ = std::vector<LogRow>();
}

void LogTail::extend() {
  const Seq size = store_.size();
  Seq have = recent_.empty() ? 0 : recent_.back().row.seq;
  if (have >= size) return;
  if (size - have > kMaxBatch) {  // far behind: start over near the end
    recent_.clear();
    have = size - kMaxBatch;
  }
  if (recent_.size() > kRecent) recent_.erase(recent_.begin(), recent_.end() - kMaxBatch);
  read(have, size - have, recent_);
}

std::span<const TailRow> LogTail::after(Seq after) {
  extend();
  if (!recent_.empty() && after + 1 >= recent_.front().row.seq) {
    const std::size_t skip = std::min<std::size_t>(after + 1 - recent_.front().row.seq, recent_.size());
    const auto rest = std::span<const TailRow>(recent_).subspan(skip);
    return rest.first(std::min(rest.size(), kMaxBatch));
  }
  page_.clear();
  read(after, kMaxBatch, page_);
  return page_;
}

}  // namespace gossip
