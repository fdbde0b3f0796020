// What a friend may do for hours without anything growing, starving or being pinned (I5).
#include <gtest/gtest.h>
#include <malloc.h>

#include "support/talk.h"

namespace gossip::test {
namespace {

TEST(EngineLimits, SkippedRowsDelayNoLiveMessage) {
  Talk t;
  t.hello();
  t.fetch(4096);
  for (int i = 0; i < 40'000; ++i) {
    Bytes m = t.message("theirs");
    t.store.append(Incoming{message_id(t.crypto, m), 0, 7, m});
  }
  t.publish("mine, live");
  auto have = t.next(FrameType::kHave);
  ASSERT_TRUE(have);
  EXPECT_EQ(decode_have(*have, 0)->entries.size(), 1u);
}

TEST(EngineLimits, LongBodyIsAskedForThoughShortOnesFlow) {
  Talk t(true);
  t.serve(1'000'000);
  std::map<Seq, Bytes> messages;
  Seq upto = 0;
  std::uint64_t credit = 4096;
  auto list = [&](int n, std::size_t last_size) {
    Have have;
    const Seq base = upto;
    for (int i = 0; i < n; ++i) {
      Bytes m = t.message(std::string(i == n - 1 ? last_size : 10, 'x'));
      have.entries.push_back(t.entry(++upto, m));
      messages[upto] = m;
    }
    have.upto = upto;
    credit -= static_cast<std::uint64_t>(n);
    t.send(have, base);
  };
  list(10, 400 * 1024);
  std::deque<Seq> asked;
  int answered = 0;
  while (answered < 5000 && std::find(asked.begin(), asked.end(), Seq{10}) == asked.end()) {
    for (auto& [type, payload] : t.got) {
      if (type == static_cast<std::uint8_t>(FrameType::kWant)) {
        const auto want = decode_seqs(payload);
        asked.insert(asked.end(), want->seqs.begin(), want->seqs.end());
      }
      if (type == static_cast<std::uint8_t>(FrameType::kCredit)) credit += decode_credit(payload)->more;
    }
    t.got.clear();
    if (std::find(asked.begin(), asked.end(), Seq{10}) != asked.end()) break;
    if (credit >= 512) list(512, 10);
    if (asked.empty()) {
      t.pass(5 * kMillisecond);
      continue;
    }
    t.send(Body{asked.front(), messages[asked.front()]});
    asked.pop_front();
    ++answered;
  }
  EXPECT_LT(answered, 600);
}

TEST(EngineLimits, PinnedCursorLetsNothingGrow) {
  Talk t(true);
  t.serve(100'000'000);
  Bytes pin = t.message("never given");
  t.send(Have{{t.entry(1, pin)}, 1, {}}, 0);
  auto gone = [&](Seq from, Seq to) {
    for (Seq seq = from; seq < to; ++seq) {
      t.send(Have{{HaveEntry{seq, 0, 100, t.rng.array<12>()}}, seq, {}}, seq - 1);
      t.send_seqs(FrameType::kGone, {seq});
      t.got.clear();
    }
  };
  gone(2, 2000);
  const auto before = mallinfo2().uordblks;
  gone(2000, 42'000);
  EXPECT_FALSE(t.closed);
  EXPECT_LT(mallinfo2().uordblks, before + 100'000);
}

TEST(EngineLimits, RottenRowsPinNothingHoweverMany) {
  Talk t(true);
  const Seq rows = 520;
  std::vector<Bytes> good;
  for (Seq i = 0; i < rows; ++i) good.push_back(t.message("m" + std::to_string(i)));
  t.serve(rows);
  Seq reached = 0;
  for (int session = 0; session < 1700 && reached < rows; ++session) {
    if (session > 0) {
      t.up(), t.hello();
      reached = decode_fetch(*t.next(FrameType::kFetch))->cursor.seq;
      t.send(Head{HeadStatus::kOk, t.theirs, rows});
    }
    for (Seq upto = reached; upto < rows && !t.closed; ++upto) {
      t.got.clear();
      t.send(Have{{t.entry(upto + 1, good[upto])}, upto + 1, Tag{1}}, upto);
      if (!t.next(FrameType::kWant)) continue;  // counted as gone
      Bytes bad = good[upto];
      bad.back() ^= 1;
      t.send(Body{upto + 1, bad});
    }
    t.pass(3 * kSecond);
    if (!t.closed) reached = t.store.disk.cursors[{7, 1}].seq;
  }
  EXPECT_EQ(reached, rows);
}

TEST(EngineLimits, TableHoldsWhoeverIsAdded) {
  ToyCrypto crypto;
  MemoryStore store(crypto, Hash{});
  TestRng rng(3);
  Engine engine({}, store, crypto, rng);
  Now now{kSecond, 0};
  std::vector<PeerInfo> friends;
  auto turn = [&] {
    engine.tick(now);
    engine.flush(now);
    engine.assert_invariants();
    Action action;
    while (engine.poll(action)) continue;
  };
  for (LinkId n = 1; n <= 64; ++n) {
    friends.push_back(PeerInfo{n, 1, true, 0});
    engine.handle(now, PeersChanged{friends});
    engine.handle(now, LinkUp{n, n, 1, true});
    turn();
    Bytes out;
    const LogId log{static_cast<std::uint8_t>(n)};
    encode(out, Hello{log});
    encode(out, Head{HeadStatus::kOtherLog, log, 9});
    engine.handle(now, BytesIn{n, out});
    turn();
    out.clear();
    encode(out, Head{HeadStatus::kOk, log, 9});
    engine.handle(now, BytesIn{n, out});
    turn();  // I5: the sum of what is granted and listed keeps below the table's size
  }
}

TEST(EngineLimits, AdoptedLogThatCannotBeStoredIsAskedForLater) {
  Talk t(true);
  t.hello();
  t.store.fail_commits = 1;
  ASSERT_TRUE(t.next(FrameType::kFetch));
  t.send(Head{HeadStatus::kOtherLog, t.theirs, 3});
  EXPECT_FALSE(t.closed);
  EXPECT_FALSE(t.next(FrameType::kFetch));  // not before it is on disk
  EXPECT_EQ(t.engine.stats().commits_failed, 1u);
  t.pass(6 * kSecond);
  ASSERT_TRUE(t.next(FrameType::kFetch));
  EXPECT_EQ((t.store.disk.cursors[{7, 1}].log_id), t.theirs);
}

TEST(EngineLimits, SiblingMayBeToldBeforeTheFriendIsKnown) {
  EngineConfig config;
  config.dials = false;
  Talk t(false, config);
  t.engine.handle(t.now, Sibling{8, true});
  t.engine.handle(t.now, PeersChanged{{PeerInfo{8, 1, false, 0}}});
  t.link = 500;
  t.engine.handle(t.now, LinkUp{500, 8, 1, false});
  t.run();
  t.hello();
  t.pass(10 * kSecond);
  EXPECT_FALSE(t.next(FrameType::kFetch));  // the worker fetches
  t.engine.handle(t.now, Sibling{8, false});
  t.pass(6 * kSecond);
  EXPECT_TRUE(t.next(FrameType::kFetch));
}

TEST(EngineLimits, BusyFriendKeepsNoMessageFromBeingAskedElsewhere) {
  Network net(21);
  for (int i = 0; i < 3; ++i) net.add_node();
  net.befriend(0, 1, true, true), net.befriend(0, 2, true, true), net.befriend(1, 2, true, true);
  net.run_for(10 * kSecond);
  // node 1 never gives what it did not write itself, and answers for its own chatter all the time
  Hash held{};
  net.meddle = [&](int from, int to, Bytes& bytes) {
    if (from != 1 || to != 0) return;
    Bytes kept;
    FrameReader reader;
    reader.feed(bytes);
    RawFrame f;
    while (reader.next(f) == FrameReader::Got::kFrame) {
      const auto body = f.type == 6 ? decode_body(f.payload) : std::nullopt;
      Message m;
      if (body && decode_message(body->message, m) == MessageFault::kNone && m.text == "from far") continue;
      Writer(kept).u8(f.type).leb128(f.payload.size()).bytes(f.payload);
    }
    bytes = kept;
  };
  auto chat = [&](int times) {
    for (int i = 0; i < times; ++i) {
      net.publish(1, "chatter");
      net.run_for(500 * kMillisecond);
    }
  };
  net.cut(0, 2);
  chat(4);
  held = net.publish(2, "from far");
  chat(2);  // node 1 has it, and announced it to node 0 first
  net.heal(0, 2);
  chat(300);
  const auto& rows = net.nodes[0].store->disk.rows;
  EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [&](const LogRow& row) { return row.id == held; }));
}

TEST(EngineLimits, OneMessageIsListedOnceByAFriend) {
  Talk t(true);
  t.serve(10);
  Bytes m = t.message(std::string(1000, 'm'));
  t.send(Have{{t.entry(1, m), t.entry(2, m)}, 2, {}}, 0);
  EXPECT_EQ(t.closed, CloseCode::kProtocolError);
}

TEST(EngineLimits, FetchesAreNotPiledUp) {
  Talk t;
  t.hello();
  Bytes out;
  for (int i = 0; i < 3; ++i) encode(out, Fetch{Cursor{}, 1});
  t.say(out);
  EXPECT_EQ(t.closed, CloseCode::kProtocolError);
}

TEST(EngineLimits, EngineEndsInTheMiddleOfACatchUp) {  // under ASan this looks for what is used after it is gone
  Talk t(true);
  t.serve(2);
  Bytes a = t.message("a"), b = t.message("b");
  t.send(Have{{t.entry(1, a), t.entry(2, b)}, 2, {}}, 0);
  t.engine.handle(t.now, Writable{t.link, 1000});
  EXPECT_TRUE(t.next(FrameType::kWant));
}

TEST(EngineLimits, RestartOfALogIsToldOnce) {
  Talk t(true);
  t.serve(0);
  t.up(), t.hello();
  t.notes.clear();
  t.send(Head{HeadStatus::kMismatch, t.theirs, 0});
  const auto told = [](const Note& n) { return n.why == Why::kLogRestarted; };
  EXPECT_EQ(std::count_if(t.notes.begin(), t.notes.end(), told), 1);
}

}  // namespace
}  // namespace gossip::test
