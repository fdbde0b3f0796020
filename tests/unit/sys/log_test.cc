#include "sys/log.h"

#include <gtest/gtest.h>

namespace gossip::sys {
namespace {

std::string captured(void (*say)()) {
  testing::internal::CaptureStderr();
  say();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, OneCleanLineACallAndNothingAboveTheLevel) {
  log_start("gossipd: ", Level::kWarn);
  EXPECT_EQ(captured([] { error("no \033[31mroom\nat all\x80"); }), "gossipd: error: no ?[31mroom?at all?\n");
  EXPECT_EQ(captured([] { warn("careful"); }), "gossipd: warning: careful\n");
  EXPECT_EQ(captured([] { info("hello"); }), "");
  EXPECT_EQ(captured([] { debug("hello"); }), "");
  log_start("gossipd: ", Level::kDebug, [](std::string_view text) { return "<" + std::string(text) + ">"; });
  EXPECT_EQ(captured([] { info("hello"); }), "gossipd: <hello>\n");
  EXPECT_TRUE(log_shows(Level::kDebug));
}

TEST(RateLimit, LetsOneThroughPerInterval) {
  RateLimit limit(100);
  EXPECT_TRUE(limit.pass(5));
  EXPECT_FALSE(limit.pass(6));
  EXPECT_FALSE(limit.pass(104));
  EXPECT_TRUE(limit.pass(105));
}

}  // namespace
}  // namespace gossip::sys
