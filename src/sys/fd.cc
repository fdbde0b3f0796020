#include "sys/fd.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "sys/error.h"

namespace gossip::sys {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

void set_nonblocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) fail("cannot make a descriptor non-blocking");
}

void set_cloexec(int fd) {
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) fail("cannot set close-on-exec");
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

bool is_socket(int fd) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 && S_ISSOCK(facts.st_mode);
}

void keep_stdio_open() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (is_open(fd)) continue;
    if (::open("/dev/null", O_RDWR) < 0) fail("cannot open /dev/null");  // takes the lowest free number, which is fd
  }
}

unsigned long raise_descriptor_limit(unsigned long wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return std::min<rlim_t>(limit.rlim_cur, wanted);
  rlimit more = limit;
  more.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min<rlim_t>(wanted, limit.rlim_max);
  return ::setrlimit(RLIMIT_NOFILE, &more) == 0 ? more.rlim_cur : limit.rlim_cur;
}

}  // namespace gossip::sys
