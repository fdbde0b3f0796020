// As gtest's own, but a process with a slow job left in a thread ends as the daemon does: the job may still be inside a library.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "sys/background.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int code = RUN_ALL_TESTS();
  if (gossip::sys::background_left()) {
    std::fflush(nullptr);
    std::_Exit(code);
  }
  return code;
}
