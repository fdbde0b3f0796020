// Signals: handlers that write the signal's number into a pipe, which the loop reads like any other descriptor.
#pragma once

#include <signal.h>

#include <initializer_list>
#include <vector>

#include "sys/fd.h"

namespace gossip::sys {

// One per process. From its making on, the signals named arrive here. It unblocks all signals, since the program may have been
// started with all of them blocked (see spawn_self).
class Signals {
 public:
  explicit Signals(std::initializer_list<int> signals);
  ~Signals();
  Signals(const Signals&) = delete;
  int fd() const { return read_.get(); }
  std::vector<int> take();  // what came since the last call; never blocks

 private:
  Fd read_, write_;
  std::vector<int> watched_;
};

// All signals blocked for this thread while it lives: around fork, and around the start of threads that must take none.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

void ignore_signal(int signal);
// On abort(): writes `prefix` and what `words()` points to, if anything, to stderr and leaves with `code`. Async-signal-safe.
void on_abort(const char* (*words)(), int code, const char* prefix = "fatal: ");

}  // namespace gossip::sys
