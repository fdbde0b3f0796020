// The index of words.
#include "db/search.h"

#include <sqlite3.h>

#include "db/messages.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

class Search : public Scratch {
 protected:
  Search() : db_(open()), log_(db_, crypto_, fixed_clock) {}
  void put(const std::vector<std::string>& texts, const std::string& sender = "alice") {
    Transaction transaction(db_);
    for (const std::string& text : texts) log_.append(incoming(crypto_, hearsay(text, sender)), fixed_clock());
    transaction.commit();
  }
  void forget(Seq seq) {
    Transaction transaction(db_);
    forget_text(db_, seq);
    db_.prepare("DELETE FROM body WHERE seq=?").bind(1, signed_of(seq)).run();
    db_.prepare("UPDATE log SET size=0 WHERE seq=?").bind(1, signed_of(seq)).run();
    transaction.commit();
  }
  void index_all() {
    for (Seq mark = search_mark(db_), next; (next = index_some(db_)) != mark; mark = next) EXPECT_GT(next, mark);
    EXPECT_EQ(search_mark(db_), last_seq(db_));
  }
  void squeeze() {
    int steps = 0;
    while (squeeze_search(db_)) ASSERT_LT(++steps, 1000);
  }
  std::vector<Seq> found(const std::string& words, std::size_t limit = kPage) {
    std::vector<Seq> out;
    const auto expression = search_expression(words);
    if (!expression) return out;
    Filter filter;
    filter.words = expression;
    for (Seq at = 0, scanned = 0;; at = scanned) {
      for (const Shown& one : read_messages(db_, at, filter, limit, false, scanned)) out.push_back(one.seq);
      if (scanned == at) return out;
    }
  }
  std::vector<Seq> last(const std::string& words, std::uint64_t n) {
    Filter filter;
    filter.words = search_expression(words);
    std::vector<Seq> out = found(words);
    const Seq start = start_of_last(db_, filter, n);
    std::erase_if(out, [&](Seq seq) { return seq <= start; });
    return out;
  }
  Database db_;
  Log log_;
};

using Seqs = std::vector<Seq>;

TEST_F(Search, ADamagedIndexIsEmptiedByWhoDropsAText) {
  put({"rain in the morning", "an umbrella", "rain again"});
  index_all();
  sqlite3_db_config(db_.raw(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
  db_.exec("UPDATE search_data SET block=x'ff'");
  forget(1);
  EXPECT_EQ(search_mark(db_), 0u);
  EXPECT_EQ(found("rain"), Seqs{3});
  index_all();
  EXPECT_EQ(found("rain"), Seqs{3});
  EXPECT_EQ(words(db_, "PRAGMA integrity_check"), "ok");
}

TEST_F(Search, WhatIsTypedIsNeverSyntax) {
  EXPECT_EQ(search_expression("rain  umbrella"), "\"rain\" \"umbrella\"");
  EXPECT_EQ(search_expression("rai* AND"), "\"rai\"* \"AND\"");
  EXPECT_EQ(search_expression("say \"no\" text:x"), "\"say\" \"\"\"no\"\"\" \"text:x\"");
  EXPECT_EQ(search_expression("* ** - ! (x"), "\"(x\"");
  for (const char* nothing : {"", "  \t\n", "*", "\"", "(- )", "***"}) EXPECT_FALSE(search_expression(nothing)) << nothing;
  put({"a plain text"});
  index_all();
  for (const char* words : {"\"", "a\"b", "NEAR(a b)", "a OR b", "NOT a", "^a", "a + b", "text : a", "-text:a", "{a b}:c", "a*b*", "'", "\\",
                            "\xff\xfe", "\xe2\x80\xa6", "\xe2\x80\xa6 plain", "x'00'", "%s", "rank match 1", "*a"})
    EXPECT_NO_THROW(found(words)) << words;
  EXPECT_EQ(found("\xe2\x80\xa6 plain"), Seqs{1}) << "what holds no letter asks for nothing";
}

TEST_F(Search, AllWordsInAnyOrderAndAnyCase) {
  put({"the rain in Spain", "Umbrellas against RAIN", "caf\xc3\xa9 noir", "rainbow"});
  for (int indexed = 0; indexed < 2; ++indexed) {
    EXPECT_EQ(found("rain"), (Seqs{1, 2}));
    EXPECT_EQ(found("spain RAIN"), Seqs{1});
    EXPECT_EQ(found("rain*"), (Seqs{1, 2, 4}));
    EXPECT_EQ(found("cafe"), Seqs{3});
    EXPECT_EQ(found("rain-in"), Seqs{1}) << "one behind the other";
    EXPECT_TRUE(found("umbrella").empty());
    EXPECT_TRUE(found("alice").empty()) << "texts, not senders";
    index_all();
  }
}

TEST_F(Search, ReceivingTouchesNothingAndTheRestIsLookedThrough) {
  std::vector<std::string> texts;
  for (int i = 1; i <= 1700; ++i) texts.push_back(i % 100 == 0 ? "needle " + std::to_string(i) : "hay " + std::to_string(i));
  put(texts);
  EXPECT_EQ(search_mark(db_), 0u);
  EXPECT_EQ(number(db_, "SELECT count(*) FROM search_data"), 2) << "as it was made";
  const Seqs all{100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700};
  Seq before = 0;
  for (Seq mark : {Seq{0}, Seq{512}, Seq{1024}, Seq{1536}, Seq{1700}}) {
    ASSERT_EQ(search_mark(db_), mark);
    for (std::size_t limit : {std::size_t{1}, std::size_t{3}, kPage}) EXPECT_EQ(found("needle", limit), all) << mark;
    EXPECT_EQ(last("needle", 0), Seqs{});
    EXPECT_EQ(last("needle", 2), (Seqs{1600, 1700})) << mark;
    EXPECT_EQ(last("needle", 9), Seqs(all.end() - 9, all.end())) << mark;
    EXPECT_EQ(last("needle", 17), all);
    EXPECT_EQ(last("needle", ~std::uint64_t{0}), all);
    EXPECT_EQ(last("hay", 1000).size(), 1000u);
    before = index_some(db_);
  }
  EXPECT_EQ(before, 1700u);
}

TEST_F(Search, WithTheOtherFilters) {
  put({"rain one", "rain two"}, "bob");
  put({"rain three"}, "carol");
  for (int indexed = 0; indexed < 2; ++indexed) {
    Filter filter;
    filter.words = search_expression("rain");
    filter.sender = "bob";
    Seq scanned = 0;
    EXPECT_EQ(read_messages(db_, 0, filter, kPage, false, scanned).size(), 2u);
    EXPECT_EQ(start_of_last(db_, filter, 1), 1u);
    filter.others = true;
    EXPECT_TRUE(read_messages(db_, 0, filter, kPage, false, scanned).empty());
    index_all();
  }
}

TEST_F(Search, ABatchIsBoundedInBytes) {
  put({std::string(300'000, 'a'), std::string(300'000, 'b'), "short"});
  EXPECT_EQ(index_some(db_), 2u);
  EXPECT_EQ(index_some(db_), 3u);
  EXPECT_EQ(unindexed_bytes(db_), 0u);
  EXPECT_EQ(index_some(db_), 3u);
}

TEST_F(Search, WhatTheIndexDoesNotHaveIsLookedThroughInBatches) {
  const std::string text = std::string(200'000, ' ') + "needle";
  put({text + " 1", "hay 2", text + " 3", text + " 4", text + " 5", "hay 6", text + " 7"});
  EXPECT_GT(unindexed_bytes(db_), kIndexBytes);
  EXPECT_EQ(search_rows(db_, "needle", 0, 7), (Seqs{1, 3, 4, 5, 7}));
  EXPECT_EQ(search_rows(db_, "needle", 1, 6), (Seqs{3, 4, 5})) << "of those in the last batch only what was asked for";
  EXPECT_EQ(search_rows(db_, "needle", 6, 9), (Seqs{7}));
}

TEST_F(Search, WhatIsForgottenIsFoundNoMoreAndLeavesTheFile) {
  std::vector<std::string> texts;
  for (int i = 1; i <= 600; ++i) texts.push_back("word" + std::to_string(i) + " common");
  texts[9] = "xylophonequince common";
  put(texts);
  index_all();
  put({"zymurgykumquat"});  // not in the index when it goes
  EXPECT_EQ(found("xylophonequince"), Seqs{10});
  const auto in_index = [&](const char* word) {
    return number(db_, std::string("SELECT count(*) FROM search_data WHERE instr(block, CAST('") + word + "' AS BLOB))");
  };
  EXPECT_EQ(in_index("ylophonequince"), 1);
  forget(10);
  forget(601);
  EXPECT_TRUE(found("xylophonequince").empty());
  EXPECT_TRUE(found("zymurgykumquat").empty());
  EXPECT_EQ(found("common").size(), 599u);
  EXPECT_TRUE(squeeze_due(db_));
  squeeze();
  EXPECT_FALSE(squeeze_due(db_));
  EXPECT_EQ(in_index("ylophonequince"), 0) << "overwritten";
  EXPECT_EQ(found("common").size(), 599u);
  EXPECT_EQ(found("word600"), Seqs{600});
  index_all();
  EXPECT_NO_THROW(db_.exec("INSERT INTO search(search, rank) VALUES('integrity-check', 0)"));
  db_.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  EXPECT_EQ(contents(path_).find("ylophonequince"), std::string::npos);
}

TEST_F(Search, ManyForgottenInAnyOrder) {
  std::uint64_t seed = 20260131;
  std::vector<std::string> texts;
  for (int i = 1; i <= 1500; ++i) texts.push_back("w" + std::to_string(i % 7) + " number" + std::to_string(i));
  put(texts);
  std::vector<bool> gone(1501);
  for (int round = 0; round < 6; ++round) {
    index_some(db_);
    for (int i = 0; i < 60; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      const Seq seq = 1 + (seed >> 33) % 1500;
      if (!gone[seq]) forget(seq);
      gone[seq] = true;
    }
    if (round % 2) squeeze();
    for (int word = 0; word < 7; ++word) {
      Seqs expected;
      for (Seq seq = 1; seq <= 1500; ++seq)
        if (!gone[seq] && seq % 7 == static_cast<Seq>(word)) expected.push_back(seq);
      ASSERT_EQ(found("w" + std::to_string(word)), expected) << "seed 20260131, round " << round;
    }
  }
}

TEST_F(Search, AReaderThatCannotWriteSearches) {
  put({"rain one", "rain two"});
  index_some(db_);
  put({"rain three"});
  Database reader = open_store(path_, {.busy_timeout_ms = 0, .create = false, .write = false});
  Filter filter;
  filter.words = search_expression("rain");
  Seq scanned = 0, next = 0;
  EXPECT_EQ(read_messages(reader, 0, filter, kPage, false, scanned).size(), 2u);
  EXPECT_EQ(read_messages(reader, scanned, filter, kPage, false, next).size(), 1u);
}

TEST_F(Search, CarriedKindsHaveNoWords) {
  Message carried;
  carried.kind = 42;
  carried.payload = {'r', 'a', 'i', 'n'};
  Transaction transaction(db_);
  log_.append(incoming(crypto_, carried), 0);
  transaction.commit();
  EXPECT_TRUE(found("rain").empty());
  index_all();
  EXPECT_TRUE(found("rain").empty());
  forget(1);
  squeeze();
}

}  // namespace
}  // namespace gossip::db::test
