// How far something is, on a terminal, once it takes longer than a second.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sys/signals.h"

namespace gossip::client {

// One line on standard error, written over and over, at most five times a second, and taken away in the end. Nothing where
// standard error is no terminal.
class Ticker {
 public:
  explicit Ticker(bool quiet);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  void show(const std::function<std::string()>& words);  // asked only when they are shown
  void clear();                                          // takes the line away
  std::int64_t seconds() const;

 private:
  const bool wanted_;
  const std::int64_t start_;
  std::int64_t shown_ = 0;
};

std::string percent(std::int64_t done, std::int64_t all);

struct Interrupted {
  int signal = 0;
};

// Of a copy, which an interrupt ends in good order.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet) : ticker_(quiet) {}
  // `all` 0: it is not known yet. Throws Interrupted when SIGINT or SIGTERM has come.
  void show(std::int64_t done, std::int64_t all);

 private:
  sys::Signals signals_{SIGINT, SIGTERM};
  Ticker ticker_;
};

}  // namespace gossip::client
