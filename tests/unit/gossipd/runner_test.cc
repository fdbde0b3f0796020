// The runner of hooks, and what it is told.
#include "gossipd/runner.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "gossip/limits.h"
#include "support/folder.h"
#include "sys/clock.h"
#include "sys/packet.h"
#include "sys/program.h"

namespace gossip::daemon {
namespace {

constexpr Micros kPatience = 20 * kSecond;

Errand errand(std::string text) { return {std::string(64, 'a'), "ann", "x|y", "2026-01-31T14:18:55Z", std::move(text)}; }

TEST(Errand, ComesAcrossWhole) {
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{40'000}, kMaxText}) {
    const Errand sent = errand(std::string(size, 't'));
    Inbox inbox;
    const std::vector<Bytes> packets = packets_of(sent);
    for (std::size_t i = 0; i < packets.size(); ++i)
      EXPECT_EQ(inbox.take(packets[i]), i + 1 < packets.size() ? Inbox::Came::kPart : Inbox::Came::kErrand) << size;
    EXPECT_EQ(inbox.errand().text, sent.text);
    EXPECT_EQ(inbox.errand().sender, sent.sender);
  }
}

TEST(Errand, NonsenseIsTold) {
  const std::vector<Bytes> packets = packets_of(errand("text"));
  EXPECT_EQ(Inbox().take(packets[1]), Inbox::Came::kNonsense) << "a text nobody announced";
  Inbox twice;
  twice.take(packets[0]);
  EXPECT_EQ(twice.take(packets[0]), Inbox::Came::kNonsense);
  Bytes cut = packets[0];
  cut.pop_back();
  EXPECT_EQ(Inbox().take(cut), Inbox::Came::kNonsense);
  EXPECT_EQ(Inbox().take({}), Inbox::Came::kNonsense);
  EXPECT_EQ(Inbox().take(stop_packet()), Inbox::Came::kStop);
  EXPECT_FALSE(ending_of(stop_packet()));
  EXPECT_FALSE(ending_of(Bytes{4, 9, 0}));
}

TEST(Errand, TheEnvironmentIsWhatIsListedAndShown) {
  Errand one = errand("");
  one.sender = "a\n|\xff";
  const std::vector<std::string> wanted{"PATH=/bin", "HOME=/h", "GOSSIP_ID=" + one.id, "GOSSIP_DELIVERED_BY=ann",
                                        "GOSSIP_SENDER=a\\x0a\\x7c\\xff", "GOSSIP_HEARD=2026-01-31T14:18:55Z"};
  EXPECT_EQ(hook_environment(one, {"PATH=/bin", "LD_PRELOAD=x", "HOMER=1", "HOME=/h", "GOSSIPD_PASSPHRASE_FILE=/p"}), wanted);
}

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() { ::signal(SIGPIPE, SIG_IGN); }
  ~RunnerTest() override { leave(); }

  void start(const std::string& script, Micros limit = kPatience, Micros grace = kPatience) {
    std::ofstream(program_) << "#!/bin/sh\ncd " << folder_.path() << "\n" << script;
    ::chmod(program_.c_str(), 0700);
    auto [ours, theirs] = sys::packet_pair();
    ours_ = std::move(ours);
    thread_ = std::thread([this, limit, grace, fd = theirs.release()] { Runner(sys::Fd(fd), program_, {"PATH=/usr/bin:/bin"}, limit, grace).run(); });
  }
  void leave() {
    ours_.reset();
    if (thread_.joinable()) thread_.join();
  }
  void tell(const std::vector<Bytes>& packets) {
    for (const Bytes& packet : packets)
      ASSERT_TRUE(until([&] { return sys::send_packet(ours_.get(), packet).kind == sys::Io::kBytes; }));
  }
  std::optional<Ending> ending() {
    std::array<std::uint8_t, 16> packet;
    sys::Io io{sys::Io::kBlocked};
    until([&] { return (io = sys::receive_packet(ours_.get(), packet)).kind != sys::Io::kBlocked; });
    return io.kind == sys::Io::kBytes ? ending_of(View(packet).first(io.n)) : std::nullopt;
  }
  template <class F>
  static bool until(const F& done) {
    const Micros end = sys::mono_us() + kPatience;
    while (!done()) {
      if (sys::mono_us() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // The number a script wrote into a file.
  pid_t pid_in(const std::string& name) {
    EXPECT_TRUE(until([&] { return read(name).ends_with('\n'); }));
    return std::stoi(read(name));
  }
  static bool gone(pid_t pid) {
    return until([&] {
      std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
      const std::string stat{std::istreambuf_iterator<char>(in), {}};
      return stat.empty() || stat.find(") Z") != stat.npos;
    });
  }

  gossip::test::Folder folder_;
  std::string program_ = folder_ / "hook";
  sys::Fd ours_;
  std::thread thread_;
};

TEST_F(RunnerTest, GivesTheTextAndTellsTheExitCode) {
  start("cat > text; exit 3\n");
  const std::string text(300'000, 'z');
  tell(packets_of(errand(text)));
  const auto end = ending();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->how, Ending::How::kExit);
  EXPECT_EQ(end->code, 3);
  EXPECT_EQ(read("text"), text);
}

TEST_F(RunnerTest, AHookNeedNotReadItsText) {
  start("exit 0\n");
  for (int i = 0; i < 3; ++i) {
    tell(packets_of(errand(std::string(kMaxText, 'z'))));
    const auto end = ending();
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, Ending::How::kExit);
    EXPECT_EQ(end->code, 0);
  }
}

TEST_F(RunnerTest, WhatTakesTooLongIsEndedWithItsGroup) {
  start("trap '' TERM\nsh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 100; done' &\nwhile :; do sleep 100; done\n",
        300 * kMillisecond, 100 * kMillisecond);
  tell(packets_of(errand("")));
  const auto end = ending();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->how, Ending::How::kOverdue);
  EXPECT_TRUE(gone(pid_in("child")));
}

TEST_F(RunnerTest, AStopGivesItTimeToEnd) {
  start("echo $$ > pid\nwhile [ ! -e go ]; do sleep 0.01; done\n");
  tell(packets_of(errand("")));
  pid_in("pid");
  tell({stop_packet()});
  std::ofstream(folder_ / "go") << "";
  const auto end = ending();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->how, Ending::How::kExit);
  thread_.join();
}

TEST_F(RunnerTest, WithoutTheWorkerTheHookEndsAtOnce) {
  start("echo $$ > pid\nexec sleep 1000\n");
  tell(packets_of(errand("")));
  const pid_t hook = pid_in("pid");
  leave();
  EXPECT_TRUE(gone(hook));
}

TEST_F(RunnerTest, WhatMustNotBeRunIsNotRun) {
  start("touch ran\n");
  ::chmod(program_.c_str(), 0722);
  tell(packets_of(errand("")));
  auto end = ending();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->how, Ending::How::kUnstarted);
  std::ofstream(program_) << "no program";
  ::chmod(program_.c_str(), 0700);
  tell(packets_of(errand("")));
  end = ending();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->how, Ending::How::kUnstarted);
  EXPECT_EQ(end->code, ENOEXEC);
  EXPECT_EQ(read("ran"), "");
}

}  // namespace
}  // namespace gossip::daemon
