// The loop that worker and listener share, with a connection that is not there.
#include "gossipd/driver.h"

#include <gtest/gtest.h>

#include <sys/socket.h>

#include <array>

#include "crypto/keys.h"
#include "db/peers.h"
#include "db/schema.h"
#include "sys/packet.h"
#include "sys/tcp.h"
#include "support/folder.h"
#include "support/test_keys.h"

namespace gossip::daemon {
namespace {

// A channel over which nothing happens.
class NoChannel : public Channel {
 public:
  void cover() override {}
  std::uint64_t cover_cells() const override { return 0; }
  void receive(Now, View) override {}
  void end_of_file(Now) override {}
  void tick(Now) override {}
  std::optional<Micros> next_deadline() const override { return std::nullopt; }
  bool wants_work() const override { return false; }
  void work(Now) override {}
  View output() override { return {}; }
  void consumed(Now, std::size_t) override {}
  void end_turn(Now) override {}
  bool open() const override { return false; }
  PeerId peer() const override { return 0; }
  std::uint64_t gen() const override { return 1; }
  bool dialled() const override { return false; }
  void send(View) override {}
  std::size_t free() const override { return 0; }
  View stream() const override { return {}; }
  void take_stream() override {}
  void close(Now, CloseCode) override {}
  bool reading() const override { return true; }
  bool draining() const override { return false; }
  bool finished() const override { return false; }
  End end() const override { return End::kOpenStill; }
  Hash session_id() const override { return {}; }
  bool pq() const override { return false; }
  void ping(Now) override {}
  std::optional<Micros> take_round_trip() override { return std::nullopt; }
};

// An open session whose backlog is full, until the cell that ends the turn has gone.
class FullChannel : public NoChannel {
 public:
  FullChannel(PeerId peer, Bytes& sent) : peer_(peer), sent_(sent) {}
  View output() override { return out_; }
  void consumed(Now, std::size_t n) override {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(n));
    free_ = kChannelBacklog;
  }
  void end_turn(Now) override {
    if (free_ == 0) out_.assign(1, 0);
  }
  bool open() const override { return true; }
  PeerId peer() const override { return peer_; }
  bool dialled() const override { return true; }
  void send(View stream) override { sent_.insert(sent_.end(), stream.begin(), stream.end()); }
  std::size_t free() const override { return free_; }

 private:
  const PeerId peer_;
  Bytes& sent_;
  Bytes out_;
  std::size_t free_ = 0;
};

// Somebody who is connected, and what the loop asked and told it.
class Caller : public NoChannel {
 public:
  struct Told {
    int ticks = 0, looks = 0;
    std::vector<std::size_t> reads;
    std::optional<Micros> deadline;
  };
  explicit Caller(Told& told) : told_(told) {}
  void receive(Now, View bytes) override { told_.reads.push_back(bytes.size()); }
  void tick(Now) override { ++told_.ticks; }
  std::optional<Micros> next_deadline() const override { return ++told_.looks, told_.deadline; }

 private:
  Told& told_;
};

constexpr Micros kWake = 300 * kMillisecond;

class Loop : public Driver {
 public:
  Loop(const Setup& setup, db::Database db) : Driver(setup, std::move(db), true, {}, std::nullopt) { load_peers(clock_now()); }
  using Driver::adopt;
  using Driver::drop;
  // How long it waited: at most kWake.
  Micros turn_time() {
    const Now start = clock_now();
    wake_at_ = start.mono + kWake;
    turn();
    return clock_now().mono - start.mono;
  }

 private:
  std::optional<Micros> own_deadline() const override { return wake_at_; }
  Micros wake_at_ = 0;
};

class OnLoop : public testing::Test {
 protected:
  OnLoop() { loop_.emplace(daemon::Setup{}, db::open_store(folder_ / "g.db", {})); }
  LinkId adopt(std::size_t i) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    others_[i].reset(ends[1]);
    return loop_->adopt(sys::Fd(ends[0]), std::make_unique<Caller>(told_[i]));
  }
  void rest() {
    for (int i = 0; i < 100; ++i)
      if (loop_->turn_time() >= kWake / 2) return;
    FAIL() << "it does not come to rest";
  }

  test::Folder folder_;
  std::map<std::size_t, Caller::Told> told_;
  std::map<std::size_t, sys::Fd> others_;
  std::optional<Loop> loop_;
};

TEST_F(OnLoop, ATurnCostsWhatHasWorkAndNotWhatIsThere) {
  constexpr std::size_t kMany = 200, kBusy = 7, kTimed = 9;
  for (std::size_t i = 0; i < kMany; ++i) adopt(i);
  told_[kTimed].deadline = clock_now().mono + kHour;
  rest();
  auto before = told_;
  const Bytes word(3);
  for (int turn = 0; turn < 5; ++turn) {
    ASSERT_EQ(sys::write_some(others_[kBusy].get(), word).n, word.size());
    EXPECT_LT(loop_->turn_time(), kWake / 2);
  }
  for (std::size_t i = 0; i < kMany; ++i) {
    if (i == kBusy) continue;
    EXPECT_EQ(told_[i].ticks, before[i].ticks) << i;
    EXPECT_EQ(told_[i].looks, before[i].looks) << i;
  }
  EXPECT_EQ(told_[kBusy].reads, std::vector<std::size_t>(5, word.size()));

  told_[kBusy].deadline = clock_now().mono;  // it wants to tick from the end of the next turn on
  sys::write_some(others_[kBusy].get(), word);
  loop_->turn_time();
  before = told_;
  EXPECT_LT(loop_->turn_time(), kWake / 2) << "a deadline ends the wait";
  EXPECT_EQ(told_[kBusy].ticks, before[kBusy].ticks + 1);
  EXPECT_EQ(told_[kTimed].ticks, before[kTimed].ticks) << "and another's, far off, does not";
  told_[kBusy].deadline.reset();
  loop_->turn_time();
  rest();
}

TEST_F(OnLoop, WhoIsDroppedIsForgotten) {
  const LinkId gone = adopt(0);
  told_[0].deadline = clock_now().mono;
  loop_->turn_time();
  others_[0].reset();
  loop_->drop(gone);
  rest();
}

TEST_F(OnLoop, OneAloneIsReadInFullAndOneAmongOthersGetsItsShare) {
  adopt(0), adopt(1);
  rest();
  const Bytes much(100 * 1024);
  ASSERT_EQ(sys::write_some(others_[0].get(), much).n, much.size());
  loop_->turn_time();
  EXPECT_EQ(told_[0].reads, std::vector<std::size_t>{much.size()});
  for (std::size_t i : {0, 1}) {
    told_[i].reads.clear();
    ASSERT_EQ(sys::write_some(others_[i].get(), much).n, much.size());
  }
  loop_->turn_time();
  loop_->turn_time();
  for (std::size_t i : {0, 1}) EXPECT_EQ(told_[i].reads, (std::vector<std::size_t>{64 * 1024, 36 * 1024})) << i;
}

TEST(Driver, RoomThatCameAtTheEndOfATurnIsUsedInTheNextAtOnce) {
  const test::Folder folder;
  db::Database db = db::open_store(folder / "g.db", {});
  db::add_key(db, test::ann_key(), crypto::import_public(crypto::public_pem(test::ann_key()), 2048)->fp);
  ASSERT_EQ(db::add_peer(db, "bob"), db::Change::kDone);
  const auto theirs = crypto::import_public(crypto::public_pem(test::bob_key()), 2048);
  ASSERT_EQ(db::set_peer_key(db, "bob", theirs->spki_der, theirs->fp, false), db::Change::kDone);
  const PeerId bob = db::find_peer(db, "bob")->id;
  Bytes sent;
  auto [ours, other] = sys::packet_pair();
  Loop loop({}, std::move(db));
  loop.adopt(std::move(ours), std::make_unique<FullChannel>(bob, sent));
  loop.turn_time();  // the session is open and may send nothing; the cell goes at the very end
  EXPECT_TRUE(sent.empty());
  EXPECT_LT(loop.turn_time(), kWake / 2) << "the engine has something to say";
  EXPECT_FALSE(sent.empty());
  Micros idle = 0;
  for (int i = 0; i < 3; ++i) idle = loop.turn_time();
  EXPECT_GE(idle, kWake / 2) << "and then it rests";
}

}  // namespace
}  // namespace gossip::daemon
