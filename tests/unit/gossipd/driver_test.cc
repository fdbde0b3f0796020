// The loop that worker and listener share, with a connection that is not there.
#include "gossipd/driver.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "crypto/keys.h"
#include "db/peers.h"
#include "db/schema.h"
#include "sys/packet.h"
#include "support/test_keys.h"

namespace gossip::daemon {
namespace {

// An open session whose backlog is full, until the cell that ends the turn has gone.
class FullChannel : public Channel {
 public:
  FullChannel(PeerId peer, Bytes& sent) : peer_(peer), sent_(sent) {}
  void receive(Now, View) override {}
  void end_of_file(Now) override {}
  void tick(Now) override {}
  std::optional<Micros> next_deadline() const override { return std::nullopt; }
  bool wants_work() const override { return false; }
  void work(Now) override {}
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
  std::uint64_t gen() const override { return 1; }
  bool dialled() const override { return true; }
  void send(View stream) override { sent_.insert(sent_.end(), stream.begin(), stream.end()); }
  std::size_t free() const override { return free_; }
  View stream() const override { return {}; }
  void take_stream() override {}
  void close(Now, CloseCode) override {}
  bool reading() const override { return true; }
  bool draining() const override { return false; }
  bool finished() const override { return false; }
  End end() const override { return End::kOpenStill; }
  Hash session_id() const override { return {}; }

 private:
  const PeerId peer_;
  Bytes& sent_;
  Bytes out_;
  std::size_t free_ = 0;
};

constexpr Micros kWake = 300 * kMillisecond;

class Loop : public Driver {
 public:
  Loop(const Setup& setup, db::Database db) : Driver(setup, std::move(db), true, {}) { load_peers(clock_now()); }
  using Driver::adopt;
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

TEST(Driver, RoomThatCameAtTheEndOfATurnIsUsedInTheNextAtOnce) {
  char name[] = "/tmp/gossip-driver-XXXXXX";
  const std::string directory = ::mkdtemp(name);
  db::Database db = db::open_store(directory + "/g.db", {});
  db::add_key(db, test::ann_key(), crypto::import_public(crypto::public_pem(test::ann_key()), 2048)->fp);
  ASSERT_EQ(db::add_peer(db, "bob", "", 0), db::Change::kDone);
  const auto theirs = crypto::import_public(crypto::public_pem(test::bob_key()), 2048);
  ASSERT_EQ(db::set_peer_key(db, "bob", theirs->spki_der, theirs->fp, false), db::Change::kDone);
  const PeerId bob = db::find_peer(db, "bob")->id;
  {
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
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace gossip::daemon
