#include "gossipd/dials.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

#include "gossip/limits.h"
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

// A port of 127.0.0.1 that takes connections as long as this lives.
struct Open {
  sys::Fd listener = sys::listen_on(loopback(), 8);
  const int port = sys::local_address(listener.get()).port();
};

int closed_port() { return Open().port; }

// The queue of a listener that accepts nobody: further callers hang.
struct Silent {
  Silent() {
    int fault = 0;
    for (int i = 0; i < 8; ++i) fill.push_back(sys::start_dial(sys::local_address(listener.get()), fault));
  }
  sys::Fd listener = sys::listen_on(loopback(), 0);
  const int port = sys::local_address(listener.get()).port();
  std::vector<sys::Fd> fill;
};

int port_of(const sys::Fd& fd) {
  sockaddr_in to{};
  socklen_t size = sizeof to;
  return ::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&to), &size) == 0 ? ntohs(to.sin_port) : 0;
}

// Time is given, not waited for.
void look(Dials& dials, Now now) {
  sys::Poller poller;
  dials.watch(poller);
  poller.wait(0);
  dials.look(poller, now);
}

// Where a dial of friend 1 connects, as a port; 0: it failed. Nobody is silent.
int port_reached(Dials& dials, const db::Addresses& addresses, std::size_t worked = 0) {
  dials.start(clock_now(), 1, addresses, worked);
  auto outcome = outcome_of(dials);
  return outcome && outcome->fd ? port_of(outcome->fd) : 0;
}

TEST(Dials, ConnectToNumbersAndToNames) {
  for (const char* host : {"127.0.0.1", "friend.example"}) {
    sys::Fd listener = sys::listen_on(loopback(), 5);
    Dials dials([](const std::string& name, int port) {  // a machine may know no name at all
      EXPECT_EQ(name, "friend.example");
      return std::vector<sys::Address>{*sys::Address::parse("127.0.0.1", port)};
    });
    dials.start(clock_now(), 7, {{host, sys::local_address(listener.get()).port()}}, 0);
    auto outcome = outcome_of(dials);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->peer, 7u);
    EXPECT_TRUE(outcome->fd) << host << ": " << why_code(outcome->why);
    EXPECT_FALSE(dials.under_way(7));
    EXPECT_FALSE(dials.next_deadline().has_value());
  }
}

TEST(Dials, FailInPlainWords) {
  Dials dials;
  dials.start(clock_now(), 1, {{"127.0.0.1", closed_port()}}, 0);
  auto outcome = outcome_of(dials);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->why, Why::kRefused);
  EXPECT_FALSE(outcome->fd);
  dials.start(clock_now(), 2, {{std::string(64, 'a'), 1}}, 0);  // no name can have such a part: nobody is asked
  outcome = outcome_of(dials);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->peer, 2u);
  EXPECT_EQ(outcome->why, Why::kNameNotFound);
}

// F3: a deadline of its own for each friend; here time is given, not waited for.
TEST(Dials, F3AnAddressThatDoesNotAnswerIsSilentAfterItsDeadline) {
  Silent silent;
  Dials dials;
  Now now = clock_now();
  dials.start(now, 3, {{"127.0.0.1", silent.port}}, 0);
  look(dials, now);
  Dials::Outcome outcome;
  EXPECT_FALSE(dials.next(outcome));
  now.mono += 10 * kSecond;
  look(dials, now);
  ASSERT_TRUE(dials.next(outcome));
  EXPECT_EQ(outcome.why, Why::kUnreachable);
}

TEST(Dials, TheFirstIsRefusedAndTheSecondWorks) {
  Open open;
  Dials dials;
  EXPECT_EQ(port_reached(dials, {{"127.0.0.1", closed_port()}, {"127.0.0.1", open.port}}), open.port);
}

TEST(Dials, TheOneThatWorkedLastIsTheFirst) {
  Open a, b;
  const db::Addresses both{{"127.0.0.1", a.port}, {"127.0.0.1", b.port}};
  Dials dials;
  EXPECT_EQ(port_reached(dials, both), a.port);
  EXPECT_EQ(port_reached(dials, both), b.port) << "connected is not enough: no session opened, so the next one has its turn";
  EXPECT_EQ(dials.opened(1), both[1]);
  EXPECT_EQ(port_reached(dials, both), b.port);
  EXPECT_EQ(port_reached(dials, both), a.port);
  EXPECT_EQ(port_reached(dials, both), b.port);
  EXPECT_EQ(dials.opened(2), std::nullopt);
  const db::Addresses turned{both[1], both[0]};
  EXPECT_TRUE(dials.outdated(1, turned));
  EXPECT_FALSE(dials.outdated(1, both));
  EXPECT_EQ(port_reached(dials, turned, 1), a.port) << "of new addresses, what the store says worked last";
  EXPECT_FALSE(dials.outdated(1, turned));
}

TEST(Dials, WhoIsRefusedAllRoundBeginsAtTheFirstAgain) {
  Open late;
  const db::Addresses both{{"127.0.0.1", closed_port()}, {"127.0.0.1", closed_port()}, {"127.0.0.1", late.port}};
  Dials dials;
  late.listener.reset();
  EXPECT_EQ(port_reached(dials, both), 0);
  EXPECT_EQ(port_reached(dials, both), 0);
  sys::Fd again = sys::listen_on(*sys::Address::parse("127.0.0.1", late.port), 5);
  EXPECT_EQ(port_reached(dials, both), late.port);
}

// F3: one friend with many dead addresses does not hold its slot for ever, and comes to all of them all the same.
TEST(Dials, F3ThirtySecondsInAllAndTheRestInTheNextDial) {
  Silent a, b, c, d;
  Open e;
  const db::Addresses all{
      {"127.0.0.1", a.port}, {"127.0.0.1", b.port}, {"127.0.0.1", c.port}, {"127.0.0.1", d.port}, {"127.0.0.1", e.port}};
  Dials dials;
  Now now = clock_now();
  const Micros began = now.mono;
  Dials::Outcome outcome;
  dials.start(now, 1, all, 0);
  int steps = 0;
  for (; !dials.next(outcome); ++steps) {
    look(dials, now);
    now.mono = dials.next_deadline().value();
    look(dials, now);
  }
  EXPECT_EQ(outcome.why, Why::kUnreachable);
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(now.mono - began, 30 * kSecond);
  const Micros again = now.mono;
  dials.start(now, 1, all, 0);
  look(dials, now);
  now.mono = dials.next_deadline().value();  // of the fourth
  look(dials, now);
  while (!dials.next(outcome)) look(dials, now);
  ASSERT_TRUE(outcome.fd) << why_code(outcome.why);
  EXPECT_EQ(port_of(outcome.fd), e.port);
  EXPECT_EQ(now.mono - again, 10 * kSecond);
  EXPECT_EQ(dials.opened(1), all[4]);
  EXPECT_EQ(port_reached(dials, all), e.port);
}

TEST(Dials, TheMostTellingReasonIsKept) {
  Silent silent;
  const db::Addresses all{{"127.0.0.1", silent.port}, {"127.0.0.1", closed_port()}, {std::string(64, 'a'), 1},
                          {"127.0.0.1", silent.port}};
  Dials dials;
  Now now = clock_now();
  dials.start(now, 1, all, 0);
  Dials::Outcome outcome;
  while (!dials.next(outcome)) {
    sys::Poller poller;
    dials.watch(poller);
    poller.wait(5 * kMillisecond);
    now.mono += kSecond / 2;
    dials.look(poller, now);
  }
  EXPECT_EQ(outcome.why, Why::kRefused);
  dials.start(now, 2, {{std::string(64, 'a'), 1}, {"127.0.0.1", closed_port()}, {std::string(64, 'b'), 1}}, 0);
  auto end = outcome_of(dials);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->why, Why::kRefused);
}

TEST(Dials, ANameGivesUpToFourAddresses) {
  Open right;
  const int shut = closed_port();
  std::vector<sys::Address> numbers;
  for (int i = 1; i <= 5; ++i) numbers.push_back(*sys::Address::parse("127.0.0." + std::to_string(i), shut));
  numbers[4] = *sys::Address::parse("127.0.0.1", right.port);
  Dials dials([&](const std::string&, int) { return numbers; });
  EXPECT_EQ(port_reached(dials, {{"a.example", 1}}), 0) << "the fifth is too many";
  std::swap(numbers[3], numbers[4]);
  EXPECT_EQ(port_reached(dials, {{"b.example", 1}}), right.port);
}

TEST(Dials, ADroppedOneTellsNothing) {
  sys::Fd listener = sys::listen_on(loopback(), 5);
  Dials dials;
  dials.start(clock_now(), 4, {{"127.0.0.1", sys::local_address(listener.get()).port()}}, 0);
  dials.drop_unless([](PeerId) { return false; });
  EXPECT_FALSE(dials.under_way(4));
  Dials::Outcome outcome;
  EXPECT_FALSE(dials.next(outcome));
}

// A resolver that answers when the test says so.
struct SlowResolver {
  std::mutex mutex;
  std::condition_variable changed;
  int allowed = 0;
  std::atomic<int> asked = 0, given = 0;
  std::vector<sys::Address> operator()(const std::string& host) {
    if (host == "quick") return {address};
    std::unique_lock lock(mutex);
    const int turn = asked++;
    changed.notify_all();
    changed.wait(lock, [&] { return turn < allowed; });
    ++given;
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
  SlowNames() { slow_->address = sys::local_address(listener_.get()); }
  ~SlowNames() override { slow_->allow(1000); }  // who is asked still ends by itself, after this
  // The deadline of the look-up passes; nothing was answered.
  void give_up() {
    poller_.clear();
    dials_.watch(poller_);
    now_.mono += 10 * kSecond;
    dials_.look(poller_, now_);
    Dials::Outcome outcome;
    ASSERT_TRUE(dials_.next(outcome));
    EXPECT_EQ(outcome.why, Why::kNameNotFound);
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
  std::shared_ptr<SlowResolver> slow_ = std::make_shared<SlowResolver>();
  sys::Poller poller_;
  Now now_ = clock_now();
  Dials dials_{[slow = slow_](const std::string& host, int) { return (*slow)(host); }};
};

TEST_F(SlowNames, AnAnswerThatIsSlowerThanTheDialServesTheNext) {
  for (int i = 0; i < 5; ++i) {  // each gives up before the one answer comes
    dials_.start(now_, 1, {{"bob.example", 1}}, 0);
    give_up();
  }
  slow_->wait_asked(1);
  dials_.start(now_, 1, {{"bob.example", 1}}, 0);
  slow_->allow(1);
  auto outcome = outcome_of(dials_);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->fd) << why_code(outcome->why);
  EXPECT_EQ(slow_->asked, 1) << "one question at a time for a friend";
}

TEST_F(SlowNames, AnAnswerNobodyWaitsForIsKeptForTheNextDial) {
  dials_.start(now_, 1, {{"bob.example", 1}}, 0);
  give_up();
  slow_->allow(1);
  take_late_answer();
  dials_.start(now_, 1, {{"bob.example", 1}}, 0);
  auto outcome = outcome_of(dials_);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->fd) << why_code(outcome->why);
  EXPECT_EQ(slow_->asked, 1);
}

TEST_F(SlowNames, AnAnswerForTheHostOfBeforeIsNotTaken) {
  dials_.start(now_, 1, {{"nowhere", 1}}, 0);
  slow_->wait_asked(1);
  dials_.start(now_, 1, {{"bob.example", 1}}, 0);
  slow_->allow(1000);
  auto outcome = outcome_of(dials_);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->fd) << why_code(outcome->why);
  EXPECT_EQ(slow_->asked, 2);
}

// Three friends with names that nobody answers for; the fourth's is answered beside them, and so is a number.
TEST_F(SlowNames, F3ASlowNameIsLookedUpBesideOthers) {
  for (PeerId peer = 1; peer <= 3; ++peer) dials_.start(now_, peer, {{"slow" + std::to_string(peer), 1}}, 0);
  slow_->wait_asked(3);
  dials_.start(now_, 4, {{"quick", 1}}, 0);
  dials_.start(now_, 5, {{"127.0.0.1", slow_->address.port()}}, 0);
  std::set<PeerId> connected;
  for (int i = 0; i < 2; ++i) {
    auto outcome = outcome_of(dials_);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_TRUE(outcome->fd) << why_code(outcome->why);
    connected.insert(outcome->peer);
  }
  EXPECT_EQ(connected, (std::set<PeerId>{4, 5}));
  EXPECT_TRUE(dials_.under_way(1));
}

TEST_F(SlowNames, AFriendWithASlowNameGoesOnToTheNextAddress) {
  dials_.start(now_, 1, {{"bob.example", 1}, {"127.0.0.1", slow_->address.port()}}, 0);
  slow_->wait_asked(1);
  look(dials_, now_);
  now_.mono += 10 * kSecond;
  look(dials_, now_);
  Dials::Outcome outcome;
  while (!dials_.next(outcome)) look(dials_, now_);
  EXPECT_TRUE(outcome.fd) << why_code(outcome.why);
}

// However often friends with several slow names are dialled, there is one question of each.
TEST_F(SlowNames, NoMoreQuestionsThanFriends) {
  for (int round = 0; round < 5; ++round) {
    for (PeerId peer = 1; peer <= 6; ++peer) dials_.start(now_, peer, {{"one", 1}, {"two", 1}, {"three", 1}}, 0);
    for (int step = 0; step < 3; ++step) {
      now_.mono += 10 * kSecond;
      look(dials_, now_);
    }
    Dials::Outcome outcome;
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(dials_.next(outcome));
      EXPECT_EQ(outcome.why, Why::kNameNotFound);
    }
  }
  slow_->wait_asked(static_cast<int>(kDialsAtOnce));
  slow_->allow(6);
  slow_->wait_asked(6);
  for (int answers = 0; answers < 6;) {
    poller_.clear();
    dials_.watch(poller_);
    poller_.wait(10 * kSecond);
    ASSERT_TRUE(poller_.readable(0)) << "an answer for each";
    dials_.look(poller_, now_);
    answers = slow_->given;
  }
  EXPECT_EQ(slow_->asked, 6);
}

// A look-up that hangs holds nobody up who leaves: its thread is left behind.
TEST(Dials, GoingDownWaitsForNoName) {
  auto slow = std::make_shared<SlowResolver>();
  {
    Dials dials([slow](const std::string& host, int) { return (*slow)(host); });
    dials.start(clock_now(), 1, {{"bob.example", 1}}, 0);
    slow->wait_asked(1);
  }
  EXPECT_TRUE(sys::background_left()) << "the process is to leave by _Exit";
  slow->allow(1000);
}

}  // namespace
}  // namespace gossip::daemon
