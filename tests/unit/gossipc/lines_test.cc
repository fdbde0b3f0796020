#include "gossipc/lines.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <random>
#include <vector>

#include "gossipc/out.h"
#include "sys/fd.h"

namespace gossip::client {
namespace {

std::vector<std::string> split(const std::string& text, std::size_t piece, std::size_t limit = 100) {
  LineBuffer lines(limit);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    lines.feed(std::string_view(text).substr(at, piece));
    while (auto line = lines.next()) out.emplace_back(*line);
  }
  lines.end();
  while (auto line = lines.next()) out.emplace_back(*line);
  return out;
}

TEST(Lines, AnyCutGivesTheSameLines) {
  const std::string text = "one\n\nthree, long enough\r\nlast without an end";
  const std::vector<std::string> want = {"one", "", "three, long enough\r", "last without an end"};
  for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(split(text, piece), want) << piece;
  EXPECT_EQ(split("a\n", 1), std::vector<std::string>{"a"});
  EXPECT_EQ(split("", 1), std::vector<std::string>{});
  EXPECT_EQ(split("\n", 1), std::vector<std::string>{""});
}

TEST(Lines, ALineOverTheLimitComesCutAndEarly) {
  EXPECT_EQ(split("aaaaa\nb\n", 8, 5), (std::vector<std::string>{"aaaaa", "b"}));
  EXPECT_EQ(split("aaaaaa\n", 8, 5), std::vector<std::string>{"aaaaaa"});
  LineBuffer lines(5);
  lines.feed("aaaaaaaaaaaaaaaaaaaaa");  // no end in sight
  EXPECT_EQ(lines.next(), "aaaaaa");
}

TEST(Lines, ManyRandomLines) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    std::string text;
    std::vector<std::string> want;
    for (int i = 0; i < 200; ++i) {
      want.emplace_back(random() % 80, static_cast<char>('a' + random() % 26));
      text += want.back() + "\n";
    }
    EXPECT_EQ(split(text, 1 + random() % 300), want) << "seed " << seed;
  }
}

TEST(Lines, OneLineEndIsDropped) {
  EXPECT_EQ(without_line_end("hello\n"), "hello");
  EXPECT_EQ(without_line_end("hello\n\n"), "hello\n");
  EXPECT_EQ(without_line_end("hello"), "hello");
  EXPECT_EQ(without_line_end("\n"), "");
  EXPECT_EQ(without_line_end(""), "");
}

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    read = sys::Fd(ends[0]);
    write = sys::Fd(ends[1]);
  }
  sys::Fd read, write;
};

TEST(Lines, ReadAllStopsBehindTheLimit) {
  Pipe pipe;
  ASSERT_EQ(::write(pipe.write.get(), "0123456789", 10), 10);
  EXPECT_EQ(read_all(pipe.read.get(), 4), "01234");
  ASSERT_EQ(::write(pipe.write.get(), "abc", 3), 3);
  EXPECT_TRUE(readable_now(pipe.read.get()));
  pipe.write.reset();
  EXPECT_EQ(read_all(pipe.read.get(), 4), "abc");
}

TEST(Output, AReaderWhoLeavesIsNoError) {
  Pipe pipe;
  Out out(pipe.write.get());
  out.put("seen");
  EXPECT_TRUE(out.flush());
  EXPECT_EQ(read_all(pipe.read.get(), 3), "seen");
  ::signal(SIGPIPE, SIG_IGN);
  pipe.read.reset();
  out.put("not seen");
  EXPECT_FALSE(out.flush());
  EXPECT_TRUE(out.closed());
  out.put("nor this");
  EXPECT_FALSE(out.flush());
}

}  // namespace
}  // namespace gossip::client
