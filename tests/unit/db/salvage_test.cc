// Stores that were damaged on purpose, and what comes out of them.
#include "db/salvage.h"

#include <cstring>

#include "db/search.h"
#include "gossip/pair.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

class Salvage : public Scratch {
 protected:
  static constexpr int kMessages = 400;

  Salvage() : copy_(dir_ + "/copy.db"), into_(dir_ + "/into.db") { fill(); }

  // Two friends with keys and cursors, two spare keys, messages of all three.
  void fill() {
    {
      Database db = open();
      for (std::uint8_t i = 1; i <= 4; ++i) add_key(db, Bytes(1200, i), filled(i));
      for (const char* name : {"ann", "bob"}) add_peer(db, name, {{"127.0.0.1", 5555}, {"::1", 5556}});
      set_peer_key(db, "ann", Bytes(400, 9), filled(9), false);
      add_counters(db, {{"strangers", 5}});
      Log log(db, crypto_, fixed_clock);
      std::vector<Incoming> all;
      for (int i = 0; i < kMessages; ++i) {
        std::string text = "text " + std::to_string(i) + std::string(static_cast<std::size_t>(i * 7 % 300), 'x');
        if (i == 77) text = std::string(30'000, 'y');  // over several pages
        all.push_back(incoming(crypto_, hearsay(text, "alice", 19'000 + static_cast<std::uint64_t>(i / 100)), static_cast<PeerId>(i % 3)));
      }
      const CursorUpdate cursor{1, 1, {LogId{7}, 55, Tag{8}}, true};
      const AckUpdate ack{1, 1, 300};
      EXPECT_TRUE(log.commit(all, std::span(&cursor, 1), std::span(&ack, 1)));
      db.tidy_at_close();
    }
    whole_ = contents(path_);
  }

  Salvaged recover(const std::string& bytes, const KeyFits& fits = [](View der, const Hash& fp) { return der.size() == 1200 && der[0] == fp[0]; }) {
    for (const char* rest : {"", "-wal", "-shm"}) std::filesystem::remove(into_ + rest);
    write_file(copy_, bytes);
    return salvage(copy_, into_, crypto_, fits);
  }

  Database recovered() const { return open_store(into_, {.create = false, .write = false}); }

  // With zeros in the place of one page.
  std::string without_page(std::size_t page) const {
    std::string out = whole_;
    std::memset(out.data() + page * 4096, 0, 4096);
    return out;
  }
  std::string without_root(const std::string& name) const {
    Database db = open_store(path_, {.create = false, .write = false});
    return without_page(static_cast<std::size_t>(number(db, "SELECT rootpage-1 FROM sqlite_schema WHERE name='" + name + "'")));
  }

  // Nothing that is in the new store was made up: its rows hash to their ids, and the chain is right.
  void sound(Database& db) {
    EXPECT_EQ(words(db, "PRAGMA integrity_check"), "ok");
    EXPECT_EQ(number(db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    Log log(db, crypto_, fixed_clock);
    std::vector<LogRow> rows(1000);
    rows.resize(log.rows(0, rows));
    Hash chain{};
    Bytes message;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(rows[i].seq, i + 1);
      message.clear();
      ASSERT_TRUE(log.body(rows[i].seq, message));
      ASSERT_EQ(message_id(crypto_, message), rows[i].id);
      chain = chain_next(crypto_, chain, rows[i].id);
    }
    EXPECT_EQ(log.size(), rows.size());
    EXPECT_EQ(log.chain(log.size()), chain);
  }

  std::string copy_, into_, whole_;
};

std::int64_t kept(const Salvaged& out, const std::string& table) {
  for (const SalvagedTable& one : out.tables) {
    if (one.name == table) return one.kept;
  }
  return -1;
}

TEST_F(Salvage, AWholeStoreComesOutAsItWas) {
  const Salvaged out = recover(whole_);
  EXPECT_EQ(out.kept, kMessages);
  EXPECT_EQ(out.whole, kMessages);
  EXPECT_EQ(out.wrong + out.textless + out.lost + out.unknown_via, 0);
  EXPECT_FALSE(out.new_log || out.tail_unknown || out.new_tables || out.sealed || out.seal_lost);
  EXPECT_EQ(kept(out, "keys"), 4);
  EXPECT_EQ(mode_of(into_), 0600u);
  EXPECT_FALSE(std::filesystem::exists(into_ + "-wal"));
  Database before = open_store(path_, {.create = false, .write = false}), db = recovered();
  EXPECT_EQ(list_peers(db), list_peers(before));
  EXPECT_EQ(counters(db), counters(before));
  for (const char* sql : {"SELECT group_concat(k || hex(v)) FROM meta", "SELECT group_concat(seq || hex(id) || via || heard_ms || size) FROM log",
                          "SELECT group_concat(peer || cursor || hex(tag) || acked) FROM peer_sync",
                          "SELECT group_concat(name || seq) FROM sqlite_sequence", "SELECT group_concat(seq || hex(chain)) FROM log_chain",
                          "SELECT group_concat(id || hex(private)) FROM keys"}) {
    EXPECT_EQ(words(db, sql), words(before, sql));
  }
  sound(db);
}

TEST_F(Salvage, APageOfTextsCostsItsTextsOnly) {
  const Salvaged out = recover(without_page(whole_.find("text 200x") / 4096));
  EXPECT_GT(out.kept, kMessages - 40);
  EXPECT_LT(out.kept, kMessages);
  EXPECT_EQ(out.kept + out.wrong + out.textless + out.lost, kMessages);
  EXPECT_TRUE(out.new_log);
  Database before = open_store(path_, {.create = false, .write = false}), db = recovered();
  sound(db);
  EXPECT_NE(words(db, "SELECT hex(v) FROM meta WHERE k='log_key'"), words(before, "SELECT hex(v) FROM meta WHERE k='log_key'"));
  EXPECT_EQ(number(db, "SELECT count(*) FROM peer_sync"), 0) << "or what was lost would never come again";
  EXPECT_EQ(list_peers(db), list_peers(before));
}

TEST_F(Salvage, WithoutItsRowsTheLogIsKnownByItsIndex) {
  const Salvaged out = recover(without_root("log"));
  EXPECT_EQ(out.kept, kMessages);
  EXPECT_EQ(out.unknown_via, kMessages);
  EXPECT_FALSE(out.new_log);
  Database db = recovered();
  sound(db);
  EXPECT_EQ(words(db, "SELECT name FROM who WHERE id=3"), "unknown~3");
}

TEST_F(Salvage, WithoutItsIndexTheLogIsKnownByItsRows) {
  const Salvaged out = recover(without_root("sqlite_autoindex_log_1"));
  EXPECT_EQ(out.kept, kMessages);
  EXPECT_EQ(out.unknown_via, 0);
  EXPECT_FALSE(out.new_log);
  Database db = recovered();
  sound(db);
}

TEST_F(Salvage, WithoutTheFirstPageTheTablesAreTakenToBeAsTheyWereMade) {
  std::string bytes = whole_;
  std::memset(bytes.data(), 'x', 4096);
  const Salvaged out = recover(bytes);
  EXPECT_TRUE(out.new_tables);
  EXPECT_EQ(out.kept, kMessages);
  EXPECT_FALSE(out.new_log);
  Database before = open_store(path_, {.create = false, .write = false}), db = recovered();
  EXPECT_EQ(list_peers(db), list_peers(before));
  sound(db);
}

TEST_F(Salvage, TheIndexOfWordsIsMadeAnewWhateverBecameOfItAndWhatIsKeptForAWhileIsLeftOut) {
  {
    Database db = open();
    while (index_some(db) < kMessages) continue;
    db.exec("INSERT INTO heard(seq, peer, at_ms) VALUES(1, 2, 5); INSERT INTO ping(peer, asked_ms) VALUES(1, 5)");
    db.tidy_at_close();
  }
  whole_ = contents(path_);
  for (const std::string& bytes : {whole_, without_root("search_data"), without_root("search_idx")}) {
    const Salvaged out = recover(bytes);
    EXPECT_EQ(out.kept, kMessages);
    EXPECT_FALSE(out.new_log || out.new_tables);
    {
      Database db = open_store(into_, {});
      EXPECT_EQ(search_mark(db), 0u);
      while (index_some(db) < kMessages) continue;
      EXPECT_EQ(search_index(db, *search_expression("200xx*"), 0, kMessages, 10).size(), 1u);
      db.tidy_at_close();
    }
    Database db = recovered();
    sound(db);
    EXPECT_EQ(number(db, "SELECT (SELECT count(*) FROM heard) + (SELECT count(*) FROM ping)"), 0);
  }
}

TEST_F(Salvage, FriendsWhoseKeyIsLostAreLost) {
  const Salvaged out = recover(whole_, [](View, const Hash& fp) { return fp != filled(1) && fp != filled(2) && fp != filled(3); });
  EXPECT_EQ(kept(out, "keys"), 1);
  EXPECT_LE(kept(out, "peers"), 1);
  Database db = recovered();
  EXPECT_EQ(static_cast<std::int64_t>(list_peers(db).size()), kept(out, "peers"));
  EXPECT_EQ(out.kept, kMessages) << "what they delivered stays";
  sound(db);
}

TEST_F(Salvage, ANewerOneAndAnExistingFileAreRefused) {
  std::string newer = whole_;
  newer[63] = 9;
  EXPECT_EQ(trouble_in([&] { recover(newer); }), Trouble::kNewer);
  EXPECT_FALSE(std::filesystem::exists(into_));
  write_file(into_, "mine");
  write_file(copy_, whole_);
  EXPECT_EQ(trouble_in([&] { salvage(copy_, into_, crypto_, {}); }), Trouble::kNotOurs);
  EXPECT_EQ(contents(into_), "mine");
}

TEST_F(Salvage, WhatIsCutOffEarlyIsDamageAndNoEmptyStore) {
  int refused = 0;
  for (std::size_t pages = 1; pages < 30; ++pages) try {
      const Salvaged out = recover(whole_.substr(0, pages * 4096));
      EXPECT_TRUE(out.kept > 0 || kept(out, "peers") > 0) << pages;
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.trouble(), Trouble::kDamaged) << error.what();
      EXPECT_FALSE(std::filesystem::exists(into_)) << pages;
    }
  EXPECT_GT(refused, 0);
}

TEST_F(Salvage, OutOfRubbishComesNothing) {
  EXPECT_EQ(trouble_in([&] { recover(std::string(300, 'x')); }), Trouble::kDamaged);
  EXPECT_EQ(trouble_in([&] { recover(""); }), Trouble::kDamaged);
  EXPECT_FALSE(std::filesystem::exists(into_));
}

}  // namespace
}  // namespace gossip::db::test
