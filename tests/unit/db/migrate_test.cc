// The machinery of migrations, with steps of the test's own.
#include "db/migrate.h"

#include "db/files.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

void add_column(Database& db) { db.exec("ALTER TABLE counter ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0"); }
void fill_column(Database& db) { db.exec("UPDATE counter SET since_ms=7"); }
void fails(Database& db) {
  db.exec("DELETE FROM counter");
  db.exec("SELECT no_such_function()");
}
constexpr Step kTwo[] = {add_column, fill_column};
constexpr Step kBad[] = {add_column, fails};

class Migrate : public Scratch {
 protected:
  Migrate() : db_(open()) { add_counters(db_, {{"strangers", 5}}); }
  Database db_;
};

TEST_F(Migrate, NothingToDoForTheNewest) {
  migrate(db_, path_);
  EXPECT_EQ(db_.pragma("user_version"), kSchemaVersion);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".v1"));
}

TEST_F(Migrate, StepsByOneAfterACopy) {
  migrate_by(db_, path_, 1, kTwo);
  EXPECT_EQ(db_.pragma("user_version"), 3);
  EXPECT_EQ(number(db_, "SELECT since_ms FROM counter"), 7);
  EXPECT_EQ(mode_of(path_ + ".v1"), 0600u);
  Database copy = open_store(path_ + ".v1", {});
  EXPECT_EQ(copy.pragma("user_version"), 1);
  EXPECT_EQ(counters(copy), counters(db_));
  EXPECT_EQ(words(copy, "PRAGMA integrity_check"), "ok");
}

TEST_F(Migrate, StartsWhereItIs) {
  migrate_by(db_, path_, 1, std::span(kTwo).first(1));
  EXPECT_EQ(db_.pragma("user_version"), 2);
  migrate_by(db_, path_, 1, kTwo);
  EXPECT_EQ(db_.pragma("user_version"), 3);
  EXPECT_TRUE(std::filesystem::exists(path_ + ".v2"));
}

TEST_F(Migrate, AFailedStepLeavesTheVersionBeforeIt) {
  EXPECT_ANY_THROW(migrate_by(db_, path_, 1, kBad));
  EXPECT_EQ(db_.pragma("user_version"), 2);
  EXPECT_EQ(counters(db_).size(), 1u);
  migrate_by(db_, path_, 1, kTwo);  // and it can be done again
  EXPECT_EQ(db_.pragma("user_version"), 3);
}

TEST_F(Migrate, ANewerFileIsRefused) {
  db_.exec("PRAGMA user_version=9");
  EXPECT_EQ(trouble_in([&] { migrate_by(db_, path_, 1, kTwo); }), Trouble::kNewer);
  EXPECT_EQ(trouble_in([&] { migrate(db_, path_); }), Trouble::kNewer);
}

TEST_F(Migrate, WithoutACopyNoStep) {
  ASSERT_EQ(::mkdir((path_ + ".v1.new").c_str(), 0700), 0);
  EXPECT_ANY_THROW(migrate_by(db_, path_, 1, kTwo));
  EXPECT_EQ(db_.pragma("user_version"), 1);
}

TEST_F(Migrate, AWriterIsNotRunOver) {
  Database other = open_store(path_, {.busy_timeout_ms = 0, .create = false, .write = true});
  Transaction holder(db_);
  EXPECT_EQ(trouble_in([&] { migrate_by(other, path_, 1, kTwo); }), Trouble::kBusy);
  EXPECT_EQ(db_.pragma("user_version"), 1);
}

}  // namespace
}  // namespace gossip::db::test
