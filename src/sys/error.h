// Error: the world failed in a system call. what() names what was tried and why it failed, in words for a person.
#pragma once

#include <stdexcept>
#include <string>

namespace gossip::sys {

class Error : public std::runtime_error {
 public:
  Error(const std::string& tried, int code);  // code: an errno
  int code() const { return code_; }

 private:
  int code_;
};

std::string reason(int code);                   // strerror in lower case
[[noreturn]] void fail(const std::string& tried);  // throws Error with the current errno

}  // namespace gossip::sys
