// As many friends as there may be, in session at once and both ways, with one hub. GOSSIP_LONG=1: the hub dials all of them, which
// takes a minute at the pace of sync's dialling.
#include "hub.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "db/messages.h"
#include "db/peers.h"
#include "db/schema.h"
#include "gossipd/descriptors.h"
#include "gossipd/driver.h"
#include "support/folder.h"
#include "sys/clock.h"
#include "sys/fd.h"

namespace gossip::daemon {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kTrueSizes = false;
#else
constexpr bool kTrueSizes = true;
#endif
constexpr long kMost = 64 * 1024;  // KiB of memory

double factor() {
  const char* set = std::getenv("GOSSIP_TEST_FACTOR");
  return set ? std::atof(set) : 1;
}

struct Usage {
  long ticks = 0, waits = 0, rss = 0, peak = 0;  // 10 ms of CPU, voluntary waits of all threads, KiB
};

Usage usage(pid_t pid) {
  Usage out;
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream stat(folder + "/stat");
  std::string word;
  for (int i = 1; i <= 15 && stat >> word; ++i)
    if (i >= 14) out.ticks += std::atol(word.c_str());
  for (const auto& thread : std::filesystem::directory_iterator(folder + "/task")) {
    std::ifstream status(thread.path() / "status");
    for (long n; status >> word;) {
      if (word == "VmRSS:" && status >> n) out.rss = n;
      if (word == "VmHWM:" && status >> n) out.peak = n;
      if (word == "voluntary_ctxt_switches:" && status >> n) out.waits += n;
    }
  }
  return out;
}

class HubOfFriends : public testing::Test {
 protected:
  HubOfFriends() { hub_.emplace(folder_.path()); }
  // Friends are played until `there` says so; false when that takes longer than it ought to.
  template <class There>
  bool until(const char* what, There there) {
    for (const Micros end = sys::mono_us() + static_cast<Micros>(90 * factor()) * kSecond; !there() && sys::mono_us() < end;)
      friends_.turn(kSecond / 20);
    lap(what);
    return there();
  }
  void lap(const char* what) {
    const Micros start = std::exchange(lap_at_, sys::mono_us());
    std::printf("%-44s %6.2f s\n", what, static_cast<double>(lap_at_ - start) / kSecond);
    std::fflush(stdout);
  }
  void play(Micros span) {
    for (const Micros end = sys::mono_us() + span; sys::mono_us() < end;) friends_.turn(end - sys::mono_us());
  }
  void befriend(std::size_t count, std::size_t dialled) {
    const test::ManyKeys keys(2 * count + 1);
    db::Database db = db::open_store(hub_->db_path(), {});
    db.exec("PRAGMA synchronous=OFF");  // 1,500 transactions; the daemon that comes after opens it as always
    for (std::size_t i = 0; i < count; ++i) {
      const test::TestKey hubs = keys.key(2 * i), theirs = keys.key(2 * i + 1);
      const std::string name = "f" + std::to_string(i);
      db::add_key(db, hubs.private_der, hubs.fp);
      ASSERT_EQ(db::add_peer(db, name, i < dialled ? db::Addresses{{"127.0.0.1", friends_.port()}} : db::Addresses{}), db::Change::kDone);
      ASSERT_EQ(db::set_peer_key(db, name, theirs.spki_der, theirs.fp, false), db::Change::kDone);
      friends_.add(theirs, hubs);
    }
    const test::TestKey spare = keys.key(2 * count);
    db::add_key(db, spare.private_der, spare.fp);
  }
  std::size_t up(db::Database& db, int side) {
    const auto states = db::peer_states(db);
    return static_cast<std::size_t>(
        std::count_if(states.begin(), states.end(), [&](const auto& one) { return one.side == side && one.state == "up"; }));
  }
  void sizes(const char* when) {
    for (const auto& [name, pid] : {std::pair{"worker", hub_->worker()}, std::pair{"listener", hub_->listener()}}) {
      const Usage used = usage(pid);
      std::printf("%s, %s: %.1f MiB, at most %.1f MiB\n", when, name, static_cast<double>(used.rss) / 1024,
                  static_cast<double>(used.peak) / 1024);
      EXPECT_GT(used.rss, 0);
      if (kTrueSizes) { EXPECT_LE(used.peak, kMost) << name; }
    }
  }

  test::Folder folder_;
  std::optional<Hub> hub_;
  Friends friends_;
  Micros lap_at_ = sys::mono_us();
};

TEST_F(HubOfFriends, AllAreInSessionAtOnceAndHearEachOther) {
  const bool all = std::getenv("GOSSIP_LONG") != nullptr;
  const std::size_t count = kMaxPeers, dialled = all ? kMaxPeers : kMaxPeers / 4;
  if (sys::raise_descriptor_limit(2 * kDescriptors) < 2 * kDescriptors) GTEST_SKIP() << "too few open files allowed, see ulimit -Hn";
  ASSERT_NO_FATAL_FAILURE(befriend(count, dialled));
  lap("512 friends and their keys were made");
  hub_->start();
  friends_.call(hub_->port());
  EXPECT_TRUE(until("all friends in session, calling", [&] { return friends_.calling() == count; }));
  EXPECT_TRUE(until("and called", [&] { return friends_.called() == dialled; })) << friends_.called();
  db::Database db = db::open_store(hub_->db_path(), {.create = false, .write = false});
  EXPECT_TRUE(until("status says so", [&] { return up(db, 1) == count && up(db, 0) == dialled; })) << up(db, 1) << " " << up(db, 0);
  sizes("in session");

  hub_->gossipc("send -m 'from the hub'");
  EXPECT_TRUE(until("a message of the hub is with everybody", [&] { return friends_.fewest() == 1; }));
  for (std::size_t i = 0; i < count; ++i) friends_.say(i, "from friend " + std::to_string(i));
  EXPECT_TRUE(until("one of each is with everybody", [&] { return friends_.fewest() == count + 1; })) << friends_.fewest();
  EXPECT_EQ(db::last_seq(db), count + 1) << "each once at the hub";
  const EngineStats total = friends_.total();
  EXPECT_EQ(total.bodies - total.bodies_twice, count * count) << "the hub's, and to each those of all others";
  EXPECT_LE(total.bodies_twice, total.bodies / 20) << "asked again, where an answer took longer than a second";
  EXPECT_EQ(total.protocol_errors, 0u);
  EXPECT_EQ(friends_.calling(), count);
  EXPECT_EQ(friends_.called(), dialled);
  sizes("after that");

  const Micros span = all ? 40 * kSecond : 3 * kSecond;  // the first PINGs come after 24 s
  play(3 * kSecond);  // acknowledgements
  const std::pair<const char*, pid_t> processes[] = {{"worker", hub_->worker()}, {"listener", hub_->listener()}};
  Usage before[2];
  for (int i = 0; i < 2; ++i) before[i] = usage(processes[i].second);
  play(span);
  for (int i = 0; i < 2; ++i) {
    const Usage after = usage(processes[i].second);
    std::printf("idle for %d s, %s: %.2f s of CPU, %ld wake-ups\n", static_cast<int>(span / kSecond), processes[i].first,
                static_cast<double>(after.ticks - before[i].ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)),
                after.waits - before[i].waits);
  }
  EXPECT_EQ(friends_.calling(), count);
  EXPECT_EQ(hub_->stop(), 0);
  EXPECT_EQ(hub_->log().find("error"), std::string::npos) << hub_->log();
}

// With cover on, bogus challenges and PAD cells go out beside the sessions, and nobody hears, loses or notes anything for it.
TEST_F(HubOfFriends, CoverIsInNobodysWay) {
  constexpr std::size_t kCount = 200;
  ASSERT_NO_FATAL_FAILURE(befriend(kCount, kCount));
  ::setenv("GOSSIPD_COVER", "on", 1);
  hub_->start();
  friends_.call(hub_->port());
  EXPECT_TRUE(until("in session, both ways", [&] { return friends_.calling() == kCount && friends_.called() == kCount; }));
  hub_->gossipc("send -m 'from the hub'");
  for (std::size_t i = 0; i < kCount; ++i) friends_.say(i, "from friend " + std::to_string(i));
  EXPECT_TRUE(until("a message of each is with everybody", [&] { return friends_.fewest() == kCount + 1; })) << friends_.fewest();
  EXPECT_TRUE(until("three bogus challenges have come", [&] { return friends_.strangers() >= 3; })) << friends_.strangers();
  play(4 * kSecond);  // the longest of them has ended
  EXPECT_EQ(friends_.calling(), kCount);
  EXPECT_EQ(friends_.called(), kCount);
  EXPECT_EQ(friends_.total().protocol_errors, 0u);
  db::Database db = db::open_store(hub_->db_path(), {.create = false, .write = false});
  EXPECT_EQ(db::last_seq(db), kCount + 1);
  for (const db::PeerState& one : db::peer_states(db)) {
    EXPECT_EQ(one.state, "up") << one.peer << " " << one.reason;
    EXPECT_EQ(one.failures, 0u) << one.peer;
  }
  EXPECT_EQ(hub_->stop(), 0);
  std::map<std::string, std::int64_t> counted;
  for (const auto& [name, value] : db::counters(db)) counted[name] = value;
  EXPECT_GE(counted["bogus_challenges"], 3);
  EXPECT_LE(counted["bogus_challenges"], static_cast<std::int64_t>(friends_.strangers()) + 4) << "some may not have come to M1";
  EXPECT_GE(counted["cover_cells"], 50) << "20 a second";
  std::printf("figures: %d bogus challenges, %d cells for cover\n", static_cast<int>(counted["bogus_challenges"]),
              static_cast<int>(counted["cover_cells"]));
  EXPECT_EQ(hub_->log().find("error"), std::string::npos) << hub_->log();
}

}  // namespace
}  // namespace gossip::daemon
