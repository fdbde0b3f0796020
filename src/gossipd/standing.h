// Standing: what a service manager is told of us: that we are ready, how many friends are up, that we stop.
#pragma once

#include <cstddef>
#include <string>

#include "sys/notify.h"

namespace gossip::daemon {

std::string friends_up(std::size_t up, std::size_t all);  // "2 of 5 friends are up"

class Standing {
 public:
  explicit Standing(sys::Notifier notifier) : notifier_(std::move(notifier)) {}
  // The first time: ready. False: not told, the manager is behind; to be tried again.
  bool running(std::size_t up, std::size_t all);
  void stopping();

 private:
  bool say(const std::string& lines, const std::string& before = {});
  sys::Notifier notifier_;
  std::string said_;
  bool ready_ = false;
};

}  // namespace gossip::daemon
