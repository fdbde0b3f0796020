#include "gossipc/out.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "sys/error.h"

namespace gossip::client {
namespace {

constexpr std::size_t kLarge = 64 * 1024;

}  // namespace

void Out::put(std::string_view data) {
  if (closed_) return;
  buffer_ += data;
  if (buffer_.size() >= kLarge) flush();
}

bool Out::flush() {
  std::string_view rest = buffer_;
  while (!closed_ && !rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
      closed_ = !rest.empty() && interrupted();  // a write cut short by a signal says so only this way
    } else if (errno == EPIPE || (errno == EINTR && interrupted())) {
      closed_ = true;
    } else if (errno == EAGAIN) {  // somebody else made our output non-blocking
      pollfd slot{fd_, POLLOUT, 0};
      ::poll(&slot, 1, -1);
    } else if (errno != EINTR) {
      closed_ = true;
      sys::fail("cannot write to standard output");
    }
  }
  buffer_.clear();
  return !closed_;
}

bool Out::terminal() const { return ::isatty(fd_) == 1; }

}  // namespace gossip::client
