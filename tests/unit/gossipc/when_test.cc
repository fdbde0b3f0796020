#include "gossipc/when.h"

#include <gtest/gtest.h>

namespace gossip::client {
namespace {

constexpr std::int64_t kNow = 1'769'869'135'123;  // 2026-01-31 14:18:55.123

TEST(When, Formats) {
  EXPECT_EQ(format_utc(kNow), "2026-01-31 14:18:55");
  EXPECT_EQ(format_utc(0), "1970-01-01 00:00:00");
  EXPECT_EQ(format_utc(-1), "1969-12-31 23:59:59");
  EXPECT_EQ(format_utc(951'782'400'000), "2000-02-29 00:00:00");
  EXPECT_EQ(format_utc(253'402'300'799'999), "9999-12-31 23:59:59");
}

TEST(When, SinceMoments) {
  EXPECT_EQ(*parse_when("1970-01-01", kNow), 0);
  EXPECT_EQ(*parse_when("2026-01-31", kNow), 1'769'817'600'000);
  EXPECT_EQ(*parse_when("2026-01-31 14:18:55", kNow), 1'769'869'135'000);
  EXPECT_EQ(*parse_when("2026-01-31T14:18:55", kNow), 1'769'869'135'000);
  EXPECT_EQ(*parse_when("2026-01-31T14:18:55Z", kNow), 1'769'869'135'000);
  EXPECT_EQ(*parse_when("2026-01-31 14:18", kNow), 1'769'869'080'000);
  EXPECT_EQ(*parse_when("2024-02-29", kNow), 1'709'164'800'000);
  EXPECT_EQ(*parse_when("9999-12-31 23:59:59", kNow), 253'402'300'799'000);
}

TEST(When, SinceSpans) {
  EXPECT_EQ(*parse_when("90m", kNow), kNow - 90 * 60'000);
  EXPECT_EQ(*parse_when("2h", kNow), kNow - 2 * 3'600'000);
  EXPECT_EQ(*parse_when("7d", kNow), kNow - 7 * 86'400'000);
  EXPECT_EQ(*parse_when("0m", kNow), kNow);
  EXPECT_LT(*parse_when("9999999d", kNow), 0);
}

TEST(When, SinceRefusesTheRest) {
  for (const char* bad : {"",
                          "m",
                          "7",
                          "7w",
                          "-7d",
                          "+7d",
                          "7.5h",
                          "7 d",
                          "7D",
                          "99999999d",
                          "yesterday",
                          "2026",
                          "2026-1-31",
                          "2026-02-30",
                          "2025-02-29",
                          "2026-13-01",
                          "2026-00-01",
                          "2026-01-00",
                          "2026-01-31 24:00:00",
                          "2026-01-31 23:60:00",
                          "2026-01-31 23:59:60",
                          "2026-01-31 14:60",
                          "2026-01-31 14:1",
                          "2026-01-31 14:18:55Z",
                          " 2026-01-31",
                          "2026/01/31",
                          "dddd-dd-dd"}) {
    Result<std::int64_t> got = parse_when(bad, kNow);
    EXPECT_FALSE(got.ok()) << bad;
    EXPECT_TRUE(got.ok() || !got.refusal().hint.empty()) << bad;
  }
}

TEST(When, Spans) {
  EXPECT_EQ(span_words(1), "1 s");
  EXPECT_EQ(span_words(11'001), "12 s");
  EXPECT_EQ(span_words(119'000), "119 s");
  EXPECT_EQ(span_words(299'000), "4 min");
  EXPECT_EQ(span_words(3 * 3'600'000), "3 h");
}

}  // namespace
}  // namespace gossip::client
