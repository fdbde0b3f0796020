// What is handed to hooks, mutes, and another name for a friend.
#include "db/handover.h"

#include "db/messages.h"
#include "db/mute.h"
#include "db/salvage.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

class Handover : public Scratch {
 protected:
  Handover() : db_(open()) {
    for (std::uint8_t i = 1; i <= 3; ++i) add_key(db_, Bytes(1200, i), filled(i));
    for (const char* name : {"ann", "bob"}) add_peer(db_, name);
  }
  void hear(PeerId via, const std::string& sender, const std::string& text) {
    Log log(db_, crypto_, fixed_clock);
    const std::vector<Incoming> one{incoming(crypto_, hearsay(text, sender), via)};
    ASSERT_TRUE(log.commit(one, {}, {}));
  }
  std::string next(Seq after, std::int64_t now_ms = kNow) {
    Seq scanned = 0;
    const auto one = next_to_hand(db_, after, now_ms, scanned);
    return one ? std::to_string(one->seq) + " " + one->delivered_by + " " + one->sender + " " + one->text : "none, " + std::to_string(scanned);
  }
  std::size_t shown(std::optional<std::int64_t> mutes_ms) {
    Filter filter;
    filter.mutes_ms = mutes_ms;
    Seq scanned = 0;
    return read_messages(db_, 0, filter, kPage, false, scanned).size();
  }
  Database db_;
};

TEST_F(Handover, BeginsAtTheEndAndRemembers) {
  hear(1, "ann", "old");
  EXPECT_EQ(handed_upto(db_), 1u);
  hear(1, "ann", "new");
  EXPECT_EQ(handed_upto(db_), 1u) << "the first answer was kept";
  note_handed(db_, 2);
  EXPECT_EQ(handed_upto(db_), 2u);
  note_handed(db_, 99);
  EXPECT_EQ(handed_upto(db_), 2u) << "a log that was set back";
}

TEST_F(Handover, OthersMessagesInOrderWithoutOwnAndGone) {
  hear(0, "me", "mine");
  hear(2, "carol", "first");
  hear(1, "dora", "gone");
  hear(1, "ann", "second");
  db_.exec("DELETE FROM body WHERE seq=3");
  EXPECT_EQ(next(0), "2 bob carol first");
  EXPECT_EQ(next(2), "4 ann ann second");
  EXPECT_EQ(next(4), "none, 4");
  EXPECT_EQ(next(9), "none, 9");
}

TEST_F(Handover, MutesHoldUntilTheirTime) {
  hear(1, "carol", "one");
  hear(2, "dora", "two");
  ASSERT_TRUE(mute(db_, {false, "carol", kNow + 5}));
  EXPECT_EQ(next(0), "2 bob dora two");
  EXPECT_EQ(next(0, kNow + 5), "1 ann carol one");
  EXPECT_EQ(shown(kNow), 1u);
  EXPECT_EQ(shown({}), 2u);
  ASSERT_TRUE(mute(db_, {true, "bob", {}}));
  EXPECT_EQ(next(0), "none, 2");
  EXPECT_EQ(shown(kNow), 0u);
  Filter filter;
  filter.mutes_ms = kNow + 5;
  EXPECT_EQ(start_of_last(db_, filter, 1), 0u) << "the last that is not muted is the first of all";
  EXPECT_EQ(mutes(db_, kNow).size(), 2u);
  EXPECT_EQ(mutes(db_, kNow + 5).size(), 1u);
  EXPECT_FALSE(mute(db_, {true, "carol", {}})) << "nobody of that name ever delivered";
  EXPECT_FALSE(unmute(db_, {false, "carol", {}}, kNow + 5)) << "it was over";
  EXPECT_FALSE(unmute(db_, {false, "bob", {}}, kNow)) << "a sender is not a friend";
  EXPECT_TRUE(unmute(db_, {true, "bob", {}}, kNow));
  EXPECT_EQ(number(db_, "SELECT count(*) FROM mute"), 0);
}

TEST_F(Handover, AMuteTakesThePlaceOfTheOneBefore) {
  ASSERT_TRUE(mute(db_, {false, "carol", {}}));
  ASSERT_TRUE(mute(db_, {false, "carol", kNow + 5}));
  ASSERT_TRUE(mute(db_, {true, "ann", kNow + 5}));
  ASSERT_TRUE(mute(db_, {true, "ann", {}}));
  const std::vector<Mute> all = mutes(db_, kNow);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "ann");
  EXPECT_FALSE(all[0].until_ms);
  EXPECT_EQ(all[1].until_ms, kNow + 5);
}

TEST_F(Handover, ANewNameIsThatOfWhatWasDelivered) {
  hear(1, "x", "one");
  ASSERT_TRUE(mute(db_, {true, "ann", {}}));
  const std::int64_t before = peers_version(db_);
  EXPECT_EQ(rename_peer(db_, "ann", "bob"), Change::kExists);
  EXPECT_EQ(rename_peer(db_, "nobody", "x"), Change::kNoSuch);
  EXPECT_EQ(rename_peer(db_, "ann", "ann"), Change::kSame);
  EXPECT_EQ(peers_version(db_), before);
  EXPECT_EQ(rename_peer(db_, "ann", "zoe"), Change::kDone);
  EXPECT_NE(peers_version(db_), before);
  EXPECT_EQ(peer_names(db_), (std::vector<std::string>{"bob", "zoe"}));
  EXPECT_EQ(mutes(db_, kNow)[0].name, "zoe") << "a friend is muted, not a name";
  ASSERT_TRUE(unmute(db_, {true, "zoe", {}}, kNow));
  EXPECT_EQ(next(0), "1 zoe x one");
}

TEST_F(Handover, RecoverKeepsTheMarkWherePositionsCloseUp) {
  for (int i = 0; i < 6; ++i) hear(1, "x", "text " + std::to_string(i));
  note_handed(db_, 4);
  db_.exec("UPDATE body SET text='forged' WHERE seq IN (2, 4)");
  const std::string into = dir_ + "/into.db";
  const Salvaged out = salvage(path_, into, crypto_, [](View, const Hash&) { return true; });
  EXPECT_EQ(out.kept, 4);
  Database db = open_store(into, {.create = false});
  EXPECT_EQ(handed_upto(db), 2u) << "the two before the mark that are left";
}

}  // namespace
}  // namespace gossip::db::test
