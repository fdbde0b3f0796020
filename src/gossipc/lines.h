// Lines out of a stream that arrives in pieces, with a bound.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gossip::client {

class LineBuffer {
 public:
  explicit LineBuffer(std::size_t limit) : limit_(limit) {}  // bytes of one line, without its end
  void feed(std::string_view piece);
  void end();  // nothing more comes: what is left is the last line, end or no end
  // The next whole line without its "\n", valid until the next feed(). A line of more than `limit` bytes comes as its first
  // limit + 1 bytes, as soon as they are there; after that nothing more is to be expected.
  std::optional<std::string_view> next();
  bool line_ready() const;

 private:
  std::size_t limit_;
  std::string data_;
  std::size_t at_ = 0;
  std::size_t searched_ = 0;  // no line end before here
  bool ended_ = false;
};

// All that comes from `fd` up to its end; stops after limit + 1 bytes. Throws sys::Error, which names `what`.
std::string read_all(int fd, std::size_t limit, const std::string& what = "standard input");
// One read into `piece`; false at the end. Throws sys::Error.
bool read_some(int fd, std::string& piece, const std::string& what = "standard input");
bool readable_now(int fd);
// Without the one line end that echo and editors put there.
std::string_view without_line_end(std::string_view text);

}  // namespace gossip::client
