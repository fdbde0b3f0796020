// A doorbell: a Unix datagram socket beside a file. Several processes may listen to one: a ring wakes all of them who wait, and one of
// them takes it. A ring carries nothing; forged or lost, it costs a look or a short wait.
#pragma once

#include <optional>
#include <string>

#include "sys/fd.h"

namespace gossip::sys {

class Doorbell {
 public:
  // Takes the place of a socket left behind; REQUIRES that the caller holds the lock that makes the name its own. Nothing, and
  // why, when there can be no bell: the caller does without.
  static std::optional<Doorbell> hang(const std::string& path, std::string& why);
  explicit Doorbell(Fd inherited) : fd_(std::move(inherited)) {}  // another process hung it, and takes it away
  Doorbell(Doorbell&&) noexcept = default;
  Doorbell& operator=(Doorbell&&) noexcept = default;
  ~Doorbell();  // takes the name away
  int fd() const { return fd_.get(); }
  bool rung();  // has anybody rung since the last call? never blocks

 private:
  Doorbell(Fd fd, Fd directory, std::string name) : fd_(std::move(fd)), directory_(std::move(directory)), name_(std::move(name)) {}
  Fd fd_, directory_;
  std::string name_;
};

// False when nobody is there; a bell that is full of rings counts as rung. Never blocks.
bool ring(const std::string& path);

}  // namespace gossip::sys
