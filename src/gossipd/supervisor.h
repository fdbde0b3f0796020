// Supervisor: the worker's hold on the listener. Started as a fresh copy of our own binary, the first time and every time; restarted
// when it crashed, later and later while it keeps crashing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gossip/bytes.h"
#include "gossip/time.h"
#include "gossipd/notes.h"
#include "sys/process.h"

namespace gossip::daemon {

// The numbers under which the listener finds what it inherits.
constexpr int kLockFd = 3, kNotesFd = 4, kListenFd = 5, kBellFd = 6;
constexpr const char* kListenerFlag = "--as-listener";

class Supervisor {
 public:
  // REQUIRES lock, listening socket and bell, where there is one, to stay open as long as this
  Supervisor(std::vector<std::string> arguments, int lock_fd, int listen_fd, int bell_fd)
      : arguments_(std::move(arguments)), lock_fd_(lock_fd), listen_fd_(listen_fd), bell_fd_(bell_fd) {}

  // Gives our end of the pair. Rationale: the keys go with it, since the files may be gone or changed by the time of a restart, and
  // both processes must have the same.
  sys::Fd start(Micros now, const Secrets& secrets);
  bool running() const { return child_ > 0; }
  std::optional<sys::Ended> ended();     // how it ended, once
  // Plans the next start and says so. REQUIRES !running()
  void plan(Micros now, const sys::Ended& ended);
  std::optional<Micros> start_at() const { return start_at_; }
  void kill();

 private:
  std::vector<std::string> arguments_;
  int lock_fd_, listen_fd_, bell_fd_;
  pid_t child_ = 0;
  Micros started_ = 0;
  Micros pause_ = 0;
  std::optional<Micros> start_at_;
};

}  // namespace gossip::daemon
