#include "gossipd/crashes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "sys/signals.h"
#include "unit/db/scratch.h"

namespace gossip::daemon {
namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr Id12 kMark{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255};

struct Crashes : db::test::Scratch {
  std::string note() const { return path_ + ".crash"; }
  // In a process of its own, which ends by `how`.
  template <class How>
  void dies(PeerId peer, How how) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (::close(STDERR_FILENO) != 0) ::_exit(1);
      sys::on_abort([]() -> const char* { return nullptr; }, 70);
      CrashDesk desk(path_);
      desk.take(9, {});
      desk.clear();
      if (peer != 0) desk.take(peer, kMark);
      how();
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
  }
  PeerInfo waits(std::initializer_list<std::int64_t> at, std::int64_t now_ms = kNowMs) {
    std::vector<db::Crash> all{{4, kMark, kNowMs}};  // another's
    for (std::int64_t one : at) all.push_back({3, kMark, one});
    PeerInfo info{3, 1, true, 0};
    put_off(info, all, now_ms);
    return info;
  }
};

#ifdef __SANITIZE_ADDRESS__  // has a handler of its own for faults
constexpr int kFault = SIGABRT;
#else
constexpr int kFault = SIGFPE;
#endif

TEST_F(Crashes, ADyingProcessLeavesWhatItHadInHand) {
  dies(3, [] { std::abort(); });
  dies(0x0102030405060708, [] { ::raise(kFault); });
  struct stat facts {};
  ASSERT_EQ(::stat(note().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  const auto left = left_behind(path_, kNowMs);
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].peer, 3u);
  EXPECT_EQ(left[1].peer, 0x0102030405060708u);
  EXPECT_EQ(left[1].mark, kMark);
  EXPECT_EQ(left[1].at_ms, kNowMs);
  EXPECT_EQ(left_behind(path_, kNowMs).size(), 2u) << "until it is stored";
  forget_left_behind(path_);
  EXPECT_TRUE(left_behind(path_, kNowMs).empty());
}

TEST_F(Crashes, NothingIsLeftWithoutACrashOrWithoutAFriendInHand) {
  dies(3, [] {});
  dies(3, [] { ::raise(SIGKILL); });
  dies(3, [] { ::raise(SIGBUS); });
  dies(0, [] { std::abort(); });
  EXPECT_NE(::access(note().c_str(), F_OK), 0);
}

TEST_F(Crashes, WhatIsNoNoteIsPassedOver) {
  std::ofstream(note()) << std::string(30, '\1');
  ::chmod(note().c_str(), 0600);
  EXPECT_EQ(left_behind(path_, kNowMs).size(), 1u);  // whole ones only
  ::chmod(note().c_str(), 0644);
  EXPECT_TRUE(left_behind(path_, kNowMs).empty()) << "anybody's";
  EXPECT_NE(::access(note().c_str(), F_OK), 0);
}

TEST_F(Crashes, AreStoredCountedAndBounded) {
  db::Database db = open();
  ASSERT_EQ(db::add_peer(db, "nobody"), db::Change::kNoKey);
  db.exec("INSERT INTO who(id, name) VALUES(3, 'bob')");
  const auto version = db::peers_version(db);
  db::note_crashes(db, {{3, kMark, 5}, {8, kMark, 6}});  // 8 was never anybody
  EXPECT_NE(db::peers_version(db), version);
  ASSERT_EQ(db::crashes(db).size(), 1u);
  EXPECT_EQ(db::crashes(db)[0].mark, kMark);
  for (int i = 0; i < 12; ++i) db::note_crashes(db, std::vector<db::Crash>(100, {3, Id12{static_cast<std::uint8_t>(i)}, i}));
  EXPECT_EQ(db::crashes(db).size(), 1000u);
  EXPECT_EQ(quarantine_of(db::crashes(db)).size(), 10u);
}

TEST_F(Crashes, EndWithTheProgramAndWhatWasRefusedIsListedOnceMore) {
  db::Database db = open();
  db::add_key(db, Bytes(4, 1), db::test::filled(1));
  ASSERT_EQ(db::add_peer(db, "bob"), db::Change::kDone);
  const PeerId bob = db::list_peers(db).at(0).id;
  db.exec("INSERT INTO peer_sync(peer, gen, log_id, cursor, tag, acked) SELECT id, gen, zeroblob(16), 40, zeroblob(8), 9 FROM peers");
  EXPECT_TRUE(db::forget_crashes_of_others(db, "1.0"));
  EXPECT_EQ(db::peer_syncs(db)[0].cursor, 40u) << "it had none";
  db::note_crashes(db, {{bob, kMark, 5}});
  EXPECT_FALSE(db::forget_crashes_of_others(db, "1.0"));
  EXPECT_EQ(db::crashes(db).size(), 1u);
  const auto version = db::peers_version(db);
  EXPECT_TRUE(db::forget_crashes_of_others(db, "1.1"));
  EXPECT_NE(db::peers_version(db), version);
  EXPECT_TRUE(db::crashes(db).empty());
  EXPECT_EQ(db::peer_syncs(db)[0].cursor, 0u);
  EXPECT_EQ(db::peer_syncs(db)[0].acked, 9u);
  EXPECT_FALSE(db::forget_crashes_of_others(db, "1.1"));
}

TEST_F(Crashes, WhoDoesItAgainWaitsLonger) {
  EXPECT_EQ(waits({}).put_off, 0);
  EXPECT_EQ(waits({kNowMs}).put_off, kMinute);
  EXPECT_EQ(waits({kNowMs, kNowMs}).put_off, 10 * kMinute);
  EXPECT_EQ(waits({kNowMs, kNowMs, kNowMs, kNowMs}).put_off, kHour);
  EXPECT_EQ(waits({kNowMs, kNowMs}).crashes, 2u);
  EXPECT_EQ(waits({kNowMs - kMinuteMs / 2}).put_off, kMinute / 2);
  EXPECT_EQ(waits({kNowMs - 2 * kMinuteMs}).put_off, 0);
  EXPECT_EQ(waits({kNowMs - kDayMs - 1, kNowMs}).crashes, 1u) << "a day later it is forgotten";
  EXPECT_EQ(waits({kNowMs + kDayMs}).put_off, kMinute) << "a clock that was set back";
}

TEST(Quarantine, WhatHasNoMarkIsNotInIt) { EXPECT_EQ(quarantine_of({{3, {}, 5}, {3, kMark, 6}}), std::set<Id12>{kMark}); }

}  // namespace
}  // namespace gossip::daemon
