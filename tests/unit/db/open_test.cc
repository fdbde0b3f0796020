// Making, finding and refusing the file.
#include <cstring>
#include <optional>

#include "db/files.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

class Open : public Scratch {
 protected:
  // Refused with `trouble`, and nothing in the folder changed.
  void refused(Trouble trouble, const OpenOptions& options = {}) {
    const std::string before = contents(path_);
    const auto files = listing();
    EXPECT_EQ(trouble_in([&] { open_store(path_, options); }), trouble);
    EXPECT_EQ(contents(path_), before);
    EXPECT_EQ(listing(), files);
  }
  std::vector<std::string> listing() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
  }
  // A SQLite file of somebody else's making.
  void foreign(const char* sql) {
    make_private_file(path_);
    Database db(path_, Database::Mode::kCreate, 0);
    db.exec(sql);
  }
};

TEST_F(Open, F26_ModesArePrivateWhateverTheUmask) {
  for (mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0777}}) {
    const std::string above = dir_ + "/new" + std::to_string(mask), folder = above + "/er", path = above + "/er/g.db";
    mode_t old = ::umask(mask);
    {
      Database db = open_store(path, {});
      db.exec("BEGIN IMMEDIATE; ROLLBACK");
    }
    ::umask(old);
    EXPECT_EQ(mode_of(above), 0700u);
    EXPECT_EQ(mode_of(folder), 0700u);
    for (const char* rest : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(path + rest), 0600u) << rest;
  }
}

TEST_F(Open, F26_RefusesWhatOthersCanRead) {
  { open(); }
  for (const char* rest : {"", "-wal", "-shm"}) {
    for (mode_t bad : {mode_t{0640}, mode_t{0604}, mode_t{0620}, mode_t{0601}}) {
      ASSERT_EQ(::chmod((path_ + rest).c_str(), bad), 0);
      refused(Trouble::kNotOurs);
    }
    ASSERT_EQ(::chmod((path_ + rest).c_str(), 0600), 0);
  }
  for (mode_t bad : {mode_t{0755}, mode_t{0710}, mode_t{0770}, mode_t{0701}}) {
    ASSERT_EQ(::chmod(dir_.c_str(), bad), 0);
    refused(Trouble::kNotOurs);
  }
  try {
    open();
    ADD_FAILURE() << "opened";
  } catch (const Error& error) { EXPECT_NE(error.hint().find("a directory of its own"), std::string::npos) << error.hint(); }
  ASSERT_EQ(::chmod(dir_.c_str(), 0700), 0);
  open();
}

TEST_F(Open, SymlinksAreRefused) {
  { open(); }
  const std::string other = dir_ + "/other";
  ASSERT_EQ(::symlink(path_.c_str(), other.c_str()), 0);
  EXPECT_EQ(trouble_in([&] { open_store(other, {}); }), Trouble::kNotOurs);
  const std::string link = dir_ + "-link";
  ASSERT_EQ(::symlink(dir_.c_str(), link.c_str()), 0);
  EXPECT_EQ(trouble_in([&] { open_store(link + "/gossipd.db", {}); }), Trouble::kNotOurs);
  EXPECT_EQ(trouble_in([&] { open_store(link + "//gossipd.db", {}); }), Trouble::kNotOurs);
  ::unlink(link.c_str());
  for (const char* rest : {"-wal", "-shm"}) {
    ASSERT_EQ(::rename((path_ + rest).c_str(), (dir_ + "/away").c_str()), 0);
    ASSERT_EQ(::symlink((dir_ + "/away").c_str(), (path_ + rest).c_str()), 0);
    refused(Trouble::kNotOurs);
    ASSERT_EQ(::rename((dir_ + "/away").c_str(), (path_ + rest).c_str()), 0);
  }
  ASSERT_EQ(::symlink((dir_ + "/nowhere").c_str(), (dir_ + "/dangling").c_str()), 0);
  EXPECT_EQ(trouble_in([&] { open_store(dir_ + "/dangling", {}); }), Trouble::kNotOurs);
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/nowhere"));
}

TEST_F(Open, ADirectoryInItsPlaceIsRefused) {
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_EQ(trouble_in([&] { open(); }), Trouble::kNotOurs);
}

TEST_F(Open, AnotherOwnersFileIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  { open(); }
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  refused(Trouble::kNotOurs);
}

TEST_F(Open, GarbageIsRefusedAndUntouched) {
  for (const std::string& garbage :
       {std::string("x"), std::string(1, '\0'), std::string(5000, 'x'), std::string("SQLite format 3\0", 16),
        std::string("SQLite format 3\0", 16) + std::string(90, '\0')}) {
    write_file(path_, garbage);
    refused(Trouble::kDamaged);
    refused(Trouble::kDamaged, {.busy_timeout_ms = 0, .create = false, .write = false});
  }
}

TEST_F(Open, AnotherProgramsDatabaseIsRefusedAndUntouched) {
  foreign("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  refused(Trouble::kNotOurs);
  foreign("PRAGMA application_id=4711; PRAGMA user_version=1; CREATE TABLE t(x); PRAGMA journal_mode=WAL");
  refused(Trouble::kNotOurs);
}

TEST_F(Open, ANewerSchemaIsRefusedByNameAndUntouched) {
  { open(); }
  {
    Database db(path_, Database::Mode::kCreate, 0);
    db.exec("PRAGMA user_version=2; PRAGMA journal_mode=DELETE");
  }
  refused(Trouble::kNewer);
  try {
    open();
  } catch (const Error& error) { EXPECT_NE(std::string(error.what()).find("schema 2"), std::string::npos) << error.what(); }
}

TEST_F(Open, ANewerSchemaStillInTheWalIsRefused) {
  {
    Database db = open();
    db.exec("PRAGMA user_version=7");
    EXPECT_EQ(trouble_in([&] { check_version(db); }), Trouble::kNewer);
  }
  EXPECT_EQ(trouble_in([&] { open(); }), Trouble::kNewer);
}

TEST_F(Open, AnOlderSchemaIsNotWrittenByThisProgram) {
  Database db = open();
  db.exec("PRAGMA user_version=0");
  EXPECT_EQ(trouble_in([&] { check_version(db); }), Trouble::kNotOurs);
  EXPECT_EQ(trouble_in([&] { meta_put(db, "a", "b"); }), Trouble::kNotOurs);
}

TEST_F(Open, ATornFileOfOursIsDamaged) {
  { open(); }
  for (const char* rest : {"-wal", "-shm"}) ::unlink((path_ + rest).c_str());
  const std::string whole = contents(path_);
  ASSERT_GT(whole.size(), 8192u);
  write_file(path_, whole.substr(0, 4096));
  EXPECT_EQ(trouble_in([&] { open(); }), Trouble::kDamaged);
  EXPECT_EQ(contents(path_), whole.substr(0, 4096));
  std::string wiped = whole;
  std::memset(wiped.data() + 100, 0, 3996);  // a header that is fine over tables that are not there
  write_file(path_, wiped);
  EXPECT_EQ(trouble_in([&] { open(); }), Trouble::kDamaged);
  EXPECT_EQ(contents(path_), wiped);
}

TEST_F(Open, MissingIsMadeOnlyWhenAskedAndEmptyNever) {
  const OpenOptions no{.busy_timeout_ms = 0, .create = false, .write = true};
  const OpenOptions read_only{.busy_timeout_ms = 0, .create = true, .write = false};
  refused(Trouble::kMissing, no);
  refused(Trouble::kMissing, read_only);
  write_file(path_, "");
  refused(Trouble::kDamaged, no);
  refused(Trouble::kDamaged, read_only);
  refused(Trouble::kDamaged, {});
  std::filesystem::remove(path_);
  EXPECT_EQ(trouble_in([&] { open_store(dir_ + "/no/such/g.db", no); }), Trouble::kMissing);
  EXPECT_EQ(trouble_in([&] { open_store("", {}); }), Trouble::kMissing);
  open();
  EXPECT_EQ(listing(), (std::vector<std::string>{path_, path_ + "-shm", path_ + "-wal"}));
}

TEST_F(Open, AWalWithoutItsDatabaseIsNotThrownAway) {
  {
    Database db = open();
    meta_put(db, "a", "b");
  }
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  const std::string wal = contents(path_ + "-wal");
  ASSERT_FALSE(wal.empty());
  EXPECT_EQ(trouble_in([&] { open(); }), Trouble::kDamaged);
  EXPECT_EQ(contents(path_ + "-wal"), wal);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Open, WhatACrashLeftWhileMakingIsNoHindrance) {
  for (const char* rest : {".new", ".new-journal", "-shm", "-wal"})
    write_file(path_ + rest, std::string(rest[1] == 'w' ? 0 : 3000, 'x'));
  Database db = open();
  EXPECT_EQ(words(db, "PRAGMA integrity_check"), "ok");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(Open, TwoProgramsMakingItAtOnceBothSucceed) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = dir_ + "/r" + std::to_string(round) + "/g.db";
    int gate[2];  // closed by us, it lets all of them go at once
    ASSERT_EQ(::pipe(gate), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(spawn([&, i] {
        ::close(gate[1]);
        char none = 0;
        if (::read(gate[0], &none, 1) != 0) return 1;
        Database db = open_store(path, {});
        meta_put(db, "child" + std::to_string(i), "was here");
        return 0;
      }));
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (pid_t child : children) EXPECT_EQ(exit_code(child), 0);
    Database db = open_store(path, {});
    EXPECT_EQ(number(db, "SELECT count(*) FROM meta WHERE k LIKE 'child%'"), 4);
    EXPECT_EQ(number(db, "SELECT count(*) FROM who"), 1);
  }
}

TEST_F(Open, EveryConnectionHasThePragmasOfTheStore) {
  Database db = open();
  EXPECT_EQ(words(db, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(db.pragma("synchronous"), 2);
  EXPECT_EQ(db.pragma("foreign_keys"), 1);
  EXPECT_EQ(db.pragma("secure_delete"), 1);
  EXPECT_EQ(db.pragma("trusted_schema"), 0);
  EXPECT_EQ(db.pragma("wal_autocheckpoint"), 0);
  EXPECT_EQ(db.pragma("journal_size_limit"), 64 << 20);
  EXPECT_EQ(db.pragma("busy_timeout"), 5000);
  EXPECT_EQ(db.pragma("application_id"), kApplicationId);
  EXPECT_EQ(db.pragma("user_version"), kSchemaVersion);
  EXPECT_ANY_THROW(db.exec("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='x'"));
}

TEST_F(Open, ClosingDoesNotCheckpoint) {
  {
    Database db = open();
    meta_put(db, "a", "b");
  }
  EXPECT_GT(size_of(path_ + "-wal"), 0);
  Database db = open();
  EXPECT_EQ(meta_get(db, "a"), "b");
}

TEST_F(Open, WhatIsWrongIsSaidInOurWords) {
  Database db = open();
  Database other = open_store(path_, {.busy_timeout_ms = 0});
  auto said = [](const std::function<void()>& run) -> std::string {
    try {
      run();
    } catch (const Error& error) { return std::string(error.what()) + " | " + error.hint(); }
    return "no error";
  };
  {
    Transaction holder(db);
    EXPECT_EQ(said([&] { meta_put(other, "a", "b"); }),
              "database " + path_ + " is in use by another program (SQLite code 5) | another program is writing; try again");
  }
  meta_put(db, "a", "b");
  other.exec("PRAGMA query_only=ON");
  EXPECT_EQ(said([&] { other.exec("UPDATE meta SET v=1"); }),
            "database " + path_ + " cannot be written (SQLite code 8) | make room on the disk, or make it writable");
  EXPECT_EQ(said([&] { db.exec("SELECT x FROM nowhere"); }),
            "database " + path_ + ": no such table: nowhere (exec, SQLite code 1) | ");
  EXPECT_EQ(said([&] { Database(dir_ + "/none/x.db", Database::Mode::kWrite, 0); }),
            "database " + dir_ + "/none/x.db cannot be opened: No such file or directory (SQLite code 14) | the system's log may tell "
            "what is wrong with the disk, or with the file's permissions");
  write_file(path_ + ".bad", std::string(8192, 'x'));
  EXPECT_EQ(said([&] { Database(path_ + ".bad", Database::Mode::kRead, 0).pragma("user_version"); }),
            "database " + path_ + ".bad is damaged (SQLite code 26) | gossipc recover saves what can be read; or put a backup in its place");
}

TEST_F(Open, TidyAtCloseLeavesNoWalWhereNobodyElseIs) {
  std::optional<Database> other(open());
  meta_put(*other, "a", "b");
  { open().tidy_at_close(); }
  EXPECT_GT(size_of(path_ + "-wal"), 0) << "another is at it";
  other.reset();
  EXPECT_GT(size_of(path_ + "-wal"), 0);
  { open().tidy_at_close(); }
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "-shm"));
  Database db = open();
  EXPECT_EQ(meta_get(db, "a"), "b");
  EXPECT_EQ(words(db, "PRAGMA journal_mode"), "wal");
}

TEST_F(Open, ReadOnlyReadsBesideAWriter) {
  Database db = open();
  Database reader = open_store(path_, {.busy_timeout_ms = 0, .create = false, .write = false});
  meta_put(db, "a", "b");
  EXPECT_EQ(meta_get(reader, "a"), "b");
  EXPECT_EQ(trouble_in([&] { meta_put(reader, "a", "c"); }), Trouble::kFull);
}

TEST_F(Open, EachDatabaseHasALogKeyOfItsOwn) {
  Database a = open(), b = open_store(dir_ + "/b.db", {});
  EXPECT_EQ(number(a, "SELECT length(v) FROM meta WHERE k='log_key'"), 32);
  EXPECT_NE(words(a, "SELECT hex(v) FROM meta WHERE k='log_key'"), words(b, "SELECT hex(v) FROM meta WHERE k='log_key'"));
}

TEST_F(Open, OddNamesAreFilesToo) {
  const std::string old = std::filesystem::current_path();
  std::filesystem::current_path(dir_);
  for (const char* name : {":memory:", "file:x?mode=memory", "a b%41?c#d"}) {
    { open_store(name, {}); }
    EXPECT_TRUE(std::filesystem::exists(dir_ + "/" + name)) << name;
  }
  std::filesystem::current_path(old);
}

TEST_F(Open, ABusyDatabaseIsBusy) {
  Database holder = open();
  Database other = open_store(path_, {.busy_timeout_ms = 0, .create = false, .write = true});
  Transaction transaction(holder);
  EXPECT_EQ(trouble_in([&] { Transaction second(other); }), Trouble::kBusy);
}

}  // namespace
}  // namespace gossip::db::test
