// Who tells of a message, and when, reaches the store, whether the message is held by then or not.
#include <gtest/gtest.h>

#include "support/talk.h"

namespace gossip::test {
namespace {

constexpr LinkId kOther = 99;  // a session with friend 8

class ToldTest : public ::testing::Test {
 protected:
  ToldTest() {
    t_.store.tellers = &tellers_;
    t_.serve(9);
    t_.engine.handle(t_.now, PeersChanged{{PeerInfo{7, 1, true, 0}, PeerInfo{8, 1, true, 0}}});
    t_.engine.handle(t_.now, LinkUp{kOther, 8, 1, true});
    t_.engine.handle(t_.now, Writable{kOther, 65536});
    t_.run();
    other(Hello{});
    other(Head{HeadStatus::kOtherLog, theirs_, 9});
    other(Head{HeadStatus::kOk, theirs_, 9});
  }
  template <class Frame, class... More>
  void other(const Frame& frame, More... more) {
    Bytes out;
    encode(out, frame, more...);
    t_.engine.handle(t_.now, BytesIn{kOther, out});
    t_.run();
  }
  void at(std::int64_t wall_ms) { t_.now.wall_ms = wall_ms; }
  Have listing(const Bytes& m) { return Have{{t_.entry(1, m)}, 1, Tag{}}; }
  std::vector<Told> of(const Bytes& m) { return tellers_[message_id(t_.crypto, m)]; }

  std::map<Hash, std::vector<Told>> tellers_;
  Talk t_{true};
  LogId theirs_{4, 5, 6};
};

TEST_F(ToldTest, OthersWhoToldBeforeTheBodyCameGoWithIt) {
  const Bytes m = t_.message("m");
  at(100);
  t_.send(listing(m), 0u);
  at(200);
  other(listing(m), 0u);
  at(300);
  t_.send(Body{1, m});
  EXPECT_EQ(t_.store.size(), 1u);
  EXPECT_EQ(of(m), (std::vector<Told>{{8, 200}})) << "who delivered it is in the row itself";
}

TEST_F(ToldTest, WhoTellsOfWhatIsHeldIsNotedAtOnce) {
  const Bytes m = t_.message("m");
  at(100);
  t_.send(listing(m), 0u);
  t_.send(Body{1, m});
  EXPECT_TRUE(of(m).empty());
  at(500);
  other(listing(m), 0u);
  EXPECT_EQ(of(m), (std::vector<Told>{{8, 500}}));
}

TEST_F(ToldTest, AFailedCommitForgetsNobody) {
  const Bytes m = t_.message("m");
  at(100);
  t_.send(listing(m), 0u);
  other(listing(m), 0u);
  t_.store.fail_commits = 1;
  t_.send(Body{1, m});
  EXPECT_EQ(t_.store.size(), 0u);
  at(200);
  t_.pass(kStall + kSecond);
  Bytes body;
  encode(body, Body{1, m});
  t_.say(body);                                          // asked again of either of the two
  t_.engine.handle(t_.now, BytesIn{kOther, body});
  t_.run();
  ASSERT_EQ(t_.store.size(), 1u);
  const PeerId via = t_.store.disk.rows[0].via;
  EXPECT_EQ(of(m), (std::vector<Told>{{via == 7 ? PeerId{8} : PeerId{7}, 100}}));
}

}  // namespace
}  // namespace gossip::test
