#include "gossipc/words.h"

#include <gtest/gtest.h>

#include "gossip/text.h"

namespace gossip::client {
namespace {

const std::vector<std::string> kFriends = {"alice", "bob", "carol", "node-17"};

TEST(DidYouMean, NearNames) {
  EXPECT_EQ(closest("alise", kFriends), "alice");
  EXPECT_EQ(closest("ailce", kFriends), "alice");
  EXPECT_EQ(closest("Alice", kFriends), "alice");
  EXPECT_EQ(closest("bobb", kFriends), "bob");
  EXPECT_EQ(closest("node17", kFriends), "node-17");
  EXPECT_EQ(did_you_mean("alise", kFriends), "did you mean \"alice\"?");
}

TEST(DidYouMean, NothingLikeIt) {
  EXPECT_EQ(closest("zebra", kFriends), std::nullopt);
  EXPECT_EQ(closest("x", kFriends), std::nullopt);
  EXPECT_EQ(closest("", kFriends), std::nullopt);
  EXPECT_EQ(closest("alice", {}), std::nullopt);
  EXPECT_EQ(closest(std::string(100'000, 'a'), kFriends), std::nullopt);
  EXPECT_EQ(did_you_mean("zebra", kFriends, "otherwise"), "otherwise");
}

TEST(Words, F30ErrorsPassTheSanitizer) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(fail(kUsage, "no peer named \"\x1b[2J\"", "a\nb"), 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "gossipc: no peer named \"\\x1b[2J\"\ngossipc: hint: a\\x0ab\n");
}

TEST(Words, ExitCodesOfTheManual) {
  EXPECT_EQ((std::vector<int>{kDone, kNothing, kUsage, kNoSuch, kTrouble, kRefused, kNoKeyYet, kBusy, kNoDaemon, kTimedOut,
                              kDamaged, kIo, kOurBug}),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 70}));
}

}  // namespace
}  // namespace gossip::client
