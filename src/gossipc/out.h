// Standard output: data for people and pipes, in large writes.
#pragma once

#include <csignal>
#include <string>
#include <string_view>

namespace gossip::client {

// What gossipc --format-version prints: of the lines, the JSON Lines and the exit codes together. It rises when what a script may
// rely on goes or changes its meaning, and not for what is added; see gossipc(1).
constexpr int kFormsVersion = 1;

class Out {
 public:
  explicit Out(int fd = 1) : fd_(fd) {}  // -1: it was closed when we started, and whatever is written fails
  void put(std::string_view data);  // buffered; flushes itself when large
  // False when the reader closed the pipe (then and for ever after: nothing more is written). Throws sys::Error for anything
  // else, a full disk among them.
  bool flush();
  // Once `*flag` is set by a signal handler, a write that waits is given up and we count as closed.
  void give_up_on(const volatile std::sig_atomic_t* flag) { flag_ = flag; }
  bool closed() const { return closed_; }
  bool terminal() const;
  int fd() const { return fd_; }

 private:
  bool interrupted() const { return flag_ && *flag_; }
  int fd_;
  std::string buffer_;
  const volatile std::sig_atomic_t* flag_ = nullptr;
  bool closed_ = false;
};

}  // namespace gossip::client
