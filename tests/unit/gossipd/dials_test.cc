#include "gossipd/dials.h"

#include <gtest/gtest.h>

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
  for (const char* host : {"127.0.0.1", "localhost"}) {
    sys::Fd listener = sys::listen_on(loopback(), 5);
    Dials dials;
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
  dials.drop(4);
  EXPECT_TRUE(dials.peers().empty());
  Dials::Outcome outcome;
  EXPECT_FALSE(dials.next(outcome));
}

}  // namespace
}  // namespace gossip::daemon
