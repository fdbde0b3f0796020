#include "sys/background.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "sys/error.h"

namespace gossip::sys {
namespace {
std::atomic<bool> g_left = false;
}

void wake_pipe(Fd& read, Fd& write) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) fail("pipe");
  read.reset(ends[0]);
  write.reset(ends[1]);
}

void wake(int write_fd) {
  if (::write(write_fd, "", 1) < 0) return;  // full: the reader has something to read already
}

void drain(int read_fd) {
  std::array<char, 64> bin;
  while (::read(read_fd, bin.data(), bin.size()) > 0) continue;
}

void note_background_left() { g_left = true; }
bool background_left() { return g_left; }

}  // namespace gossip::sys
