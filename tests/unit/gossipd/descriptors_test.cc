// What fits where few files may be open.
#include "gossipd/descriptors.h"

#include <gtest/gtest.h>

namespace gossip::daemon {
namespace {

TEST(Descriptors, ThereIsRoomForEverybodyOrItIsSaid) {
  EXPECT_EQ(room_in(kDescriptors), (Room{512, 1024}));
  EXPECT_EQ(room_in(1'000'000), (Room{512, 1024}));
  EXPECT_EQ(shortage(kDescriptors), "");
  EXPECT_EQ(room_in(1024), (Room{512, 464})) << "friends first";
  EXPECT_EQ(room_in(256), (Room{156, 52}));
  EXPECT_EQ(room_in(kLeastDescriptors), (Room{16, 16})) << "with fewer there is no start";
  EXPECT_EQ(shortage(256), "room for 156 sessions each way, not 512, and for 52 callers, not 1024: raise the hard limit of open files, "
                           "ulimit -Hn, from 256 to 1584");
  EXPECT_EQ(shortage(1024), "room for 512 sessions each way, and for 464 callers, not 1024: raise the hard limit of open files, "
                            "ulimit -Hn, from 1024 to 1584");
}

TEST(Descriptors, CallersNeverTakeASessionsPlace) {
  for (unsigned long n = 0; n < 5000; ++n) {
    const Room room = room_in(n);
    EXPECT_GE(room.callers, 16u) << n;
    if (n < kOwnFiles + 16) continue;  // nothing is promised there
    EXPECT_LE(kOwnFiles + room.sessions + room.callers, n);
    EXPECT_TRUE(n < 1024 || room.sessions == kMaxPeers) << n;
    EXPECT_TRUE(n == 0 || room.sessions >= room_in(n - 1).sessions) << n;
  }
}

}  // namespace
}  // namespace gossip::daemon
