// Dropping texts: what goes, in which order, what stays of it, and that the bytes are gone.
#include "db/retention.h"

#include "db/checkpoint.h"
#include "db/files.h"
#include "db/invite.h"
#include "db/messages.h"
#include "gossip/limits.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

constexpr std::int64_t kDay = 86'400'000, kToday = 20'000 * kDay, kMiB = 1 << 20;
const std::string kSecret = "the owls are not what they seem";

class RetentionTest : public Scratch {
 protected:
  RetentionTest() : db_(open()), log_(db_, crypto_, fixed_clock) {
    add_key(db_, Bytes(8, 1), filled(1));
    EXPECT_EQ(add_peer(db_, "bob"), Change::kDone);
    bob_ = find_peer(db_, "bob")->id;
  }
  Incoming put(const std::string& text, std::int64_t heard_ms = kToday, PeerId via = 0) {
    Incoming in = incoming(crypto_, hearsay(text), via);
    Transaction transaction(db_);
    EXPECT_TRUE(log_.append(in, heard_ms));
    transaction.commit();
    log_.refresh();
    return in;
  }
  void put_many(int n, std::size_t size, PeerId via, std::int64_t heard_ms = kToday) {
    Transaction transaction(db_);
    for (int i = 0; i < n; ++i, ++made_)
      log_.append(incoming(crypto_, hearsay(std::to_string(made_) + std::string(size, 'x')), via), heard_ms);
    transaction.commit();
    log_.refresh();
  }
  // One pass, as the worker makes it; gives what was dropped.
  Dropped pass(Retention& retention, std::int64_t wall_ms = kToday) {
    Dropped out;
    for (int i = 0; i < 10'000; ++i) {
      retention.run({mono_, wall_ms});
      mono_ = retention.next_deadline().value_or(mono_ + kHour);
      if (const auto done = retention.take_done()) out = *done;
      if (!retention.next_deadline()) return out;
    }
    ADD_FAILURE() << "no end";
    return out;
  }
  std::int64_t aged(std::int64_t days, std::int64_t wall_ms) {
    Retention retention(db_, {.keep_ms = days * kDay});
    return pass(retention, wall_ms).by_age;
  }
  std::string kept() { return words(db_, "SELECT coalesce(group_concat(seq), '') FROM (SELECT seq FROM v_messages WHERE kept ORDER BY seq)"); }
  bool found() const { return (contents(path_) + contents(path_ + "-wal")).find(kSecret) != std::string::npos; }
  void passed(Seq acked) {  // bob, who has a key now
    db_.exec("UPDATE peers SET pub=x'3084', pub_fp=zeroblob(32) WHERE name='bob'");
    const AckUpdate ack{bob_, find_peer(db_, "bob")->gen, acked};
    EXPECT_TRUE(log_.commit({}, {}, {&ack, 1}));
  }
  void trust(std::int64_t wall_ms) { meta_put(db_, "keep_clock", std::to_string(wall_ms)); }
  std::int64_t pages() { return db_.pragma("page_count"); }

  Database db_;
  Log log_;
  PeerId bob_ = 0;
  Micros mono_ = 1;
  int made_ = 0;
};

TEST_F(RetentionTest, F16_WhatWasDeletedIsKnownAndNeverComesBack) {
  const Incoming in = put("a secret"), other = put("another");
  const Hash chain = log_.chain(2);
  EXPECT_EQ(delete_text(db_, 1), static_cast<std::int64_t>(in.message.size()));
  EXPECT_EQ(delete_text(db_, 1), std::nullopt) << "it is gone";
  EXPECT_EQ(delete_text(db_, 7), std::nullopt);
  EXPECT_EQ(kept(), "2");
  LogRow row;
  ASSERT_EQ(log_.rows(0, {&row, 1}), 1u);
  EXPECT_EQ(row.id, in.id);
  EXPECT_EQ(row.size, 0u) << "so that it is not announced";
  Bytes body;
  EXPECT_FALSE(log_.body(1, body));
  const Id12 id12 = front_of(in.id);
  EXPECT_TRUE(log_.held(in.epoch, id12)) << "so that it is not asked for";
  EXPECT_EQ(log_.commit({&in, 1}, {}, {}).stored, 0u) << "nor taken where it comes all the same";
  EXPECT_EQ(kept(), "2");
  Log fresh(db_, crypto_, fixed_clock);
  EXPECT_EQ(fresh.chain(2), chain);
  EXPECT_EQ(fresh.size(), 2u);
}

TEST_F(RetentionTest, IdsAreFoundByTheirBeginningAndViewLeavesOutWhatIsGone) {
  const Incoming in = put("first");
  put("second");
  const std::string id = to_hex(in.id);
  for (std::size_t digits : {8u, 9u, 63u, 64u}) {
    ASSERT_EQ(find_messages(db_, id.substr(0, digits), 2).size(), 1u);
    EXPECT_EQ(find_messages(db_, id.substr(0, digits), 2)[0].seq, 1u);
  }
  EXPECT_TRUE(find_messages(db_, id.substr(0, 7), 2).empty()) << "too short";
  EXPECT_TRUE(find_messages(db_, id + "0", 2).empty());
  EXPECT_TRUE(find_messages(db_, "nothexdigits", 2).empty());
  delete_text(db_, 1);
  EXPECT_EQ(find_messages(db_, id, 2).size(), 1u);
  Filter filter;
  Seq scanned = 0;
  EXPECT_EQ(read_messages(db_, 0, filter, kPage, false, scanned).size(), 2u);
  filter.kept = true;
  EXPECT_EQ(read_messages(db_, 0, filter, kPage, false, scanned).size(), 1u);
  EXPECT_EQ(start_of_last(db_, {}, 1), 1u);
  EXPECT_EQ(start_of_last(db_, filter, 1), 0u) << "of one there is the last one is the first";
}

TEST_F(RetentionTest, BytesOfADeletedTextLeaveTheFilesAtOnceWithADaemon) {
  put(kSecret + std::string(9000, 'y') + kSecret);
  Checkpointer checkpointer(path_);
  ASSERT_TRUE(checkpointer.run()) << "it is in the database file as well";
  EXPECT_TRUE(delete_text(db_, 1));
  EXPECT_TRUE(found()) << "nothing would be shown";
  checkpointer.run_if_due(0);
  EXPECT_TRUE(found()) << "it is not quiet yet";
  checkpointer.wipe_soon();
  checkpointer.run_if_due(1);
  EXPECT_FALSE(found());
}

TEST_F(Scratch, BytesOfADeletedTextLeaveTheFilesAtOnceWithoutADaemon) {
  {
    Database db = open();
    Log log(db, crypto_, fixed_clock);
    const Incoming in = incoming(crypto_, hearsay(kSecret + std::string(9000, 'y') + kSecret));
    ASSERT_TRUE(log.commit({&in, 1}, {}, {}));
  }
  {
    Database db = open();
    EXPECT_TRUE(delete_text(db, 1));
    db.tidy_at_close();
  }
  EXPECT_EQ(size_of(path_ + "-wal"), 0);
  EXPECT_EQ(contents(path_).find(kSecret), std::string::npos);
}

TEST_F(RetentionTest, AgeCountsFromWhenItWasHeard) {
  put("old", kToday - 30 * kDay);
  put("old, of bob", kToday - 30 * kDay + 1, bob_);
  put("of today");
  passed(3);
  EXPECT_EQ(aged(0, kToday), 0) << "for ever";
  EXPECT_EQ(aged(31, kToday), 0);
  EXPECT_EQ(aged(30, kToday), 1);
  EXPECT_EQ(kept(), "2,3");
  EXPECT_EQ(aged(30, kToday + 1), 1);
  EXPECT_EQ(aged(30, kToday + kDay), 0);
  const RetentionFacts facts = retention_facts(db_);
  EXPECT_EQ(facts.kept, 1);
  EXPECT_EQ(facts.by_age, 2);
  EXPECT_GT(facts.bytes, 0);
}

TEST_F(RetentionTest, TimesHeardByAWrongClockAreHeldAgainstTheirNeighbours) {
  put("ahead, before anything else", 3 * kToday);
  put("old", kToday - 10 * kDay);
  put("heard while the clock was in 1970", 2000);
  put("heard while it was decades ahead", 2 * kToday);
  put("of today");
  put("of today, in 1970", 3000);
  passed(6);
  trust(kToday);
  EXPECT_EQ(aged(11, kToday), 0) << "who is ahead alone counts as heard with what follows";
  EXPECT_EQ(kept(), "1,2,3,4,5,6");
  EXPECT_EQ(aged(9, kToday), 4);
  EXPECT_EQ(kept(), "5,6");
}

TEST_F(RetentionTest, TimesOfTheFutureAloneExpireNothing) {
  put("ahead", 2 * kToday);
  trust(kToday);
  EXPECT_EQ(aged(1, kToday), 0);
  put("behind it", kToday - 5 * kDay);
  put("of today");
  passed(3);
  EXPECT_EQ(aged(1, kToday), 2);
  EXPECT_EQ(kept(), "3");
}

TEST_F(RetentionTest, ClockThatLeapsDropsNothingUntilItHasStoodForADay) {
  put("of today");
  passed(1);
  EXPECT_EQ(aged(30, kToday), 0);
  EXPECT_EQ(aged(30, kToday + 7000 * kDay), 0) << "a start with a wrong date";
  EXPECT_EQ(aged(30, kToday + kDay), 0) << "set right";
  EXPECT_EQ(aged(30, 5), 0) << "or back in 1970";
  EXPECT_EQ(aged(30, kToday + 2 * kDay), 0);
  EXPECT_EQ(aged(30, kToday + 40 * kDay), 0) << "after six weeks away";
  EXPECT_EQ(aged(30, kToday + 40 * kDay + kDay / 2), 0);
  EXPECT_EQ(aged(30, kToday + 41 * kDay), 1);
}

TEST(KeepClockTest, BelievesSmallStepsAtOnceAndLeapsByWhatWasSeenFirst) {
  KeepClock clock{kToday, 0};
  clock.look(kToday + 2 * kDay);
  EXPECT_EQ(clock.trusted_ms, kToday + 2 * kDay);
  clock.look(kToday + kDay);
  EXPECT_EQ(clock.trusted_ms, kToday + kDay);
  clock.look(kToday + 8 * kDay);
  EXPECT_EQ(clock.trusted_ms, kToday + kDay);
  clock.look(kToday + 15 * kDay);
  EXPECT_EQ(clock.trusted_ms, kToday + kDay) << "that is another leap, not a clock that stood";
  clock.look(kToday + 16 * kDay);
  EXPECT_EQ(clock.trusted_ms, kToday + 16 * kDay);
  clock.look(1000);
  clock.look(1000 + kDay);
  EXPECT_EQ(clock.trusted_ms, 1000 + kDay) << "it stood for a day";
  EXPECT_EQ(clock.doubted_ms, 0);
}

TEST(KeepClockTest, TwoWrongDatesInARowAreNotADay) {
  KeepClock clock{kToday, 0};
  clock.look(kToday + 1800 * kDay);
  clock.look(kToday + 6500 * kDay);  // a minute later
  EXPECT_EQ(clock.trusted_ms, kToday);
}

TEST_F(RetentionTest, TwoWrongDatesInARowDropNothing) {
  put("of today", kToday, bob_);
  EXPECT_EQ(aged(30, kToday), 0);
  EXPECT_EQ(aged(30, kToday + 1800 * kDay), 0);
  EXPECT_EQ(aged(30, kToday + 6500 * kDay), 0) << "what was seen last is noted in the database";
}

TEST_F(RetentionTest, OwnTextsThatSomeFriendHasNotPassedStayHoweverOld) {
  put("passed", kToday - 9 * kDay);
  put("not passed", kToday - 9 * kDay);
  put("of bob", kToday - 9 * kDay, bob_);
  trust(kToday);
  EXPECT_EQ(aged(1, kToday), 0 + 1) << "nobody could fetch any of ours";
  passed(1);
  EXPECT_EQ(aged(1, kToday), 1);
  EXPECT_EQ(kept(), "2");
}

TEST_F(RetentionTest, FirstLookGoesByWhatWasHeardLast) {
  put("heard long ago", kToday - 300 * kDay, bob_);
  EXPECT_EQ(aged(30, kToday), 0) << "the clock may be wrong";
  EXPECT_EQ(aged(30, kToday + kDay), 1);
}

TEST_F(RetentionTest, SizeTakesTheOldestOfOthersFirstAndOwnOnesThatAFriendHasPassed) {
  put_many(20, 20'000, 0);
  put_many(60, 20'000, bob_);
  put_many(10, 20'000, 0);
  Retention none(db_, {.max_bytes = 3 * kMiB});
  EXPECT_EQ(pass(none).by_size, 0) << "below the limit nothing goes";
  add_key(db_, Bytes(8, 2), filled(2));
  EXPECT_EQ(add_peer(db_, "cid"), Change::kDone);  // without a key
  add_key(db_, Bytes(8, 3), filled(3));
  EXPECT_EQ(invite(db_, "dan", {}, {Bytes(8, 4), filled(4)}, kToday + 90 * kDay, false), Change::kDone);  // who may never come
  Retention two(db_, {.max_bytes = 3 * kMiB / 2});
  const Dropped first = pass(two);
  EXPECT_GT(first.by_size, 15);
  EXPECT_LT(first.by_size, 40);
  EXPECT_EQ(words(db_, "SELECT min(seq) || ' ' || count(*) FROM v_messages WHERE kept AND delivered_by<>'self'"),
            std::to_string(21 + first.by_size) + " " + std::to_string(60 - first.by_size)) << "the oldest of others";
  EXPECT_LE(retention_facts(db_).used_bytes, 3 * kMiB / 2 * 15 / 16);
  EXPECT_GT(retention_facts(db_).used_bytes, 3 * kMiB / 2 * 14 / 16) << "and no more than that";
  EXPECT_EQ(pass(two).by_size, 0);
  EXPECT_LT(pages() * 4096, 3 * kMiB / 2 + kMiB) << "the file shrinks";
  put_many(40, 20'000, 0);
  Retention small(db_, {.max_bytes = kMiB});
  EXPECT_EQ(pass(small).by_size, 0) << "no friend has any of our own, and all the others would not be enough";
  EXPECT_TRUE(small.overfull());
  meta_put(db_, "max_store", std::to_string(kMiB));
  EXPECT_TRUE(retention_facts(db_).overfull) << "and whoever asks can see that";
  passed(15);
  mono_ += kHour;
  EXPECT_EQ(pass(small).by_size, 0) << "nor with fifteen of ours";
  EXPECT_TRUE(retention_facts(db_).overfull);
  passed(85);
  EXPECT_FALSE(retention_facts(db_).overfull);
  mono_ += kHour;
  EXPECT_EQ(pass(small).by_size, 60 - first.by_size + 21);
  EXPECT_FALSE(small.overfull());
  EXPECT_EQ(words(db_, "SELECT min(seq) || ' ' || count(*) FROM v_messages WHERE kept"), "82 49");
  EXPECT_EQ(words(db_, "PRAGMA integrity_check"), "ok");
}

// Rows of ids stay for ever: they drive nothing out, and what a friend alone acknowledges does not either.
TEST_F(RetentionTest, ManySmallTextsOfOneFriendDoNotEmptyTheStore) {
  put_many(20, 1000, 0);
  put_many(20, 1000, bob_);
  passed(40);
  Retention retention(db_, {.max_bytes = 2 * kMiB});
  put_many(25'000, 1, bob_);
  EXPECT_EQ(pass(retention).by_size, 0);
  EXPECT_FALSE(retention.overfull());
  EXPECT_EQ(retention_facts(db_).kept, 25'040);
}

TEST_F(RetentionTest, AMessageCostsItsFriendTheRowAsWell) {
  passed(0);
  const Incoming in = incoming(crypto_, hearsay("x"), bob_);
  EXPECT_TRUE(log_.commit({&in, 1}, {}, {}));
  EXPECT_EQ(log_.taken_today(bob_), in.message.size() + kRowCost);
}

TEST_F(RetentionTest, TotalsAreWhatTheLogSays) {
  put_many(30, 100, 0);
  put_many(20, 100, bob_);
  EXPECT_TRUE(delete_text(db_, 3));
  EXPECT_TRUE(delete_text(db_, 33));
  EXPECT_EQ(words(db_, "SELECT own || ' ' || texts || ' ' || bytes || ' ' || own_bytes FROM total"),
            words(db_, "SELECT sum(via=0) || ' ' || sum(size<>0) || ' ' || sum(size) || ' ' || sum(size*(via=0)) FROM log"));
}

TEST_F(RetentionTest, SpaceReturnsInStepsThatOthersWriteBetween) {
  put_many(3000, 2000, bob_, kToday - 2 * kDay);
  put("of today");
  const std::int64_t before = pages();
  Retention retention(db_, {.keep_ms = kDay});
  Database other = open();
  int steps = 0;
  do {
    retention.run({mono_, kToday});
    mono_ = retention.next_deadline().value_or(0);
    meta_put(other, "between", std::to_string(++steps));
  } while (mono_ != 0);
  EXPECT_GT(steps, 10);
  EXPECT_EQ(kept(), "3001");
  EXPECT_LT(pages(), before / 4);
  EXPECT_GT(db_.pragma("freelist_count"), 0) << "a little is left for what comes";
  Checkpointer checkpointer(path_);
  ASSERT_TRUE(checkpointer.tidy());
  EXPECT_EQ(size_of(path_), pages() * 4096);
  EXPECT_EQ(words(db_, "PRAGMA integrity_check"), "ok");
}

TEST_F(RetentionTest, WaitsForNobodyAndTriesAgain) {
  put("old", kToday - 9 * kDay, bob_);
  put("of today");
  Retention retention(db_, {.keep_ms = kDay});
  Database other = open();
  {
    Transaction writing(other);
    retention.run({1, kToday});
    EXPECT_FALSE(retention.next_deadline());
    EXPECT_EQ(kept(), "1,2");
  }
  EXPECT_EQ(db_.pragma("busy_timeout"), 5000);
  mono_ = kSecond + 1;
  EXPECT_EQ(pass(retention).by_age, 1);
}

TEST_F(RetentionTest, HearsOfWhatIsDeletedByHand) {
  put("a");
  put("b");
  delete_text(db_, 1);
  Retention retention(db_, {});
  EXPECT_FALSE(retention.deleted_by_hand()) << "that was before";
  delete_text(db_, 2);
  EXPECT_TRUE(retention.deleted_by_hand());
  EXPECT_FALSE(retention.deleted_by_hand());
}

}  // namespace
}  // namespace gossip::db::test
