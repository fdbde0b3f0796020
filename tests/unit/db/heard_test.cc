// Who told us of a message: kept beside the log, for a while.
#include "db/heard.h"

#include "db/graph.h"
#include "db/messages.h"
#include "db/ping.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

std::int64_t g_now = fixed_clock();

class HeardTest : public Scratch {
 protected:
  HeardTest() : db_(open()), log_(db_, crypto_, [] { return g_now; }) {
    g_now = fixed_clock();
    log_.keep_told(30);
    for (int i = 1; i <= 9; ++i) add_key(db_, filled(static_cast<std::uint8_t>(i)), filled(static_cast<std::uint8_t>(i)));
    for (const char* name : {"alice", "bob", "carol"}) EXPECT_EQ(add_peer(db_, name), Change::kDone);
    alice_ = find_peer(db_, "alice")->id;
    bob_ = find_peer(db_, "bob")->id;
    carol_ = find_peer(db_, "carol")->id;
  }
  Incoming from(PeerId via, const std::string& text, std::vector<Told> told = {}) {
    Incoming out = incoming(crypto_, hearsay(text), via);
    out.told = std::move(told);
    return out;
  }
  bool tell(const Incoming& message, PeerId peer, std::int64_t at_ms) {
    const Id12 id12 = front_of(message.id);
    return log_.told(message.epoch, id12, {peer, at_ms});
  }
  void commit(std::vector<Incoming> messages) { ASSERT_TRUE(log_.commit(messages, {}, {})); }
  void commit_cursor() {  // what the engine does when a HAVE brought nothing new
    const CursorUpdate update{alice_, 1, Cursor{LogId{1}, ++cursor_, Tag{}}, true};
    ASSERT_TRUE(log_.commit({}, std::span(&update, 1), {}));
  }
  std::string order(Seq seq) {
    std::string out;
    for (const Teller& one : tellers(db_, seq)) out += (out.empty() ? "" : " ") + one.name + (one.delivered ? "!" : "");
    return out;
  }
  std::int64_t rows() { return number(db_, "SELECT count(*) FROM heard"); }
  Database db_;
  Log log_;
  PeerId alice_ = 0, bob_ = 0, carol_ = 0;
  Seq cursor_ = 0;
};

TEST_F(HeardTest, TheOneWhoDeliveredIsFirstThenTheOthersByTime) {
  const Incoming message = from(alice_, "m", {{carol_, g_now + 5}});
  commit({message});
  EXPECT_TRUE(tell(message, bob_, g_now - 1));
  EXPECT_TRUE(tell(message, alice_, g_now)) << "who delivered it is no row";
  commit_cursor();
  EXPECT_EQ(order(1), "alice! bob carol");
  EXPECT_EQ(rows(), 2);
  EXPECT_EQ(order(2), "");
}

TEST_F(HeardTest, TheFirstTellingCountsAndIsARowForEachFriend) {
  const Incoming message = from(0, "mine");
  commit({message});
  for (std::int64_t at : {7, 3, 9}) tell(message, bob_, g_now + at);
  commit_cursor();
  tell(message, bob_, g_now + 1);
  commit_cursor();
  EXPECT_EQ(order(1), "self! bob");
  EXPECT_EQ(tellers(db_, 1)[1].at_ms, g_now + 7);
}

TEST_F(HeardTest, AMessageThatIsNotHeldIsNotNoted) {
  EXPECT_FALSE(tell(from(alice_, "never came"), bob_, g_now));
  commit_cursor();
  EXPECT_EQ(rows(), 0);
}

TEST_F(HeardTest, WhoBringsWhatAnotherProcessStoredFirstHasToldOfIt) {
  commit({from(alice_, "m")});
  commit({from(bob_, "m", {{carol_, g_now - 2}})});
  EXPECT_EQ(order(1), "alice! carol bob");
}

TEST_F(HeardTest, AFullBatchDoesNotWaitForACommit) {
  std::vector<Incoming> messages;
  for (int i = 0; i < 8400; ++i) messages.push_back(from(alice_, std::to_string(i)));
  commit(messages);
  for (const Incoming& one : messages) tell(one, bob_, g_now);
  EXPECT_EQ(rows(), 0);
  for (const Incoming& one : messages) tell(one, carol_, g_now);
  EXPECT_EQ(rows(), 16384);
  commit_cursor();
  EXPECT_EQ(rows(), 16800);
}

TEST_F(HeardTest, NothingIsKeptWithoutALedgerNorOfOldMessages) {
  const Incoming old = from(alice_, "old");
  commit({old});
  g_now += 31 * kDayMs;
  tell(old, bob_, g_now);
  log_.keep_told(0);
  commit({from(alice_, "new", {{carol_, g_now}})});
  EXPECT_EQ(rows(), 0);
  EXPECT_EQ(order(2), "alice!");
  log_.keep_told(30);
  tell(old, bob_, g_now);
  tell(from(alice_, "new"), bob_, g_now);
  commit_cursor();
  EXPECT_EQ(order(1), "alice!");
  EXPECT_EQ(order(2), "alice! bob");
}

TEST_F(HeardTest, TheEldestAreTrimmedInSmallBatches) {
  std::vector<Incoming> messages;
  for (int i = 0; i < 1500; ++i) messages.push_back(from(alice_, std::to_string(i), {{bob_, g_now}, {carol_, g_now}}));
  commit(messages);
  g_now += kDayMs;
  commit({from(alice_, "young", {{bob_, g_now}})});
  EXPECT_EQ(rows(), 3001);
  EXPECT_FALSE(trim_heard(db_, g_now - kDayMs));
  EXPECT_TRUE(trim_heard(db_, g_now));
  EXPECT_EQ(rows(), 2001);
  int batches = 0;
  while (trim_heard(db_, g_now)) ++batches;
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(order(1501), "alice! bob");
  EXPECT_EQ(rows(), 1);
  EXPECT_TRUE(trim_heard(db_, g_now + 1));
  EXPECT_EQ(rows(), 0);
}

TEST_F(HeardTest, SourcesAreFriendsAndNotOurselves) {
  commit({from(alice_, "three", {{bob_, g_now}, {carol_, g_now}}), from(alice_, "one"), from(0, "mine, heard back", {{bob_, g_now}}),
          from(0, "mine")});
  const auto found = [&](std::uint64_t n) {
    Seq scanned = 0;
    std::string out;
    for (const Shown& one : read_messages(db_, 0, Filter{.from = {}, .since_ms = {}, .min_sources = n}, kPage, false, scanned))
      out += std::to_string(one.seq);
    return out;
  };
  EXPECT_EQ(found(0), "1234");
  EXPECT_EQ(found(1), "123");
  EXPECT_EQ(found(2), "1");
  EXPECT_EQ(found(3), "1");
  EXPECT_EQ(found(4), "");
  EXPECT_EQ(start_of_last(db_, Filter{.from = {}, .since_ms = {}, .min_sources = 1}, 2), 1u);
}

TEST_F(HeardTest, APictureHasFactsAndClaims) {
  commit({from(alice_, "a"), from(alice_, "b"), from(0, "c")});
  const auto facts = deliveries(db_);
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_EQ(facts[0].name, "self");
  EXPECT_EQ(facts[1].name, "alice");
  EXPECT_EQ(facts[1].messages, 2);
  const auto said = claims(db_);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].via, alice_);
  EXPECT_EQ(said[0].messages, 2);
}

TEST_F(HeardTest, PingIsAskedAndAnsweredOnce) {
  const std::int64_t id = ask_ping(db_, bob_, g_now);
  ASSERT_EQ(open_pings(db_).size(), 1u);
  EXPECT_EQ(open_pings(db_)[0].peer, bob_);
  EXPECT_FALSE(ping_answer(db_, id));
  answer_ping(db_, id, 1234);
  answer_ping(db_, id, 99);
  EXPECT_EQ(ping_answer(db_, id), 1234);
  EXPECT_TRUE(open_pings(db_).empty());
  ask_ping(db_, bob_, g_now + 61'000);
  EXPECT_FALSE(ping_answer(db_, id)) << "its asker is gone";
  delete_peer(db_, "bob");
  EXPECT_TRUE(open_pings(db_).empty());
}

}  // namespace
}  // namespace gossip::db::test
