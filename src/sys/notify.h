// Notifier: tells a service manager how we are, by the protocol of sd_notify(3): datagrams to the socket named by NOTIFY_SOCKET.
#pragma once

#include <string>

#include "sys/fd.h"

namespace gossip::sys {

class Notifier {
 public:
  // `where`: the variable's value, a path or an abstract name behind '@'; empty: nobody wants to know. Throws Error where nobody
  // can be told. The socket is made here, so that a process that may make none later can still speak.
  static Notifier to(const std::string& where);
  Notifier() = default;
  // Lines NAME=value. Never blocks; false: not now, the manager is behind with its reading.
  bool say(const std::string& lines);

 private:
  explicit Notifier(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// The value of a variable, which those we start do not get.
std::string take_variable(const char* name);

}  // namespace gossip::sys
