// Fd: a file descriptor that closes itself. Everything this folder opens is close-on-exec.
#pragma once

#include <utility>

namespace gossip::sys {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

void set_nonblocking(int fd);
void set_cloexec(int fd);
bool is_open(int fd);
bool is_socket(int fd);
// Opens /dev/null in place of a closed 0, 1 or 2, so that no file of ours is ever written to as if it were stderr.
void keep_stdio_open();
// Raises the soft limit of descriptors towards `wanted`, as far as the hard one allows.
unsigned long raise_descriptor_limit(unsigned long wanted);  // gives what it is then

}  // namespace gossip::sys
