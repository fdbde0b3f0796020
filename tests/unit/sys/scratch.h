// A directory of its own for each test, gone afterwards; and waiting with a deadline.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "support/folder.h"
#include "sys/clock.h"
#include "sys/loop.h"

namespace gossip::sys {

class Scratch : public testing::Test {
 protected:
  test::Folder folder_;
  std::string directory_ = folder_.path();
};

// True once `fd` has something to read; false after five seconds.
inline bool readable_soon(int fd) {
  Poller poller;
  std::size_t slot = poller.add(fd, true);
  for (std::int64_t end = mono_us() + 5'000'000; mono_us() < end && !poller.readable(slot);) poller.wait(end - mono_us());
  return poller.readable(slot);
}

inline bool writable_soon(int fd) {
  Poller poller;
  std::size_t slot = poller.add(fd, false, true);
  for (std::int64_t end = mono_us() + 5'000'000; mono_us() < end && !poller.writable(slot);) poller.wait(end - mono_us());
  return poller.writable(slot);
}

}  // namespace gossip::sys
