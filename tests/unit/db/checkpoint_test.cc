// The fenced checkpoint, and several processes on one file.
#include "db/checkpoint.h"

#include "db/files.h"
#include "db/wal.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

class CheckpointTest : public Scratch {
 protected:
  // Where a descriptor is given, half way through it waits for a byte from there.
  int append_many(int who, int n, std::size_t padding, int halt = -1) {
    Database db = open_store(path_, {.busy_timeout_ms = 20'000, .create = false, .write = true});
    Log log(db, crypto_, fixed_clock);
    for (int i = 0; i < n; ++i) {
      char byte;
      if (i == n / 2 && halt >= 0 && ::read(halt, &byte, 1) != 1) return 2;
      Incoming in = incoming(crypto_, hearsay(std::to_string(who) + "/" + std::to_string(i) + std::string(padding, 'x')));
      if (!log.commit({&in, 1}, {}, {})) return 1;
    }
    return 0;
  }
  // Dense, each message once, the kept chain equal to the naive one, the file sound.
  void sound(std::int64_t expected) {
    Database db = open();
    Log log(db, crypto_, fixed_clock);
    EXPECT_EQ(log.size(), static_cast<Seq>(expected));
    EXPECT_EQ(number(db, "SELECT count(DISTINCT id) FROM log"), expected);
    EXPECT_EQ(number(db, "SELECT count(*) FROM body"), expected);
    EXPECT_EQ(words(db, "PRAGMA integrity_check"), "ok");
    Hash naive{};
    std::vector<LogRow> rows(512);
    for (Seq at = 0, n; (n = log.rows(at, rows)) > 0; at += n) {
      for (std::size_t i = 0; i < n; ++i) naive = chain_next(crypto_, naive, rows[i].id);
      ASSERT_EQ(log.chain(at + n), naive);
    }
  }
  std::uint64_t used() const { return wal_use(path_ + "-wal").frames; }
};

TEST_F(CheckpointTest, F10_ProcessesAppendAtOnceAndSeqStaysDense) {
  { open(); }
  std::vector<pid_t> children;
  for (int who = 0; who < 3; ++who) {
    children.push_back(spawn([&, who] { return append_many(who % 2, 400, 0); }));  // two of them bring the same messages
  }
  for (pid_t child : children) EXPECT_EQ(exit_code(child), 0);
  sound(800);
}

TEST_F(CheckpointTest, WalUseFollowsSqlite) {
  Database db = open();
  EXPECT_EQ(used(), 0u);
  EXPECT_EQ(wal_use(dir_ + "/none").frames, 0u);
  meta_put(db, "a", "1");
  const std::uint64_t first = used();
  EXPECT_GT(first, 0u);
  for (int i = 0; i < 50; ++i) meta_put(db, "a", std::to_string(i));
  Statement row = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  ASSERT_TRUE(row.step());
  EXPECT_EQ(static_cast<std::int64_t>(used()), row.integer(1));
  row.reset();
  meta_put(db, "a", "reset");  // goes to the start of the file again
  EXPECT_LE(used(), first);
  EXPECT_EQ(wal_use(path_ + "-wal").frame_bytes, 24u + 4096u);
}

TEST_F(CheckpointTest, KeepsDataAndEmptiesTheWalWhileOthersWrite) {
  { open(); }
  constexpr int kEach = 120;
  std::vector<pid_t> children;
  int halt[2];
  ASSERT_EQ(::pipe(halt), 0);
  for (int who = 0; who < 2; ++who) children.push_back(spawn([&, who] { return append_many(who, kEach, 4000, halt[0]); }));
  int carried = 0;
  Checkpointer checkpointer(path_);
  for (std::size_t left = children.size(); left > 0;) {
    if (checkpointer.run() && ++carried == 1) {  // at the latest while both wait
      ASSERT_EQ(::write(halt[1], "go", 2), 2);
    }
    int status = 0;
    if (::waitpid(-1, &status, WNOHANG) <= 0) continue;
    EXPECT_EQ(status, 0);
    --left;
  }
  EXPECT_GT(carried, 0) << "while they were at it";
  ::close(halt[0]);
  ::close(halt[1]);
  EXPECT_TRUE(checkpointer.run());
  EXPECT_GT(size_of(path_), std::int64_t{2} * kEach * 4000) << "the data is in the file";
  {
    Database db = open();
    meta_put(db, "a", "b");
  }
  EXPECT_LT(used(), 5u) << "and the WAL is written from the start again";
  sound(2 * kEach);
}

TEST_F(CheckpointTest, AWriterInTheWayIsNotWaitedFor) {
  Database db = open();
  meta_put(db, "a", "b");
  Checkpointer checkpointer(path_);
  {
    Transaction transaction(db);
    EXPECT_FALSE(checkpointer.run());
  }
  EXPECT_TRUE(checkpointer.run());
  meta_put(db, "a", "c");  // the fence is gone
  EXPECT_EQ(meta_get(db, "a"), "c");
}

TEST_F(CheckpointTest, AReaderOfOldRowsDelaysButDoesNotBreak) {
  Database db = open(), reader = open();
  meta_put(db, "a", "old");
  Checkpointer checkpointer(path_);
  reader.exec("BEGIN");
  EXPECT_EQ(meta_get(reader, "a"), "old");
  meta_put(db, "a", "new");
  EXPECT_FALSE(checkpointer.run());
  EXPECT_EQ(meta_get(reader, "a"), "old");
  reader.exec("COMMIT");
  EXPECT_TRUE(checkpointer.run());
  EXPECT_EQ(meta_get(reader, "a"), "new");
}

TEST_F(CheckpointTest, DueAtSixteenMebibytesOrAfterAMinuteOfQuiet) {
  Database db = open();
  Checkpointer checkpointer(path_);
  const std::int64_t empty = size_of(path_);
  Micros now = 5 * kHour, next = checkpointer.run_if_due(now);
  EXPECT_GT(next, now) << "nothing to do is no busy loop";
  meta_put(db, "a", "b");
  now += kSecond;
  next = checkpointer.run_if_due(now);
  EXPECT_EQ(next, now + kSecond / 10) << "it grew";
  EXPECT_EQ(checkpointer.run_if_due(now + kSecond), now + 3 * kSecond) << "it did not";
  add_key(db, Bytes(40'000, 1), filled(1));
  now += 59 * kSecond;
  EXPECT_EQ(checkpointer.run_if_due(now), now + kSecond / 10) << "it grew again";
  now += kMinute;
  EXPECT_EQ(size_of(path_), empty);
  EXPECT_GT(checkpointer.run_if_due(now), now);
  EXPECT_GT(size_of(path_), empty) << "a minute of quiet";
  const std::int64_t quiet = size_of(path_);
  for (std::uint8_t i = 2; i < 20; ++i) add_key(db, Bytes(1'000'000, i), filled(i));
  now += kSecond;
  EXPECT_GT(checkpointer.run_if_due(now), now);
  EXPECT_GT(size_of(path_), quiet + 16'000'000) << "more than 16 MiB";
  const auto written = std::filesystem::last_write_time(path_);
  for (int i = 0; i < 100; ++i) checkpointer.run_if_due(now += kMinute);
  EXPECT_EQ(std::filesystem::last_write_time(path_), written) << "nothing new, nothing done";
}

TEST_F(CheckpointTest, AfterAMinuteOfQuietADeletedKeyIsNowhere) {
  Database db = open();
  Checkpointer checkpointer(path_);
  Bytes der(600, 0);
  for (std::size_t i = 0; i < der.size(); ++i) der[i] = static_cast<std::uint8_t>("never to be found "[i % 18] ^ (i & 1));
  const std::string needle(der.begin() + 18, der.begin() + 90);
  auto in_either = [&] { return (contents(path_) + contents(path_ + "-wal")).find(needle) != std::string::npos; };
  db.prepare("INSERT INTO meta(k, v) VALUES('key', ?)").bind(1, der).run();
  db.exec("DELETE FROM meta WHERE k='key'");
  EXPECT_TRUE(in_either());
  Micros now = kHour;
  checkpointer.run_if_due(now);
  {
    Transaction holder(db);
    now += kMinute;
    EXPECT_EQ(checkpointer.run_if_due(now), now + kSecond) << "a writer is in the way";
  }
  now += kSecond;
  checkpointer.run_if_due(now);
  EXPECT_FALSE(in_either());
  EXPECT_EQ(used(), 1u);
  EXPECT_EQ(size_of(path_ + "-wal"), 32 + 24 + 4096);
  const std::string wal = contents(path_ + "-wal");
  for (int i = 0; i < 10; ++i) checkpointer.run_if_due(now += kMinute);
  EXPECT_EQ(contents(path_ + "-wal"), wal) << "once";
  EXPECT_EQ(words(db, "PRAGMA integrity_check"), "ok");
}

TEST_F(CheckpointTest, AReaderPutsTidyingOff) {
  Database db = open(), reader = open();
  Checkpointer checkpointer(path_);
  for (int i = 0; i < 9; ++i) meta_put(db, "a", std::to_string(i));
  {
    Snapshot old(reader);
    EXPECT_EQ(meta_get(reader, "a"), "8");
    EXPECT_TRUE(checkpointer.run()) << "it is of the newest rows";
    EXPECT_FALSE(checkpointer.tidy());
    EXPECT_GT(used(), 1u) << "its rows are in the WAL";
    EXPECT_EQ(meta_get(reader, "a"), "8");
  }
  EXPECT_TRUE(checkpointer.tidy());
  EXPECT_EQ(used(), 1u);
  EXPECT_EQ(meta_get(reader, "a"), "8");
}

TEST_F(CheckpointTest, WhatIsToBeWipedIsTriedEachSecondWhileSomebodyReads) {
  Database db = open(), reader = open();
  Checkpointer checkpointer(path_);
  meta_put(db, "a", "nobody needs to know");
  meta_put(db, "a", "");
  Micros now = kHour;
  checkpointer.wipe_soon();
  {
    Snapshot newest(reader);
    EXPECT_EQ(meta_get(reader, "a"), "");
    for (int i = 0; i < 3; ++i, now += kSecond) EXPECT_EQ(checkpointer.run_if_due(now), now + kSecond);
    EXPECT_NE(contents(path_ + "-wal").find("nobody needs to know"), std::string::npos);
  }
  checkpointer.run_if_due(now);
  EXPECT_EQ((contents(path_) + contents(path_ + "-wal")).find("nobody needs to know"), std::string::npos);
  EXPECT_EQ(used(), 1u);
}

TEST_F(CheckpointTest, DueButBlockedIsTriedAgainWithinASecond) {
  Database db = open();
  Checkpointer checkpointer(path_);
  for (std::uint8_t i = 1; i < 20; ++i) add_key(db, Bytes(1'000'000, i), filled(i));
  Micros now = kHour;
  {
    Transaction holder(db);
    EXPECT_EQ(checkpointer.run_if_due(now), now + kSecond);
    EXPECT_EQ(checkpointer.run_if_due(now + kSecond / 2), now + kSecond);
  }
  now += kSecond;
  checkpointer.run_if_due(now);
  EXPECT_GT(size_of(path_), 16'000'000);
}

}  // namespace
}  // namespace gossip::db::test
