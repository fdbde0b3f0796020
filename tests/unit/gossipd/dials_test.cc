#include "gossipd/dials.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "gossipd/driver.h"

namespace gossip::daemon {
namespace {

// Turns until there is an outcome, at most ten seconds.
std::optional<Dials::Outcome> outcome_of(Dials& dials) {
  sys::Poller poller;
  Dials::Outcome outcome;
  for (Micros end = clock_now().mono + 10 * kSecond; clock_now().mono < end;) {
    poller.clear();
    dials.watch(poller);
    Micros at = dials.next_deadline().value_or(end);
    poller.wait(std::max<Micros>(0, std::min(at, end) - clock_now().mono));
    dials.look(poller, clock_now());
    if (dials.next(outcome)) return outcome;
  }
  return std::nullopt;
}

sys::Address loopback() { return *sys::Address::parse("127.0.0.1", 0); }

TEST(Dials, ConnectToNumbersAndToNames) {
  for (const char* host : {"127.0.0.1", "friend.example"}) {
    sys::Fd listener = sys::listen_on(loopback(), 5);
    Dials dials([](const std::string& name, int port) {  // a machine may know no name at all
      EXPECT_EQ(name, "friend.example");
      return std::vector<sys::Address>{*sys::Address::parse("127.0.0.1", port)};
    });
    dials.start(clock_now(), 7, host, sys::local_address(listener.get()).port());
    auto outcome = outcome_of(dials);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->peer, 7u);
    EXPECT_TRUE(outcome->fd) << host << ": " << outcome->why;
    EXPECT_TRUE(dials.peers().empty());
    EXPECT_FALSE(dials.next_deadline().has_value());
  }
}

TEST(Dials, FailInPlainWords) {
  sys::Fd listener = sys::listen_on(loopback(), 5);
  const int port = sys::local_address(listener.get()).port();
  listener.reset();
  Dials dials;
  dials.start(clock_now(), 1, "127.0.0.1", port);
  auto outcome = outcome_of(dials);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->why, "refused");
  EXPECT_FALSE(outcome->fd);
  dials.start(clock_now(), 2, std::string(64, 'a'), 1);  // no name can have such a part: nobody is asked
  outcome = outcome_of(dials);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->peer, 2u);
  EXPECT_EQ(outcome->why, "name not found");
}

// F3: a deadline of its own for each friend; here time is given, not waited for.
TEST(Dials, F3AnAddressThatDoesNotAnswerIsSilentAfterItsDeadline) {
  sys::Fd listener = sys::listen_on(loopback(), 0);
  const int port = sys::local_address(listener.get()).port();
  int fault = 0;
  std::vector<sys::Fd> fill;  // the queue of a listener that accepts nobody: further callers hang
  for (int i = 0; i < 8; ++i) fill.push_back(sys::start_dial(sys::local_address(listener.get()), fault));
  Dials dials;
  Now now = clock_now();
  dials.start(now, 3, "127.0.0.1", port);
  sys::Poller poller;
  dials.watch(poller);
  poller.wait(0);
  dials.look(poller, now);
  Dials::Outcome outcome;
  EXPECT_FALSE(dials.next(outcome));
  now.mono += 10 * kSecond;
  dials.look(poller, now);
  ASSERT_TRUE(dials.next(outcome));
  EXPECT_EQ(outcome.why, "silent");
}

TEST(Dials, ADroppedOneTellsNothing) {
  sys::Fd listener = sys::listen_on(loopback(), 5);
  Dials dials;
  dials.start(clock_now(), 4, "127.0.0.1", sys::local_address(listener.get()).port());
  dials.drop_unless([](PeerId) { return false; });
  EXPECT_TRUE(dials.peers().empty());
  Dials::Outcome outcome;
  EXPECT_FALSE(dials.next(outcome));
}

// A resolver that answers when the test says so.
struct SlowResolver {
  std::mutex mutex;
  std::condition_variable changed;
  int asked = 0, allowed = 0;
  std::vector<sys::Address> operator()(const std::string& host) {
    std::unique_lock lock(mutex);
    const int turn = asked++;
    changed.notify_all();
    changed.wait(lock, [&] { return turn < allowed; });
    if (host == "nowhere") return {};
    return {address};
  }
  void wait_asked(int n) {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(10), [&] { return asked >= n; }));
  }
  void allow(int n) {
    std::lock_guard lock(mutex);
    allowed = n;
    changed.notify_all();
  }
  sys::Address address;
};

class SlowNames : public testing::Test {
 protected:
  SlowNames() { slow_.address = sys::local_address(listener_.get()); }
  ~SlowNames() override { slow_.allow(1000); }
  // The deadline of the look-up passes; nothing was answered.
  void give_up() {
    poller_.clear();
    dials_.watch(poller_);
    now_.mono += 30 * kSecond;
    dials_.look(poller_, now_);
    Dials::Outcome outcome;
    ASSERT_TRUE(dials_.next(outcome));
    EXPECT_EQ(outcome.why, "name not found");
  }
  // Until an answer came that nobody waited for.
  void take_late_answer() {
    poller_.clear();
    dials_.watch(poller_);
    poller_.wait(10 * kSecond);
    EXPECT_TRUE(poller_.readable(0)) << "the resolver is the first that is watched";
    dials_.look(poller_, now_);
  }
  sys::Fd listener_ = sys::listen_on(loopback(), 5);
  SlowResolver slow_;
  sys::Poller poller_;
  Now now_ = clock_now();
  Dials dials_{[this](const std::string& host, int) { return slow_(host); }};
};

TEST_F(SlowNames, AnAnswerThatIsSlowerThanTheDialServesTheNext) {
  for (int i = 0; i < 5; ++i) {  // each gives up before the one answer comes
    dials_.start(now_, 1, "bob.example", 1);
    give_up();
  }
  slow_.wait_asked(1);
  dials_.start(now_, 1, "bob.example", 1);
  slow_.allow(1);
  auto outcome = outcome_of(dials_);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->fd) << outcome->why;
  EXPECT_EQ(slow_.asked, 1) << "one question at a time for a friend";
}

TEST_F(SlowNames, AnAnswerNobodyWaitsForIsKeptForTheNextDial) {
  dials_.start(now_, 1, "bob.example", 1);
  give_up();
  slow_.allow(1);
  take_late_answer();
  dials_.start(now_, 1, "bob.example", 1);
  auto outcome = outcome_of(dials_);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->fd) << outcome->why;
  EXPECT_EQ(slow_.asked, 1);
}

TEST_F(SlowNames, AnAnswerForTheHostOfBeforeIsNotTaken) {
  dials_.start(now_, 1, "nowhere", 1);
  slow_.wait_asked(1);
  dials_.start(now_, 1, "bob.example", 1);
  slow_.allow(1000);
  auto outcome = outcome_of(dials_);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->fd) << outcome->why;
  EXPECT_EQ(slow_.asked, 2);
}

}  // namespace
}  // namespace gossip::daemon
