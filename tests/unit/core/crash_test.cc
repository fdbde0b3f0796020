// What made us crash: what is in hand is said before it is touched, the like of it is left alone, who sent it is put off.
#include <gtest/gtest.h>

#include "support/talk.h"

namespace gossip::test {
namespace {

struct Notebook final : Desk {
  void take(PeerId from, const Id12& mark) override {
    peer = from;
    last = mark;
    ++taken;
    if (mark != Id12{}) marks.push_back(mark);
  }
  void clear() override { peer = 0; }
  PeerId peer = 0;
  Id12 last{};
  unsigned taken = 0;
  std::vector<Id12> marks;
};

struct Marked : testing::Test {
  Notebook desk;
  PeerInfo bob(unsigned crashes) { return {7, 1, false, 0, 0, Pairing::kDone, {}, crashes, kMinute}; }
  Have have(Talk& t, const Bytes& m) { return {{t.entry(1, m)}, 1, {}}; }
  // Its own WANT is answered.
  void bring(Talk& t, const Bytes& m) {
    t.serve(1);
    t.send(have(t, m), Seq{0});
    ASSERT_TRUE(t.next(FrameType::kWant));
    t.send(Body{1, m});
  }
};

TEST_F(Marked, AMessageIsMarkedByItsIdAndNothingIsInHandAfterwards) {
  Talk t(true, {}, Pairing::kDone, &desk);
  const Bytes m = t.message("hello");
  bring(t, m);
  EXPECT_EQ(t.store.size(), 1u);
  EXPECT_EQ(desk.marks.back(), t.entry(1, m).id12);
  EXPECT_EQ(desk.peer, 0u);
  EXPECT_EQ(desk.marks.size(), 1u) << "nothing else has one";
}

TEST_F(Marked, AQuarantinedMessageIsRefusedAndTheNextIsTaken) {
  Talk t(true, {}, Pairing::kDone, &desk);
  const Bytes poison = t.message("poison"), m = t.message("hello");
  t.engine.handle(t.now, PeersChanged{{{7, 1, true, 0}}, {t.entry(1, poison).id12}});
  t.serve(2);
  t.send(Have{{t.entry(1, poison), t.entry(2, m)}, 2, {}}, Seq{0});
  t.send(Body{1, poison});
  t.send(Body{2, m});
  EXPECT_FALSE(t.closed);
  EXPECT_EQ(t.store.size(), 1u);
  EXPECT_EQ(t.engine.stats().quarantined, 1u);
  EXPECT_EQ(t.engine.stats().refused, 1u);
  t.pass(2 * kSecond);
  EXPECT_EQ(t.store.cursor(7, 1).seq, 2u) << "it pins nothing";
}

TEST_F(Marked, AFriendMarksNoMessageItNeverHad) {
  Talk liar(true, {}, Pairing::kDone, &desk), honest(true, {}, Pairing::kDone, &desk);
  const Bytes m = liar.message("the honest one");
  liar.serve(1);
  liar.send(have(liar, m), Seq{0});
  liar.send(Body{1, Bytes(m.size(), 0xee)});
  ASSERT_EQ(desk.marks.size(), 1u);
  honest.engine.handle(honest.now, PeersChanged{{{7, 1, true, 0}}, {desk.marks[0]}});
  bring(honest, m);
  EXPECT_EQ(honest.store.size(), 1u);
  EXPECT_EQ(honest.engine.stats().quarantined, 0u);
}

// Their bytes are the same from everybody.
TEST_F(Marked, WhatIsNoMessageHasNoMark) {
  Talk t(false, {}, Pairing::kDone, &desk);
  t.hello();
  t.publish("one");
  t.fetch(8);
  t.send_seqs(FrameType::kWant, {1});
  ASSERT_TRUE(t.next(FrameType::kBody));
  t.send(Credit{0, 8});
  t.say({0xff, 0});
  EXPECT_TRUE(desk.marks.empty());
  EXPECT_GT(desk.taken, 0u);
}

TEST_F(Marked, WhatComesBehindAMessageIsNotTheMessage) {
  Talk t(true, {}, Pairing::kDone, &desk);
  const Bytes m = t.message("hello");
  t.serve(1);
  t.send(have(t, m), Seq{0});
  ASSERT_TRUE(t.next(FrameType::kWant));
  Bytes out;
  encode(out, Body{1, m});
  encode(out, Head{HeadStatus::kOk, t.theirs, 2});
  t.say(out);
  EXPECT_EQ(desk.last, Id12{});
  EXPECT_EQ(desk.marks.size(), 1u);
}

TEST_F(Marked, WhoMadeUsCrashIsPutOffAndLetInAgainByItself) {
  Talk t(false, {}, Pairing::kDone, &desk);
  t.hello();
  t.engine.handle(t.now, PeersChanged{{bob(1)}});
  t.run();
  EXPECT_EQ(t.closed, CloseCode::kBusy);
  EXPECT_EQ(t.notes.back().why, Why::kMadeUsCrash);
  t.up();
  EXPECT_EQ(t.closed, CloseCode::kBusy);
  t.engine.handle(t.now, PeersChanged{{bob(1)}});  // somebody else changed: the wait does not begin anew
  t.now.mono += kMinute;
  t.up();
  t.hello();
  EXPECT_FALSE(t.closed);
  EXPECT_EQ(t.notes.back().state, Health::kUp);
  t.engine.handle(t.now, PeersChanged{{bob(2)}});
  t.run();
  EXPECT_EQ(t.closed, CloseCode::kBusy);
  t.engine.handle(t.now, ClearBackoff{});
  t.up();
  EXPECT_FALSE(t.closed);
}

TEST_F(Marked, WhoMadeUsCrashIsNotDialledMeanwhile) {
  Talk t(true, {}, Pairing::kDone, &desk);
  t.hello();
  PeerInfo info = bob(1);
  info.dialable = true;
  t.dials.clear();
  t.engine.handle(t.now, PeersChanged{{info}});
  t.run();
  EXPECT_EQ(t.closed, CloseCode::kBusy);
  const Micros since = t.now.mono;
  t.pass(kMinute - kSecond);
  EXPECT_TRUE(t.dials.empty());
  ASSERT_TRUE(t.notes.back().next);
  EXPECT_GE(*t.notes.back().next, since + kMinute);
  t.pass(2 * kSecond);
  EXPECT_EQ(t.dials, (std::vector<PeerId>{7}));
}

}  // namespace
}  // namespace gossip::test
