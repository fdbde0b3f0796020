// Sessions by invitation (gossip(7), INVITATIONS): HELLO, one KEY, its answer, and nothing else.
#include "gossip/pair.h"
#include "support/talk.h"

namespace gossip::test {
namespace {

using enum Pairing;
constexpr Pairing kBoth[] = {kInvited, kJoining};

TEST(Pairing, TheOneWhoJoinsSendsTheKeyBehindHelloAndWaitsForNothing) {
  for (bool dialled : {false, true}) {
    Talk t(dialled, {}, kJoining);
    ASSERT_EQ(t.got.size(), 2u);
    EXPECT_EQ(t.got[0].first, static_cast<std::uint8_t>(FrameType::kHello));
    EXPECT_EQ(t.next(FrameType::kKey), t.next_key);
    EXPECT_FALSE(t.closed);
    t.hello();
    t.send(Key{fingerprint(t.crypto, t.next_key)});
    ASSERT_EQ(t.taken.size(), 1u);
    EXPECT_EQ(t.taken[0].peer, 7u);
    EXPECT_EQ(t.taken[0].gen, 1u);
    EXPECT_EQ(t.closed, CloseCode::kNormal);
    EXPECT_TRUE(t.got.empty()) << "nothing is fetched";
  }
}

TEST(Pairing, TheInviterAnswersWhenTheKeyIsStoredAndNotBefore) {
  for (bool dialled : {false, true}) {
    Talk t(dialled, {}, kInvited);
    t.hello();
    t.send(Key{t.next_key});
    ASSERT_EQ(t.came.size(), 1u);
    EXPECT_EQ(t.came[0].spki_der, t.next_key);
    EXPECT_EQ(t.came[0].gen, 1u);
    EXPECT_FALSE(t.next(FrameType::kKey));
    EXPECT_FALSE(t.closed);
    t.engine.handle(t.now, KeyJudged{t.link, Hash{9}, false});
    t.run();
    const Hash fp{9};
    EXPECT_EQ(t.next(FrameType::kKey), Bytes(fp.begin(), fp.end()));
    EXPECT_EQ(t.closed, CloseCode::kNormal);
  }
}

TEST(Pairing, AKeyThatIsRefusedOrCannotBeStoredIsNotAnswered) {
  for (bool later : {false, true}) {
    Talk t(false, {}, kInvited);
    t.hello();
    t.send(Key{t.next_key});
    t.engine.handle(t.now, KeyJudged{t.link, {}, later});
    t.run();
    EXPECT_FALSE(t.next(FrameType::kKey));
    EXPECT_EQ(t.closed, later ? CloseCode::kBusy : CloseCode::kProtocolError);
    EXPECT_EQ(t.notes.back().why, later ? Why::kChanged : Why::kBadKey);
  }
}

TEST(Pairing, NothingElseIsSaidOrTaken) {
  for (Pairing pairing : kBoth) {
    const auto refused = [&](auto say) {
      Talk t(false, {}, pairing);
      t.publish("not for them yet");
      t.hello();
      say(t);
      EXPECT_EQ(t.closed, CloseCode::kProtocolError);
      EXPECT_FALSE(t.next(FrameType::kHave) || t.next(FrameType::kHead) || t.next(FrameType::kFetch));
    };
    refused([](Talk& t) { t.send(Fetch{Cursor{}, 10}); });
    refused([](Talk& t) { t.send(Head{HeadStatus::kOk, t.theirs, 1}); });
    refused([](Talk& t) { t.send(Have{{}, 0, {}}, 0); });
    refused([](Talk& t) { t.send(Credit{0, 1}); });
    refused([](Talk& t) { t.send_seqs(FrameType::kWant, {1}); });
    refused([](Talk& t) { t.send(Body{1, t.next_key}); });
    refused([](Talk& t) { t.hello(); });
    refused([](Talk& t) { t.raw("0900"); });
    refused([](Talk& t) { t.raw("0a00"); });
    Talk t(false, {}, pairing);
    t.hello();
    t.raw("8000");
    EXPECT_FALSE(t.closed) << "what may be ignored is";
    t.send(Err{1});
    EXPECT_EQ(t.closed, CloseCode::kNormal);
  }
}

TEST(Pairing, KeyIsForSessionsByInvitationOnly) {
  Talk t;
  t.hello();
  t.send(Key{t.next_key});
  EXPECT_EQ(t.closed, CloseCode::kProtocolError);
  EXPECT_TRUE(t.came.empty() && t.taken.empty());
  Talk early(false, {}, kInvited);
  early.send(Key{early.next_key});  // before HELLO
  EXPECT_EQ(early.closed, CloseCode::kProtocolError);
  EXPECT_TRUE(early.came.empty());
}

TEST(Pairing, OneKeyAndNoMore) {
  Talk t(false, {}, kInvited);
  t.hello();
  t.send(Key{t.next_key});
  t.send(Key{t.next_key});
  EXPECT_EQ(t.came.size(), 1u);
  EXPECT_EQ(t.closed, CloseCode::kProtocolError);
  t.engine.handle(t.now, KeyJudged{t.link, Hash{9}, false});  // the link is gone
  t.run();
  EXPECT_FALSE(t.next(FrameType::kKey));
}

TEST(Pairing, AnAnswerForAnotherKeyIsNone) {
  Hash wrong{};
  const Bytes longer(33, 1), shorter(31, 1);
  for (const View answer : {View(wrong), View(longer), View(shorter)}) {
    Talk t(true, {}, kJoining);
    t.hello();
    t.send(Key{answer});
    EXPECT_TRUE(t.taken.empty());
    EXPECT_EQ(t.closed, CloseCode::kProtocolError);
  }
}

TEST(Pairing, WhoSaysNothingForTenSecondsIsClosed) {
  for (Pairing pairing : kBoth) {
    for (bool hello : {false, true}) {
      Talk t(false, {}, pairing);
      if (hello) t.hello();
      t.pass(kKeyTime - 1);
      EXPECT_FALSE(t.closed);
      t.pass(1);
      EXPECT_EQ(t.closed, CloseCode::kNormal);
      EXPECT_EQ(t.notes.back().why, hello ? Why::kNoKeyCame : Why::kNoHello);
    }
  }
}

TEST(Pairing, AChangeOfKeysEndsTheSession) {
  Talk t(false, {}, kInvited);
  t.hello();
  t.send(Key{t.next_key});
  t.engine.handle(t.now, PeersChanged{{PeerInfo{7, 2, false, 0}}});
  t.run();
  EXPECT_EQ(t.closed, CloseCode::kNormal);
  t.engine.handle(t.now, KeyJudged{t.link, Hash{9}, false});
  t.run();
  EXPECT_FALSE(t.next(FrameType::kKey));
}

}  // namespace
}  // namespace gossip::test
