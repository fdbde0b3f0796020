#include "gossipc/lines.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "sys/error.h"

namespace gossip::client {

void LineBuffer::feed(std::string_view piece) {
  data_.erase(0, at_);
  searched_ -= at_;
  at_ = 0;
  data_ += piece;
  const std::size_t found = data_.find('\n', searched_);
  searched_ = found == std::string::npos ? data_.size() : found;
}

void LineBuffer::end() { ended_ = true; }

bool LineBuffer::line_ready() const {
  return searched_ < data_.size() || searched_ - at_ > limit_ || (ended_ && at_ < data_.size());
}

std::optional<std::string_view> LineBuffer::next() {
  if (!line_ready()) return std::nullopt;
  const std::string_view line = std::string_view(data_).substr(at_, searched_ - at_);
  at_ = searched_ < data_.size() ? searched_ + 1 : searched_;
  const std::size_t found = data_.find('\n', at_);
  searched_ = found == std::string::npos ? data_.size() : found;
  return line.substr(0, limit_ + 1);
}

bool read_some(int fd, std::string& piece, const std::string& what) {
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) sys::fail("cannot read " + what);
    piece.assign(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }
}

std::string read_all(int fd, std::size_t limit, const std::string& what) {
  std::string all, piece;
  while (all.size() <= limit && read_some(fd, piece, what)) all += piece;
  if (all.size() > limit + 1) all.resize(limit + 1);
  return all;
}

bool readable_now(int fd) {
  pollfd slot{fd, POLLIN, 0};
  return ::poll(&slot, 1, 0) > 0;
}

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

}  // namespace gossip::client
