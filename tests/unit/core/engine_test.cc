// One engine, and a friend who is us: every rule of the sync layer from the outside, frame by frame.
#include <gtest/gtest.h>

#include "support/talk.h"

namespace gossip::test {
namespace {

// --- order of things

TEST(Engine, HelloComesFirstAndOnce) {
  Talk t;
  EXPECT_TRUE(t.next(FrameType::kHello));  // ours goes out without waiting
  t.hello();
  EXPECT_FALSE(t.closed);
  t.hello();
  EXPECT_EQ(t.closed, CloseCode::kProtocolError);
  EXPECT_TRUE(t.next(FrameType::kErr));
}

TEST(Engine, AnythingBeforeHelloEndsTheSession) {
  for (const char* hex : {"8000", "3e0100", "021b000000000000000000000000000000000000000000000000008020", "01120200a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"}) {
    Talk t;
    t.raw(hex);
    EXPECT_TRUE(t.closed) << hex;
  }
}

TEST(Engine, FramesInTheWrongPlaceAreProtocolErrors) {
  // WANT, CREDIT without FETCH; HEAD, HAVE, BODY, GONE without our FETCH; unknown below 80; known and unknown kinds cut short
  for (const char* hex : {"0503020101", "08020000", "031200a0a1a2a3a4a5a6a7a8a9aaabacadaeaf02", "040a0001c0c1c2c3c4c5c6c7", "06020100", "07020101",
                          "0900", "7f00", "0000", "0200", "0500"}) {
    Talk t;
    t.hello();
    t.raw(hex);
    EXPECT_EQ(t.closed, CloseCode::kProtocolError) << hex;
    EXPECT_TRUE(t.next(FrameType::kErr)) << hex;
  }
}

TEST(Engine, UnknownTypesFrom80AreSkippedAndErrIsNotAnswered) {
  Talk t;
  t.hello();
  t.raw("8003616263");
  t.raw("ff00");
  EXPECT_FALSE(t.closed);
  t.raw("3e0101");
  EXPECT_EQ(t.closed, CloseCode::kNormal);
  EXPECT_EQ(t.count(FrameType::kErr), 0);
}

// --- serving

TEST(Engine, ServesWithinCreditAndAnswersWants) {
  Talk t;
  t.hello();
  for (int i = 0; i < 5; ++i) t.publish("m" + std::to_string(i));
  t.fetch(3);
  auto have = decode_have(*t.next(FrameType::kHave), 0);
  ASSERT_EQ(have->entries.size(), 3u);
  EXPECT_EQ(have->upto, 3u);
  EXPECT_FALSE(t.next(FrameType::kHave));  // no credit: the long poll
  t.send_seqs(FrameType::kWant, {1, 3});
  auto body = decode_body(*t.next(FrameType::kBody));
  EXPECT_EQ(body->seq, 1u);
  EXPECT_EQ(body->message.size(), have->entries[0].size);
  ASSERT_TRUE(t.next(FrameType::kBody));
  t.send(Credit{3, 10});
  have = decode_have(*t.next(FrameType::kHave), 3);
  EXPECT_EQ(have->entries.size(), 2u);
  t.publish("live");
  auto head = t.next(FrameType::kHead);  // stated again before upto passes it
  ASSERT_TRUE(head);
  EXPECT_EQ(decode_head(*head)->size, 6u);
  EXPECT_TRUE(t.next(FrameType::kHave));
  t.send(Credit{6, 0});
  t.pass(2 * kSecond);
  EXPECT_EQ((t.store.disk.acks[{7, 1}]), 6u);
}

TEST(Engine, CursorTagDetectsWhatIsNotOurs) {
  Talk t;
  t.hello();
  t.publish("one");
  t.publish("two");
  t.fetch(10);
  auto have = decode_have(*t.next(FrameType::kHave), 0);
  t.send(Fetch{Cursor{t.log_id, 2, have->tag}, 10});
  EXPECT_EQ(decode_head(*t.next(FrameType::kHead))->status, HeadStatus::kOk);
  Tag wrong = have->tag;
  wrong[0] ^= 1;
  t.send(Fetch{Cursor{t.log_id, 2, wrong}, 10});
  EXPECT_EQ(decode_head(*t.next(FrameType::kHead))->status, HeadStatus::kMismatch);
  t.send(Fetch{Cursor{t.log_id, 3, have->tag}, 10});
  EXPECT_EQ(decode_head(*t.next(FrameType::kHead))->status, HeadStatus::kMismatch);
  t.send(Fetch{Cursor{LogId{9}, 2, have->tag}, 10});
  EXPECT_EQ(decode_head(*t.next(FrameType::kHead))->status, HeadStatus::kOtherLog);
  t.send_seqs(FrameType::kWant, {1});  // no subscription now
  EXPECT_EQ(t.closed, CloseCode::kProtocolError);
}

TEST(Engine, CursorOfAFetchIsAnAcknowledgement) {
  Talk t;
  t.hello();
  t.publish("one");
  t.publish("two");
  t.fetch(10);
  auto have = decode_have(*t.next(FrameType::kHave), 0);
  t.engine.handle(t.now, LinkDown{t.link, End::kAbnormal});  // before it could acknowledge
  t.up(), t.hello();
  t.send(Fetch{Cursor{t.log_id, 2, have->tag}, 10});
  t.pass(2 * kSecond);
  EXPECT_EQ((t.store.disk.acks[{7, 1}]), 2u);
}

TEST(Engine, ServerRefusesWantsAndAcksOutOfBounds) {
  auto with_subscription = [](auto act) {
    Talk t;
    t.hello();
    for (int i = 0; i < 4; ++i) t.publish("m");
    t.fetch(2);
    act(t);
    return t.closed.has_value();
  };
  EXPECT_TRUE(with_subscription([](Talk& t) { t.send_seqs(FrameType::kWant, {3}); }));   // beyond upto
  EXPECT_FALSE(with_subscription([](Talk& t) { t.send_seqs(FrameType::kWant, {2}); }));
  EXPECT_FALSE(with_subscription([](Talk& t) { t.send_seqs(FrameType::kWant, {}); }));
  EXPECT_TRUE(with_subscription([](Talk& t) { t.send(Credit{3, 0}); }));                 // passes upto
  EXPECT_TRUE(with_subscription([](Talk& t) { t.send(Credit{2, 0}), t.send(Credit{1, 0}); }));
  EXPECT_FALSE(with_subscription([](Talk& t) { t.send(Credit{2, ~0ull}), t.send(Credit{2, ~0ull}); }));  // saturates
}

TEST(Engine, WhatCameFromTheFriendIsNotToldBack) {
  Talk t;
  t.hello();
  t.fetch(10);
  Bytes m = t.message("theirs");
  t.store.append(Incoming{message_id(t.crypto, m), 0, 7, m});
  t.engine.handle(t.now, Bell{});
  t.run();
  EXPECT_FALSE(t.next(FrameType::kHave));
  t.pass(2 * kSecond);  // told later, as skipped
  auto have = decode_have(*t.next(FrameType::kHave), 0);
  EXPECT_TRUE(have->entries.empty());
  EXPECT_EQ(have->upto, 1u);
  t.send_seqs(FrameType::kWant, {1});  // not listed: GONE
  auto gone = t.next(FrameType::kGone);
  ASSERT_TRUE(gone);
  EXPECT_EQ(decode_seqs(*gone)->seqs, std::vector<Seq>{1});
}

TEST(Engine, BodyNoLongerKeptIsSkippedOrGone) {
  Talk t;
  t.hello();
  t.publish("a");
  t.publish("b");
  t.store.drop_body(1);
  t.fetch(10);
  auto have = decode_have(*t.next(FrameType::kHave), 0);
  ASSERT_EQ(have->entries.size(), 1u);
  EXPECT_EQ(have->entries[0].seq, 2u);
  t.store.disk.bodies[1].clear();
  t.send_seqs(FrameType::kWant, {2});
  EXPECT_TRUE(t.next(FrameType::kGone));
}

TEST(Engine, OutputWaitsForTheSocketAndReadingGoesOn) {
  Talk t;
  t.hello();
  for (int i = 0; i < 300; ++i) t.publish(std::string(1000, 'x'));
  t.fetch(1000);
  std::vector<Seq> all;
  for (Seq s = 1; s <= 300; ++s) all.push_back(s);
  t.room = false;
  t.engine.handle(t.now, Writable{t.link, 0});
  t.send_seqs(FrameType::kWant, all);
  t.send_seqs(FrameType::kWant, all);  // waiting ones are neither counted nor answered twice
  EXPECT_EQ(t.count(FrameType::kBody), 0);
  EXPECT_FALSE(t.closed);
  t.engine.handle(t.now, Writable{t.link, 5000});
  t.run();
  EXPECT_LE(t.count(FrameType::kBody), 6);
  t.room = true;
  for (int i = 0; i < 100; ++i) t.run();
  EXPECT_EQ(t.count(FrameType::kBody), 300);
}

// --- fetching

TEST(Engine, FetchesStoresAndAcknowledgesAfterTheCommit) {
  Talk t(true);
  t.serve(2);
  Bytes a = t.message("a"), b = t.message("b");
  t.send(Have{{t.entry(1, a), t.entry(2, b)}, 2, Tag{5}}, 0);
  auto want = decode_seqs(*t.next(FrameType::kWant));
  EXPECT_EQ(want->seqs, (std::vector<Seq>{1, 2}));
  t.send(Body{2, b});
  EXPECT_EQ((t.store.disk.cursors[{7, 1}].seq), 0u);
  t.send(Body{1, a});
  t.pass(3 * kSecond);
  EXPECT_EQ(t.store.disk.rows.size(), 2u);
  EXPECT_EQ((t.store.disk.cursors[{7, 1}].seq), 2u);
  EXPECT_EQ((t.store.disk.cursors[{7, 1}].tag), Tag{5});
  auto credit = t.next(FrameType::kCredit);
  ASSERT_TRUE(credit);
  EXPECT_EQ(decode_credit(*credit)->ack, 2u);
}

TEST(Engine, FailedCommitAcknowledgesNothingAndAsksAgain) {
  Talk t(true);
  t.serve(1);
  Bytes a = t.message("a");
  t.store.fail_commits = 1;
  t.send(Have{{t.entry(1, a)}, 1, {}}, 0);
  ASSERT_TRUE(t.next(FrameType::kWant));
  t.send(Body{1, a});
  EXPECT_TRUE(t.store.disk.rows.empty());
  EXPECT_FALSE(t.next(FrameType::kCredit));
  t.pass(10 * kSecond);
  ASSERT_TRUE(t.next(FrameType::kWant));
  t.send(Body{1, a});
  t.pass(3 * kSecond);
  EXPECT_EQ(t.store.disk.rows.size(), 1u);
  EXPECT_EQ(t.engine.stats().commits_failed, 1u);
}

TEST(Engine, HostileServerIsCutOff) {
  auto after_serve = [](auto act) {
    Talk t(true);
    t.serve(10);
    act(t);
    return t.closed;
  };
  auto some = [](Talk& t, Seq upto) {
    Bytes m = t.message("m");
    return Have{{t.entry(1, m)}, upto, {}};
  };
  EXPECT_TRUE(after_serve([&](Talk& t) { t.send(some(t, 11), 0); }));                        // upto passes the size
  EXPECT_TRUE(after_serve([&](Talk& t) { t.send(Head{HeadStatus::kMismatch, t.theirs, 10}); }));
  EXPECT_TRUE(after_serve([&](Talk& t) { t.send(Head{HeadStatus::kOk, LogId{9}, 10}); }));
  EXPECT_TRUE(after_serve([&](Talk& t) { t.send(Body{1, t.message("never asked for")}); }));
  EXPECT_TRUE(after_serve([&](Talk& t) { t.send_seqs(FrameType::kGone, {1}); }));
  EXPECT_FALSE(after_serve([&](Talk& t) { t.send_seqs(FrameType::kGone, {}); }));
  EXPECT_TRUE(after_serve([&](Talk& t) {  // beyond credit
    t.send(Head{HeadStatus::kOk, t.theirs, 10'000});
    Seq seq = 0;
    for (int k = 0; k <= 16 && !t.closed; ++k) {
      Have have;
      const Seq base = seq;
      for (int i = 0; i < 512; ++i) have.entries.push_back(HaveEntry{++seq, 0, 100, t.rng.array<12>()});
      have.upto = seq;
      t.send(have, base);
    }
  }));
}

TEST(Engine, WrongBodyClosesAndTheThirdCountsAsGone) {
  Talk t(true);
  Bytes good = t.message("good");
  for (int round = 0; round < 3; ++round) {
    if (round > 0) t.up(), t.hello(), t.next(FrameType::kFetch), t.send(Head{HeadStatus::kOk, t.theirs, 1});
    else t.serve(1);
    t.send(Have{{t.entry(1, good)}, 1, Tag{1}}, 0);
    ASSERT_TRUE(t.next(FrameType::kWant)) << round;
    Bytes bad = good;
    bad.back() ^= 1;
    t.send(Body{1, bad});
    EXPECT_TRUE(t.closed);
  }
  t.up(), t.hello(), t.next(FrameType::kFetch), t.send(Head{HeadStatus::kOk, t.theirs, 1});
  t.send(Have{{t.entry(1, good)}, 1, Tag{1}}, 0);
  EXPECT_FALSE(t.next(FrameType::kWant));
  t.pass(3 * kSecond);
  EXPECT_EQ((t.store.disk.cursors[{7, 1}].seq), 1u);
  EXPECT_TRUE(t.store.disk.rows.empty());
}

TEST(Engine, WrongBodiesAreCountedForWhatWasListed) {
  Talk t(true);
  Bytes good = t.message("good"), other = t.message("other");
  for (int round = 0; round < 3; ++round) {
    if (round > 0) t.up(), t.hello(), t.next(FrameType::kFetch), t.send(Head{HeadStatus::kOk, t.theirs, 1});
    else t.serve(1);
    t.send(Have{{t.entry(1, good)}, 1, Tag{1}}, 0);
    t.send(Body{1, other});
    EXPECT_TRUE(t.closed);
  }
  t.up(), t.hello(), t.next(FrameType::kFetch), t.send(Head{HeadStatus::kOk, t.theirs, 1});
  t.send(Have{{t.entry(1, other)}, 1, Tag{1}}, 0);  // another message at the same place is not tainted
  ASSERT_TRUE(t.next(FrameType::kWant));
  t.send(Body{1, other});
  t.pass(kSecond);
  EXPECT_EQ(t.store.disk.rows.size(), 1u);
}

TEST(Engine, SessionThatSaysNothingEnds) {
  Talk mute;
  mute.pass(11 * kSecond);
  EXPECT_EQ(mute.closed, CloseCode::kNormal);
  Talk silent(true);
  silent.hello();
  ASSERT_TRUE(silent.next(FrameType::kFetch));
  silent.pass(31 * kSecond);
  EXPECT_EQ(silent.closed, CloseCode::kNormal);
  EXPECT_EQ(silent.notes.back().why, Why::kNoHead);
}

TEST(Engine, FriendWhoseLogChangesKeepsItsOwnSession) {
  Talk t;
  t.hello();
  t.publish("for you");
  t.pass(6 * kSecond);
  ASSERT_TRUE(t.next(FrameType::kFetch));
  t.send(Head{HeadStatus::kOtherLog, LogId{1}, 0});
  ASSERT_TRUE(t.next(FrameType::kFetch));
  t.send(Head{HeadStatus::kOtherLog, LogId{2}, 0});
  ASSERT_TRUE(t.next(FrameType::kFetch));
  t.send(Head{HeadStatus::kOtherLog, LogId{3}, 0});
  EXPECT_FALSE(t.closed);
  t.fetch(10);
  EXPECT_TRUE(t.next(FrameType::kHave));
  t.pass(kMinute);
  EXPECT_EQ(t.count(FrameType::kFetch), 0);
}

TEST(Engine, F9_RefusedMessageHarmsNoOther) {
  Talk t(true);
  t.serve(3);
  Bytes a = t.message("a"), c = t.message("c");
  Bytes odd = t.message("b");
  odd[0] = 2;  // another version, hashed right
  t.send(Have{{t.entry(1, a), t.entry(2, odd), t.entry(3, c)}, 3, {}}, 0);
  t.send(Body{1, a});
  t.send(Body{2, odd});
  t.send(Body{3, c});
  t.pass(3 * kSecond);
  EXPECT_FALSE(t.closed);
  EXPECT_EQ(t.store.disk.rows.size(), 2u);
  EXPECT_EQ((t.store.disk.cursors[{7, 1}].seq), 3u);
  EXPECT_EQ(t.engine.stats().refused, 1u);
}

TEST(Engine, CarriedKindIsStoredUnread) {
  Talk t(true);
  t.serve(1);
  Message m;
  m.kind = 100;
  m.payload = {0, 255, 10};
  Bytes bytes = encode_message(m);
  t.send(Have{{t.entry(1, bytes)}, 1, {}}, 0);
  t.send(Body{1, bytes});
  t.pass(kSecond);
  ASSERT_EQ(t.store.disk.rows.size(), 1u);
  EXPECT_EQ(t.store.disk.bodies[0], bytes);
}

TEST(Engine, LogThatChangesAgainAndAgainIsGivenUp) {
  Talk t(true);
  t.serve(0);
  t.up(), t.hello();
  ASSERT_TRUE(t.next(FrameType::kFetch));
  t.send(Head{HeadStatus::kOtherLog, LogId{2}, 0});  // the first change: told, and adopted
  ASSERT_TRUE(t.next(FrameType::kFetch));
  EXPECT_EQ((t.store.disk.cursors[{7, 1}].log_id), LogId{2});
  t.send(Head{HeadStatus::kOtherLog, LogId{3}, 0});
  EXPECT_EQ(t.closed, CloseCode::kNormal);
  EXPECT_EQ(t.count(FrameType::kErr), 0);
}

TEST(Engine, LateAnswerOfASilentFriendIsTaken) {
  Talk t(true);
  t.serve(1);
  Bytes a = t.message("late");
  t.send(Have{{t.entry(1, a)}, 1, {}}, 0);
  ASSERT_TRUE(t.next(FrameType::kWant));
  t.pass(30 * kSecond);
  EXPECT_GE(t.count(FrameType::kWant), 2);  // asked again, more and more seldom
  EXPECT_LE(t.count(FrameType::kWant), 6);
  t.send(Body{1, a});
  t.pass(kSecond);
  EXPECT_EQ(t.store.disk.rows.size(), 1u);
  t.send(Body{1, a});  // a second WANT gave leave for a second answer
  EXPECT_FALSE(t.closed);
}

TEST(Engine, NewerSessionReplacesTheOlder) {
  Talk t;
  t.hello();
  const LinkId first = t.link;
  t.engine.handle(t.now, LinkUp{99, 7, 1, false});
  t.run();
  EXPECT_EQ(t.closed, CloseCode::kReplaced);
  EXPECT_EQ(first, 1u);
}

TEST(Engine, DeletedFriendIsCutOffAtOnce) {
  Talk t;
  t.hello();
  t.engine.handle(t.now, PeersChanged{{}});
  t.run();
  EXPECT_EQ(t.closed, CloseCode::kNormal);
  t.up();
  EXPECT_EQ(t.closed, CloseCode::kNormal);
}

TEST(Engine, ListenerFetchesOnlyWhileTheWorkerHasNoSession) {
  EngineConfig config;
  config.dials = false;
  Talk t(false, config);
  t.hello();
  t.pass(4 * kSecond);
  EXPECT_FALSE(t.next(FrameType::kFetch));
  t.pass(2 * kSecond);
  ASSERT_TRUE(t.next(FrameType::kFetch));
  t.send(Head{HeadStatus::kOtherLog, t.theirs, 2});
  t.send(Head{HeadStatus::kOk, t.theirs, 2});
  t.got.clear();
  t.engine.handle(t.now, Sibling{7, true});
  t.run();
  Bytes a = t.message("a"), b = t.message("b");
  t.send(Have{{t.entry(1, a)}, 1, {}}, 0);
  EXPECT_FALSE(t.next(FrameType::kWant));  // the worker does it
  t.engine.handle(t.now, Sibling{7, false});
  t.pass(6 * kSecond);
  ASSERT_TRUE(t.next(FrameType::kWant));   // taken up where it was
  t.send(Body{1, a});
  t.send(Have{{t.entry(2, b)}, 2, {}}, 1);
  ASSERT_TRUE(t.next(FrameType::kWant));
}

TEST(Engine, DialsWithBackOffAndWordsForStatus) {
  Talk t(true);
  t.engine.handle(t.now, LinkDown{t.link, End::kAbnormal});
  t.run();
  t.dials.clear();
  std::vector<Micros> gaps;
  Micros last = t.now.mono;
  for (int i = 0; i < 12; ++i) {
    while (t.dials.empty()) {
      auto at = t.engine.next_deadline();
      ASSERT_TRUE(at);
      t.now.mono = std::max(t.now.mono + 1, *at);
      t.run();
    }
    t.dials.clear();
    gaps.push_back(t.now.mono - last);
    last = t.now.mono;
    t.engine.handle(t.now, DialFailed{7, Why::kRefused});
    t.run();
  }
  EXPECT_LT(gaps[0], kSecond);                 // the session was well a moment ago
  EXPECT_LT(gaps[1], 10 * kSecond);
  EXPECT_GT(gaps[6], gaps[1]);
  for (Micros gap : gaps) EXPECT_LE(gap, 60 * kSecond + kDialSpacing);
  EXPECT_GE(gaps.back(), 48 * kSecond);
  auto told = std::count_if(t.notes.begin(), t.notes.end(), [](const Note& n) { return n.why == Why::kRefused; });
  EXPECT_LE(told, 12);                         // at most once a try
  t.engine.handle(t.now, Sibling{7, true});    // they are there
  t.pass(kSecond);
  EXPECT_EQ(t.dials.size(), 1u);
}

}  // namespace
}  // namespace gossip::test
