#include "gossipd/standing.h"

#include <gtest/gtest.h>

namespace gossip::daemon {
namespace {

TEST(Standing, SaysHowManyFriendsAreUp) {
  EXPECT_EQ(friends_up(0, 0), "no friends yet");
  EXPECT_EQ(friends_up(0, 1), "the one friend is not up");
  EXPECT_EQ(friends_up(1, 1), "the one friend is up");
  EXPECT_EQ(friends_up(0, 5), "0 of 5 friends are up");
  EXPECT_EQ(friends_up(1, 5), "1 of 5 friends is up");
  EXPECT_EQ(friends_up(5, 5), "5 of 5 friends are up");
}

}  // namespace
}  // namespace gossip::daemon
