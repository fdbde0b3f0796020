// When the worker indexes, and that it ends by itself.
#include "gossipd/indexer.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "db/log.h"
#include "db/messages.h"
#include "db/search.h"
#include "fuzz/scratch_db.h"
#include "gossip/message.h"
#include "support/toy_crypto.h"

namespace gossip::daemon {
namespace {

std::int64_t no_clock() { return 0; }

class TheIndexer : public ::testing::Test {
 protected:
  TheIndexer() : db_(gossip::test::scratch_db()), log_(db_, crypto_, no_clock), indexer_(db_) {}

  void store(int n, std::size_t more = 0) {
    std::vector<Incoming> messages;
    for (int i = 0; i < n; ++i) {
      Message message;
      message.sender = "alice";
      message.text = "text " + std::to_string(++said_) + std::string(more, ' ');
      Bytes bytes = encode_message(message);
      messages.push_back({message_id(crypto_, bytes), 0, 0, bytes});
    }
    ASSERT_TRUE(log_.commit(messages, {}, {}));
  }
  // Runs at each of its deadlines, or every half second, for so long.
  void run_for(Micros span) {
    for (const Micros end = at_ + span; at_ < end;) {
      indexer_.run({at_, 0});
      const auto due = indexer_.next_deadline();
      at_ = due && *due > at_ ? std::min(*due, at_ + kSecond / 2) : at_ + kSecond / 2;
    }
  }
  Seq mark() { return db::search_mark(db_); }

  gossip::test::ToyCrypto crypto_;
  db::Database db_;
  db::Log log_;
  Indexer indexer_;
  Micros at_ = kHour;
  int said_ = 0;
};

TEST_F(TheIndexer, NothingToDoIsNoDeadline) {
  run_for(3 * kSecond);
  EXPECT_FALSE(indexer_.next_deadline().has_value());
  EXPECT_EQ(mark(), 0u);
}

TEST_F(TheIndexer, FewWaitForAQuietMinute) {
  store(5);
  run_for(30 * kSecond);
  store(1);
  run_for(58 * kSecond);
  EXPECT_EQ(mark(), 0u);
  run_for(10 * kSecond);
  EXPECT_EQ(mark(), 6u);
  EXPECT_FALSE(indexer_.next_deadline().has_value());
}

TEST_F(TheIndexer, ManyWaitForAQuietSecondAndComeInBatches) {
  store(1300);
  indexer_.run({at_, 0});
  EXPECT_EQ(mark(), 0u);
  at_ += 2 * kSecond;
  indexer_.run({at_, 0});
  EXPECT_EQ(mark(), db::kIndexRows) << "one batch a turn";
  run_for(5 * kSecond);
  EXPECT_EQ(mark(), 1300u);
}

std::int64_t g_step_takes = 0, g_clock = 0;

TEST_F(TheIndexer, LeavesOthersAsMuchTimeAsAStepTook) {
  Indexer indexer(db_, [] { return g_clock += g_step_takes; });
  store(3 * db::kIndexRows);
  indexer.run({at_, 0});
  const auto pause_after = [&](Micros takes) {
    g_step_takes = takes;
    const Seq before = mark();
    at_ = *indexer.next_deadline();
    indexer.run({at_, 0});
    EXPECT_EQ(mark(), before + db::kIndexRows);
    return *indexer.next_deadline() - at_ - takes;
  };
  EXPECT_LE(pause_after(kMillisecond), kSecond);
  EXPECT_EQ(pause_after(3 * kSecond), 3 * kSecond);
}

TEST_F(TheIndexer, FewThatAreLongAreMany) {
  store(3, 400'000);
  run_for(3 * kSecond);
  EXPECT_EQ(mark(), 3u) << "a quiet second is enough";
  for (int i = 0; i < 40; ++i) {
    store(1, 900'000);
    run_for(kSecond / 2);
  }
  EXPECT_GE(mark(), 25u) << "and if it is never quiet";
}

TEST_F(TheIndexer, WhereItIsNeverQuietItGoesOnAllTheSame) {
  for (int i = 0; i < 40; ++i) {
    store(500);
    run_for(kSecond);
  }
  EXPECT_GE(mark(), 8000u);
}

TEST_F(TheIndexer, ClearsAwayWhatWasForgotten) {
  store(600);
  run_for(5 * kSecond);
  ASSERT_EQ(mark(), 600u);
  run_for(5 * kSecond);
  db::Transaction transaction(db_);
  db::forget_text(db_, 3);
  db_.exec("DELETE FROM body WHERE seq=3");
  transaction.commit();
  ASSERT_TRUE(db::squeeze_due(db_));
  EXPECT_FALSE(indexer_.take_cleared());
  run_for(10 * kSecond);
  EXPECT_FALSE(db::squeeze_due(db_));
  EXPECT_TRUE(indexer_.take_cleared());
  EXPECT_FALSE(indexer_.take_cleared());
  EXPECT_FALSE(indexer_.next_deadline().has_value());
}

TEST_F(TheIndexer, ADamagedIndexIsMadeAnewOnceAndNothingIsThrown) {
  sqlite3_db_config(db_.raw(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
  store(600);
  run_for(5 * kSecond);
  ASSERT_EQ(mark(), 600u);
  db_.exec("UPDATE search_data SET block=x'ff'");
  store(600);
  run_for(10 * kSecond);
  EXPECT_EQ(mark(), 1200u);
  EXPECT_EQ(db::search_index(db_, "\"700\"", 0, 1200, 10), std::vector<Seq>{700});
  db_.exec("DROP TABLE search_data");
  store(600);
  run_for(kMinute);
  EXPECT_EQ(mark(), 0u) << "given up: whoever searches looks through all texts";
  EXPECT_FALSE(indexer_.next_deadline().has_value());
}

}  // namespace
}  // namespace gossip::daemon
