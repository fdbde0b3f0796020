// The disk fails under SQLite, and processes die: what was acknowledged is there, what was not is whole or absent.
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>

#include "db/checkpoint.h"
#include "scratch.h"

namespace {
int g_fail_sync = 0, g_fail_write = 0;  // counted down; the call that reaches 0 fails
int g_error = EIO;

bool strikes(int& counter) {
  if (counter == 0 || --counter != 0) return false;
  errno = g_error;
  return true;
}
}  // namespace

// The program's own symbols are found first: SQLite's calls come here.
extern "C" __attribute__((visibility("default"))) int fdatasync(int fd) {
  return strikes(g_fail_sync) ? -1 : static_cast<int>(::syscall(SYS_fdatasync, fd));
}
extern "C" __attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void* data, size_t n, off64_t at) {
  return strikes(g_fail_write) ? -1 : ::syscall(SYS_pwrite64, fd, data, n, at);
}

namespace gossip::db::test {
namespace {

constexpr int kFirst = 3, kBatch = 100, kMostCalls = 2000;

class Fault : public Scratch {
 protected:
  ~Fault() override { g_fail_sync = g_fail_write = 0; }
  std::vector<Incoming> some(int from, int n) {
    std::vector<Incoming> out;
    for (int i = from; i < from + n; ++i) out.push_back(incoming(crypto_, hearsay("message " + std::to_string(i))));
    return out;
  }
  void fresh() {
    for (const char* rest : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + rest);
    Database db = open();
    Log log(db, crypto_, fixed_clock);
    add_key(db, Bytes(4, 1), filled(1));
    ASSERT_EQ(add_peer(db, "bob"), Change::kDone);
    bob_ = find_peer(db, "bob")->id;
    CursorUpdate adopt{bob_, 1, Cursor{}, true};
    ASSERT_TRUE(log.commit(some(0, kFirst), {&adopt, 1}, {}));
  }
  // All of the batch and the cursor, or nothing of either.
  void all_or_nothing(bool all_expected) {
    Database db = open();
    Log log(db, crypto_, fixed_clock);
    EXPECT_EQ(words(db, "PRAGMA integrity_check"), "ok");
    const bool all = log.size() == kFirst + kBatch;
    EXPECT_TRUE(all || log.size() == kFirst) << log.size();
    EXPECT_EQ(number(db, "SELECT count(*) FROM body"), static_cast<std::int64_t>(log.size()));
    EXPECT_EQ(log.cursor(bob_, 1).seq, all ? Seq{kBatch} : Seq{0});
    EXPECT_TRUE(all || !all_expected);
    log.chain(log.size());
  }
  bool commit_batch(Log& log) {
    CursorUpdate update{bob_, 1, Cursor{{}, kBatch, {}}, false};
    return log.commit(some(kFirst, kBatch), {&update, 1}, {});
  }
  PeerId bob_ = 0;
};

TEST_F(Fault, F12_AFailedSyncIsFatalAndLeavesAllOrNothing) {
  bool failed = true;
  int n = 1;
  for (; failed && n < kMostCalls; ++n) {
    fresh();
    {
      Database db = open();
      Log log(db, crypto_, fixed_clock);
      g_error = EIO;
      g_fail_sync = n;
      failed = false;
      try {
        EXPECT_TRUE(commit_batch(log));
      } catch (const Error& error) {
        EXPECT_EQ(error.trouble(), Trouble::kIo) << error.what();
        failed = true;
      }
      g_fail_sync = 0;
    }
    all_or_nothing(!failed);
  }
  EXPECT_GT(n, 2) << "some sync was made to fail";
  EXPECT_LT(n, kMostCalls);
}

TEST_F(Fault, ASyncWithoutRoomIsFatalToo) {
  fresh();
  Database db = open();
  Log log(db, crypto_, fixed_clock);
  g_error = ENOSPC;
  g_fail_sync = 1;
  EXPECT_EQ(trouble_in([&] { commit_batch(log); }), Trouble::kIo);
}

TEST_F(Fault, AFullDiskIsFalseAndTheSameConnectionResumes) {
  bool failed = true;
  int n = 1;
  for (; failed && n < kMostCalls; n = n * 3 / 2 + 1) {
    fresh();
    {
      Database db = open();
      Log log(db, crypto_, fixed_clock);
      g_error = ENOSPC;
      g_fail_write = n;
      failed = !commit_batch(log);
      g_fail_write = 0;
      EXPECT_EQ(log.size(), Seq{kFirst} + (failed ? 0 : kBatch));
      EXPECT_TRUE(commit_batch(log));
      EXPECT_EQ(log.size(), Seq{kFirst + kBatch});
    }
    all_or_nothing(true);
  }
  EXPECT_GT(n, 2);
}

TEST_F(Fault, AWriteErrorIsFatalAndLeavesAllOrNothing) {
  bool failed = true;
  int n = 1;
  for (; failed && n < kMostCalls; n = n * 3 / 2 + 1) {
    fresh();
    {
      Database db = open();
      Log log(db, crypto_, fixed_clock);
      g_error = EIO;
      g_fail_write = n;
      failed = false;
      try {
        EXPECT_TRUE(commit_batch(log));
      } catch (const Error& error) {
        EXPECT_EQ(error.trouble(), Trouble::kIo);
        failed = true;
      }
      g_fail_write = 0;
    }
    all_or_nothing(!failed);
  }
  EXPECT_GT(n, 2);
}

TEST_F(Fault, ACheckpointThatFailsLosesNothing) {
  for (int* counter : {&g_fail_sync, &g_fail_write}) {
    for (int error : {EIO, ENOSPC}) {
      bool failed = true;
      int n = 1;
      for (; failed && n < kMostCalls; n = counter == &g_fail_write ? n * 2 : n + 1) {
        fresh();
        {
          Database db = open();
          Log log(db, crypto_, fixed_clock);
          ASSERT_TRUE(commit_batch(log));
          Checkpointer checkpointer(path_);
          g_error = error;
          *counter = n;
          try {
            failed = !checkpointer.run();
          } catch (const Error& trouble) {
            EXPECT_EQ(trouble.trouble(), Trouble::kIo);
            failed = true;
          }
          *counter = 0;
          EXPECT_TRUE(counter == &g_fail_sync || checkpointer.run()) << "room again";
        }
        all_or_nothing(true);
      }
      EXPECT_GT(n, 2);
    }
  }
}

TEST_F(Fault, MakingTheFileIsAllOrNothing) {
  for (int* counter : {&g_fail_sync, &g_fail_write}) {
    bool failed = true;
    int n = 1;
    for (; failed && n < kMostCalls; ++n) {
      const std::string path = dir_ + "/made/g.db";
      std::filesystem::remove_all(dir_ + "/made");
      g_error = ENOSPC;
      *counter = n;
      failed = false;
      try {
        open_store(path, {});
      } catch (const Error&) { failed = true; }
      *counter = 0;
      Database db = open_store(path, {});
      EXPECT_EQ(words(db, "PRAGMA integrity_check"), "ok");
      EXPECT_EQ(number(db, "SELECT count(*) FROM who"), 1);
    }
    EXPECT_GT(n, 2);
  }
}

TEST_F(Fault, AKilledWriterLosesNothingItAcknowledged) {
  { open(); }
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t child = spawn([&] {
      Database db = open();
      Log log(db, crypto_, fixed_clock);
      for (int i = 0;; ++i) {
        Incoming in = incoming(crypto_, hearsay(std::to_string(round) + "/" + std::to_string(i)));
        if (!log.commit({&in, 1}, {}, {})) return 1;
        Seq seq = log.size();
        if (::write(ends[1], &seq, sizeof seq) != sizeof seq) return 2;
      }
    });
    ::close(ends[1]);
    Seq acknowledged = 0, seq = 0;
    for (int i = 0; i < 60 && ::read(ends[0], &seq, sizeof seq) == sizeof seq; ++i) acknowledged = seq;
    ::kill(child, SIGKILL);
    EXPECT_EQ(exit_code(child), 128 + SIGKILL);
    while (::read(ends[0], &seq, sizeof seq) == sizeof seq) acknowledged = seq;
    ::close(ends[0]);
    Database db = open();
    Log log(db, crypto_, fixed_clock);
    EXPECT_GE(acknowledged, 60u);
    EXPECT_GE(log.size(), acknowledged);
    EXPECT_EQ(number(db, "SELECT count(*) FROM log"), static_cast<std::int64_t>(log.size()));
    EXPECT_EQ(number(db, "SELECT count(*) FROM body"), static_cast<std::int64_t>(log.size()));
    EXPECT_EQ(words(db, "PRAGMA integrity_check"), "ok");
  }
}

}  // namespace
}  // namespace gossip::db::test
