// A database of every released schema, with rows in every table: it opens, and steps take it on.
#include <sys/resource.h>

#include <csignal>
#include <set>

#include "db/files.h"
#include "db/inspect.h"
#include "db/messages.h"
#include "db/migrate.h"
#include "frozen_v1.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

// Columns are named, so that later ones with a default do not matter.
constexpr char kRows1[] = R"sql(
INSERT INTO meta(k, v) VALUES('log_key', zeroblob(32)), ('peers', 3), ('rsa_bits', '3072');
INSERT INTO counter(name, n) VALUES('strangers', 5);
INSERT INTO who(id, name) VALUES(1, 'ann'), (2, 'bob~2');
INSERT INTO keys(id, fp, private) VALUES(7, zeroblob(32), x'3082'), (8, randomblob(32), x'3083');
INSERT INTO peers(id, name, key, pub, pub_fp, gen) VALUES(1, 'ann', 7, x'3084', randomblob(32), 2);
INSERT INTO peer_address(peer, place, host, port, worked) VALUES(1, 0, 'ann.example', 5555, 1);
INSERT INTO peer_sync(peer, gen, log_id, cursor, tag, acked) VALUES(1, 2, x'000102030405060708090a0b0c0d0e0f', 40, x'0102030405060708', 1);
INSERT INTO peer_state(peer, side, state, reason, since_ms, next_ms, last_up_ms, failures, pq) VALUES(1, 0, 'up', '', 1, 0, 1, 0, 0);
INSERT INTO mute(sender) VALUES('carol');
INSERT INTO crash(at_ms, peer, mark) VALUES(1700000000000, 2, x'0102030405060708090a0b0c');
INSERT INTO heard(seq, peer, at_ms) VALUES(1, 2, 1700000000000);
INSERT INTO ping(id, peer, asked_ms) VALUES(1, 1, 1700000000000);
INSERT INTO log_chain(seq, chain) VALUES(256, zeroblob(32));
)sql";

class Frozen : public Scratch {
 protected:
  Frozen() {
    make_private_file(path_);
    Database db(path_, Database::Mode::kCreate, 0);
    db.exec("BEGIN");
    db.exec(kFrozenTables1);
    db.exec(kRows1);
    const Incoming one = incoming(crypto_, hearsay("hello"));
    Statement log = db.prepare("INSERT INTO log(seq, scope, epoch, id, via, heard_ms, size) VALUES(1, 0, ?, ?, 1, 1700000000000, ?)");
    log.bind(1, signed_of(one.epoch)).bind(2, one.id).bind(3, signed_of(one.message.size())).run();
    Statement body = db.prepare("INSERT INTO body(seq, head, sender, text) VALUES(1, ?, 'alice', 'hello')");
    body.bind(1, View(one.message).first(29)).run();
    db.exec("INSERT INTO search(rowid, text) SELECT seq, text FROM body; INSERT INTO meta(k, v) VALUES('search_mark', 1)");
    db.exec(("PRAGMA application_id=" + std::to_string(kApplicationId)).c_str());
    db.exec("PRAGMA user_version=1; COMMIT; PRAGMA journal_mode=WAL");
  }

  // What a person would miss.
  void all_there(Database& db) {
    EXPECT_EQ(words(db, "PRAGMA integrity_check"), "ok");
    EXPECT_EQ(counters(db).size(), 1u);
    const std::vector<Peer> peers = list_peers(db);
    ASSERT_EQ(peers.size(), 1u);
    EXPECT_EQ(peers[0].name, "ann");
    EXPECT_EQ(peers[0].addresses, (Addresses{{"ann.example", 5555}}));
    Seq scanned = 0;
    const std::vector<Shown> shown = read_messages(db, 0, {}, 10, false, scanned);
    ASSERT_EQ(shown.size(), 1u);
    EXPECT_EQ(shown[0].text, "hello");
    EXPECT_EQ(shown[0].delivered_by, "ann");
    EXPECT_EQ(rehash(db, crypto_).right, 1);
  }

  std::string schema(Database& db) { return words(db, "SELECT group_concat(sql, x'0a') FROM (SELECT sql FROM sqlite_schema ORDER BY name)"); }
};

void add_column(Database& db) { db.exec("ALTER TABLE counter ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 7"); }
void crash_in_the_middle(Database& db) {
  db.exec("DELETE FROM log; DELETE FROM body; DROP TABLE peer_state");
  throw std::runtime_error("power is gone");
}

TEST_F(Frozen, IsTheSchemaOfToday) {
  Database db = open();
  EXPECT_TRUE(foreign_schema(db).empty())
      << "the schema has changed. Before the first release: python3 tests/support/freeze.py, and rows for what is new in kRows1."
         " After it: a new version, with a step in migrate.cc";
}

TEST_F(Frozen, HasRowsInEveryTableAndOpens) {
  Database db = open();
  Statement tables = db.prepare("SELECT name FROM sqlite_schema WHERE type='table'");
  while (tables.step()) EXPECT_GT(number(db, "SELECT count(*) FROM " + std::string(tables.text(0))), 0) << tables.text(0);
  migrate(db, path_);
  all_there(db);
}

TEST_F(Frozen, StepsTakeItOnAndTheCopyIsAsItWas) {
  constexpr Step kSteps[] = {add_column, read_friends_anew};
  Database db = open();
  const std::string before = schema(db);
  migrate_by(db, path_, 1, kSteps);
  EXPECT_EQ(db.pragma("user_version"), 3);
  EXPECT_EQ(number(db, "SELECT since_ms FROM counter"), 7);
  EXPECT_EQ(peer_syncs(db)[0].cursor, 0u) << "what was not understood is read again";
  EXPECT_EQ(peer_syncs(db)[0].acked, 1u);
  all_there(db);
  EXPECT_EQ(mode_of(path_ + ".v1"), 0600u);
  Database copy = open_store(path_ + ".v1", {.create = false, .write = false});
  EXPECT_EQ(copy.pragma("user_version"), 1);
  EXPECT_EQ(schema(copy), before);
  EXPECT_EQ(peer_syncs(copy)[0].cursor, 40u);
  all_there(copy);
}

TEST_F(Frozen, ACrashInAStepLeavesTheOldOneAndTheCopy) {
  constexpr Step kSteps[] = {crash_in_the_middle};
  constexpr Step kGood[] = {add_column};
  {
    Database db = open();
    EXPECT_THROW(migrate_by(db, path_, 1, kSteps), std::runtime_error);
  }
  Database db = open();
  EXPECT_EQ(db.pragma("user_version"), 1);
  all_there(db);
  EXPECT_TRUE(foreign_schema(db).empty());
  Database copy = open_store(path_ + ".v1", {.create = false, .write = false});
  all_there(copy);
  const std::string first = contents(path_ + ".v1");
  migrate_by(db, path_, 1, kGood);
  EXPECT_EQ(db.pragma("user_version"), 2);
  EXPECT_EQ(contents(path_ + ".v1"), first) << "a copy is kept";
  EXPECT_TRUE(std::filesystem::exists(path_ + ".v1-2"));
}

// The limit stands for a disk without room.
TEST_F(Frozen, WithoutRoomForTheCopyNothingHappens) {
  EXPECT_EQ(exit_code(spawn([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              constexpr Step kGood[] = {add_column};
              Database db = open();
              const rlimit small{16'384, 16'384};
              if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 1;
              try {
                migrate_by(db, path_, 1, kGood);
              } catch (const Error& error) {
                return std::string(error.what()).starts_with("the copy before migration of " + path_ + " failed") ? 0 : 2;
              }
              return 3;
            })),
            0);
  Database db = open();
  EXPECT_EQ(db.pragma("user_version"), 1);
  all_there(db);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".v1"));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".v1.new"));
}

}  // namespace
}  // namespace gossip::db::test
