// LogTail: the newest rows of our own log, read once and shared by every friend we serve; older rows come in pages.
#pragma once

#include <span>
#include <vector>

#include "gossip/chain.h"
#include "gossip/limits.h"
#include "gossip/ports.h"

namespace gossip {

struct TailRow {
  LogRow row;
  Hash chain{};  // at this row
};

class LogTail {
 public:
  LogTail(Store& store, Crypto& crypto) : store_(store), crypto_(crypto) {}
  // Committed rows after `after`, ascending and dense, at most kMaxBatch. Valid until the next call.
  std::span<const TailRow> after(Seq after);

 private:
  void extend();  // takes in what was committed since
  void read(Seq after, std::size_t count, std::vector<TailRow>& into);
  Store& store_;
  Crypto& crypto_;
  std::vector<TailRow> recent_;  // dense; the last is the newest row seen
  std::vector<TailRow> page_;
  std::vector<LogRow> rows_;
};

}  // namespace gossip
