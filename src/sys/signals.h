// Signals: handlers that write the signal's number into a pipe, which the loop reads like any other descriptor.
#pragma once

#include <signal.h>

#include <cstdint>
#include <initializer_list>
#include <span>
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
// On abort(): writes `prefix` and what `words()` points to, if anything, to stderr and leaves with `code`. Async-signal-safe. On a
// fault (segmentation and the like) the same, with the fault's name; a handler that is there already, a sanitizer's, stays.
void on_abort(const char* (*words)(), int code, const char* prefix = "fatal: ");

// What a crash of this thread leaves for a later process: these bytes, as they stand then, appended to a file of mode 0600; nothing
// while the first one is 0, nor after a bus error, which is the disk's. REQUIRES path and bytes to last as long as the process.
void leave_at_crash(const char* path, std::span<const volatile std::uint8_t> bytes);
void leave_now();  // where our own bug shows as an exception

}  // namespace gossip::sys
