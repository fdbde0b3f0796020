// Cursors and acknowledgements: they move with the transaction that stores, and only where they still mean the same.
#include "scratch.h"

namespace gossip::db::test {
namespace {

class CursorTest : public Scratch {
 protected:
  CursorTest() : db_(open()), log_(db_, crypto_, fixed_clock) {
    for (std::uint8_t i = 1; i < 6; ++i) add_key(db_, Bytes(4, i), filled(i));
    EXPECT_EQ(add_peer(db_, "bob"), Change::kDone);
    bob_ = find_peer(db_, "bob")->id;
  }
  static Cursor at(std::uint8_t log, Seq seq) {
    Cursor out;
    out.log_id.fill(log);
    out.seq = seq;
    out.tag.fill(static_cast<std::uint8_t>(seq));
    return out;
  }
  bool move(const Cursor& to, bool reset = false, std::uint64_t gen = 1, PeerId peer = 0) {
    CursorUpdate update{peer ? peer : bob_, gen, to, reset};
    return log_.commit({}, {&update, 1}, {});
  }
  bool acked(Seq seq, std::uint64_t gen = 1, PeerId peer = 0) {
    AckUpdate update{peer ? peer : bob_, gen, seq};
    return log_.commit({}, {}, {&update, 1});
  }
  Seq seq(std::uint64_t gen = 1) { return log_.cursor(bob_, gen).seq; }
  Database db_;
  Log log_;
  PeerId bob_ = 0;
};

TEST_F(CursorTest, ZerosWhenThereIsNone) {
  Cursor none = log_.cursor(bob_, 1);
  EXPECT_EQ(none.seq, 0u);
  EXPECT_EQ(none.log_id, LogId{});
  EXPECT_EQ(none.tag, Tag{});
  EXPECT_TRUE(move(at(1, 5))) << "nothing adopted yet: skipped";
  EXPECT_EQ(seq(), 0u);
}

TEST_F(CursorTest, TheLadderGoesWithTheCursor) {
  const Ladder two{{300, {3}}, {900, {9}}}, three{{300, {3}}, {900, {9}}, {1200, {12}}};
  auto set = [&](const Cursor& to, bool reset, const std::optional<Ladder>& ladder) {
    CursorUpdate update{bob_, 1, to, reset, ladder};
    EXPECT_TRUE(log_.commit({}, {&update, 1}, {}));
  };
  EXPECT_TRUE(log_.ladder(bob_, 1).empty());
  set(at(1, 1000), true, two);
  EXPECT_EQ(log_.ladder(bob_, 1), two);
  set(at(1, 1100), false, std::nullopt);
  EXPECT_EQ(log_.ladder(bob_, 1), two) << "none given: that one stays";
  set(at(1, 1050), false, three);
  EXPECT_EQ(log_.ladder(bob_, 1), two) << "the cursor did not move";
  set(at(1, 1300), false, three);
  EXPECT_EQ(log_.ladder(bob_, 1), three);
  EXPECT_TRUE(log_.ladder(bob_, 2).empty());
  set(at(2, 0), true, Ladder{});
  EXPECT_TRUE(log_.ladder(bob_, 1).empty());
}

TEST_F(CursorTest, ALadderThatIsNoneIsTakenForNone) {
  EXPECT_TRUE(move(at(1, 1000), true));
  for (const char* rungs : {"0000000000000900aaaaaaaaaaaaaaaa0000000000000901aaaaaaaaaaaaaaaa", "0000000000000001aaaaaaaaaaaaaaaa"}) {
    db_.exec((std::string("UPDATE peer_sync SET ladder=x'") + rungs + "'").c_str());
    EXPECT_TRUE(log_.ladder(bob_, 1).empty());
  }
  db_.exec("UPDATE peer_sync SET ladder=x'00'");
  EXPECT_EQ(trouble_in([&] { log_.ladder(bob_, 1); }), Trouble::kDamaged);
}

TEST_F(CursorTest, GrowsForTheAdoptedLogOnly) {
  EXPECT_TRUE(move(at(1, 0), true));
  EXPECT_TRUE(move(at(1, 5)));
  EXPECT_EQ(seq(), 5u);
  EXPECT_EQ(log_.cursor(bob_, 1).tag, at(1, 5).tag);
  EXPECT_TRUE(move(at(1, 3)));
  EXPECT_EQ(seq(), 5u) << "never back";
  EXPECT_EQ(log_.cursor(bob_, 1).tag, at(1, 5).tag) << "and the tag stays with it";
  EXPECT_TRUE(move(at(2, 9)));
  EXPECT_EQ(seq(), 5u) << "another log's cursor is not this one's";
  EXPECT_TRUE(move(at(2, 0), true));
  EXPECT_EQ(seq(), 0u);
  EXPECT_TRUE(move(at(1, 9)));
  EXPECT_EQ(seq(), 0u);
  EXPECT_TRUE(move(at(2, 2)));
  EXPECT_EQ(seq(), 2u);
}

TEST_F(CursorTest, AnotherGenerationIsSkipped) {
  move(at(1, 0), true);
  EXPECT_TRUE(move(at(1, 4), false, 2));
  EXPECT_TRUE(move(at(1, 4), true, 2));
  EXPECT_TRUE(acked(4, 2));
  EXPECT_EQ(seq(), 0u);
  EXPECT_EQ(seq(2), 0u);
  move(at(1, 4));
  ASSERT_EQ(replace_peer(db_, "bob", Addresses{}), Change::kDone);
  EXPECT_TRUE(move(at(1, 7)));
  EXPECT_TRUE(move(at(1, 7), true));
  EXPECT_TRUE(acked(7));
  EXPECT_EQ(seq(1), 0u);
  EXPECT_EQ(seq(2), 0u);
  EXPECT_TRUE(peer_syncs(db_).empty());
  EXPECT_TRUE(move(at(3, 1), true, 2));
  EXPECT_EQ(seq(2), 1u);
}

TEST_F(CursorTest, APeerThatIsGoneIsSkippedAndItsMailIsKept) {
  move(at(1, 0), true);
  ASSERT_EQ(delete_peer(db_, "bob"), Change::kDone);
  Incoming in = incoming(crypto_, hearsay("late"), bob_);
  CursorUpdate cursor{bob_, 1, at(1, 1), false}, reset{bob_, 1, at(1, 1), true};
  AckUpdate ack{bob_, 1, 1};
  std::array<CursorUpdate, 2> both{cursor, reset};
  EXPECT_TRUE(log_.commit({&in, 1}, both, {&ack, 1}));
  EXPECT_EQ(log_.size(), 1u);
  EXPECT_TRUE(peer_syncs(db_).empty());
  LogRow row;
  ASSERT_EQ(log_.rows(0, {&row, 1}), 1u);
  EXPECT_EQ(row.via, bob_);
}

TEST_F(CursorTest, AcksOnlyGrowAndSurviveANewLog) {
  EXPECT_TRUE(acked(5));
  EXPECT_TRUE(acked(3));
  ASSERT_EQ(peer_syncs(db_).size(), 1u);
  EXPECT_EQ(peer_syncs(db_)[0].acked, 5u);
  EXPECT_EQ(peer_syncs(db_)[0].cursor, 0u);
  EXPECT_EQ(log_.cursor(bob_, 1).log_id, LogId{}) << "an ack adopts no log";
  move(at(1, 2), true);
  EXPECT_EQ(peer_syncs(db_)[0].acked, 5u);
  EXPECT_TRUE(acked(6));
  EXPECT_EQ(peer_syncs(db_)[0].acked, 6u);
  EXPECT_EQ(peer_syncs(db_)[0].cursor, 2u);
}

// The receiver owns its cursor: a commit that does not happen moves nothing.
TEST_F(CursorTest, F12_TheCursorMovesInTheTransactionThatStores) {
  move(at(1, 0), true);
  db_.exec("PRAGMA max_page_count=1");  // never below what there is: from here on nothing fits
  std::vector<Incoming> batch;
  for (int i = 0; i < 100; ++i) batch.push_back(incoming(crypto_, hearsay(std::string(1000, 'x') + std::to_string(i))));
  CursorUpdate update{bob_, 1, at(1, 100), false};
  EXPECT_FALSE(log_.commit(batch, {&update, 1}, {})) << "no room";
  EXPECT_EQ(log_.size(), 0u);
  EXPECT_EQ(seq(), 0u);
  EXPECT_EQ(words(db_, "PRAGMA integrity_check"), "ok");
  db_.exec("PRAGMA max_page_count=100000");  // room again: it resumes by itself
  EXPECT_TRUE(log_.commit(batch, {&update, 1}, {}));
  EXPECT_EQ(log_.size(), 100u);
  EXPECT_EQ(seq(), 100u);
}

TEST_F(CursorTest, AWriterInTheWayIsNotAnError) {
  Database quick = open_store(path_, {.busy_timeout_ms = 0, .create = false, .write = true});
  Log log(quick, crypto_, fixed_clock);
  Incoming in = incoming(crypto_, hearsay("later"));
  {
    Transaction holder(db_);
    EXPECT_FALSE(log.commit({&in, 1}, {}, {}));
  }
  EXPECT_TRUE(log.commit({&in, 1}, {}, {}));
}

}  // namespace
}  // namespace gossip::db::test
