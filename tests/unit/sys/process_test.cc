#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "scratch.h"
#include "sys/background.h"
#include "sys/packet.h"
#include "sys/signals.h"

namespace gossip::sys {
namespace {

std::optional<Ended> wait_for(pid_t child) {
  std::optional<Ended> ended;
  Poller nothing;
  for (std::int64_t end = mono_us() + 10'000'000; !ended && mono_us() < end; ended = reap(child)) nothing.wait(1000);
  return ended;
}

// The child's part: run only by a copy of this program, with 3 = one end of a packet pair, 5 = a pipe's writing end.
TEST(Child, DISABLED_ReportsWhatItWasGiven) {
  std::string open;
  for (int fd = 3; fd < 64; ++fd)
    if (is_open(fd)) open += std::to_string(fd) + " ";
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  open += ::sigismember(&blocked, SIGTERM) == 1 ? "blocked" : "open";
  send_packet(3, {reinterpret_cast<const std::uint8_t*>(open.data()), open.size()});
  Signals signals({SIGTERM});
  readable_soon(signals.fd());
  ::_exit(signals.take() == std::vector<int>{SIGTERM} ? 42 : 43);
}

pid_t start_child(int packet, int other) {
  return spawn_self({"unit-sys", "--gtest_also_run_disabled_tests", "--gtest_filter=Child.DISABLED_*", "--gtest_brief=1"},
                    {{packet, 3}, {-1, 4}, {other, 5}});
}

TEST(Process, AChildHasWhatItWasPassedAndNothingElse) {
  auto [ours, theirs] = packet_pair();
  Fd stray(::open("/dev/null", O_RDONLY));  // not close-on-exec, as a shell may have left one
  pid_t child = start_child(theirs.get(), stray.get());
  theirs.reset();
  ASSERT_TRUE(readable_soon(ours.get()));
  std::array<std::uint8_t, 256> in;
  Io got = receive_packet(ours.get(), in);
  EXPECT_EQ(std::string(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(got.n)), "3 5 blocked");
  ::kill(child, SIGTERM);
  auto ended = wait_for(child);
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->words(), "exit code 42");
  ASSERT_TRUE(readable_soon(ours.get()));
  EXPECT_EQ(receive_packet(ours.get(), in).kind, Io::kEnd) << "a dead child shows as end of file";
}

TEST(Process, AKilledChildIsSaidToBeKilled) {
  auto [ours, theirs] = packet_pair();
  pid_t child = start_child(theirs.get(), theirs.get());
  EXPECT_FALSE(reap(child).has_value());
  kill_now(child);
  auto ended = wait_for(child);
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->words(), "killed by signal 9");
}

// Children are started while threads run: fork without exec once hung 5 times in 2,447.
TEST(Process, F5ManyChildrenWhileAThreadWorks) {
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    while (!stop) std::vector<std::string>(100, std::string(1000, 'x'));
  });
  for (int i = 0; i < 50; ++i) {
    auto [ours, theirs] = packet_pair();
    pid_t child = start_child(theirs.get(), theirs.get());
    theirs.reset();
    EXPECT_TRUE(readable_soon(ours.get())) << i;
    kill_now(child);
    EXPECT_TRUE(wait_for(child).has_value());
  }
  stop = true;
  busy.join();
}

TEST(Packets, KeepTheirBordersAndSayWhenTheyDoNotFit) {
  auto [a, b] = packet_pair();
  std::vector<std::uint8_t> packet(4096, 7);
  std::size_t sent = 0;
  Io io{Io::kBytes, 0};
  for (; sent < 10'000; ++sent) {
    packet.resize(sent % 4096 + 1);
    if ((io = send_packet(a.get(), packet)).kind != Io::kBytes) break;
    EXPECT_EQ(io.n, packet.size());
  }
  EXPECT_EQ(io.kind, Io::kBlocked);
  std::array<std::uint8_t, 8192> in;
  for (std::size_t i = 0; i < sent; ++i) ASSERT_EQ(receive_packet(b.get(), in).n, i % 4096 + 1);
  EXPECT_EQ(receive_packet(b.get(), in).kind, Io::kBlocked);
  a.reset();
  EXPECT_EQ(receive_packet(b.get(), in).kind, Io::kEnd);
}

TEST(Signals, ArriveInTheLoop) {
  Signals signals({SIGUSR1, SIGUSR2});
  EXPECT_TRUE(signals.take().empty());
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  ASSERT_TRUE(readable_soon(signals.fd()));
  EXPECT_EQ(signals.take(), (std::vector<int>{SIGUSR1, SIGUSR2}));
  EXPECT_TRUE(signals.take().empty());
}

TEST(Abort, SaysWhyAndLeavesWithItsCode) {
  EXPECT_EXIT(
      {
        on_abort([] { return "file.cc:1: x > 0"; }, 70, "program: fatal: ");
        std::abort();
      },
      testing::ExitedWithCode(70), "program: fatal: file.cc:1: x > 0");
}

TEST(Background, AnswersComeInOrderAndWakeTheLoop) {
  Background<int, int> squares([](const int& n) { return n * n; });
  for (int i = 0; i < 100; ++i) squares.post(i);
  for (int i = 0; i < 100; ++i) {
    std::optional<int> answer;
    while (!answer) {
      ASSERT_TRUE(readable_soon(squares.fd()));
      answer = squares.take();
    }
    EXPECT_EQ(*answer, i * i);
  }
}

#ifdef __linux__

// Of sched_getattr(2): the time a process gets at once, and its niceness.
std::pair<std::uint64_t, std::int32_t> turn_of_ours() {
  struct {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } ours{};
  EXPECT_EQ(::syscall(SYS_sched_getattr, 0, &ours, sizeof ours, 0), 0);
  return {ours.runtime, ours.nice};
}

TEST(Process, ShortTurnsAreAskedForAndNothingElse) {
  const auto before = turn_of_ours();
  if (before.first == 0) GTEST_SKIP() << "this kernel knows no such thing";
  prefer_short_turns();
  const auto after = turn_of_ours();
  EXPECT_EQ(after.first, std::min<std::uint64_t>(before.first, 500'000));
  EXPECT_EQ(after.second, before.second);
}

#endif

TEST(Background, AJobThatLastsIsLeftToItself) {
  auto gate = std::make_shared<std::pair<Fd, Fd>>();
  wake_pipe(gate->first, gate->second);
  auto started = std::make_shared<std::pair<Fd, Fd>>();
  wake_pipe(started->first, started->second);
  {
    Background<int, int> slow([gate, started](const int& n) {
      wake(started->second.get());
      readable_soon(gate->first.get());
      return n;
    });
    slow.post(1);
    ASSERT_TRUE(readable_soon(started->first.get()));
  }
  EXPECT_TRUE(background_left());
  wake(gate->second.get());
}

}  // namespace
}  // namespace gossip::sys
