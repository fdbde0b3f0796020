// LogTail: the newest rows of our own log, read once and shared by every friend we serve; older rows come in pages.
#pragma once

#include <span>
#include <vector>

#include "gossip/limits.h"
#include "gossip/ports.h"

namespace gossip {

class LogTail {
 public:
  explicit LogTail(Store& store) : store_(store) {}
  // Committed rows after `after`, ascending and dense, at most kMaxBatch. Valid until the next call.
  std::span<const LogRow> after(Seq after);

 private:
  void extend();  // takes in what was committed since
  Store& store_;
  std::vector<LogRow> recent_;  // dense; the last is the newest row seen
  std::vector<LogRow> page_;
};

}  // namespace gossip
