// How far a copy is, on a terminal, once it takes longer than a second; and an interrupt ends it in good order.
#pragma once

#include <cstdint>

#include "sys/signals.h"

namespace gossip::client {

struct Interrupted {
  int signal = 0;
};

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine();  // takes the line away
  void show(std::int64_t done, std::int64_t all);  // throws Interrupted when SIGINT or SIGTERM has come

 private:
  sys::Signals signals_{SIGINT, SIGTERM};
  const bool wanted_;
  const std::int64_t start_;
  std::int64_t shown_ = 0;
};

}  // namespace gossip::client
