// Sharing the load (gossip(7), LOAD): what one friend, or all of them together, can make a node hold, and what each of them gets.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "gossip/engine.h"
#include "gossip/limits.h"
#include "support/memory_store.h"
#include "support/test_rng.h"
#include "support/toy_crypto.h"

namespace gossip {
namespace {

using namespace test;

class CountingStore : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  std::map<PeerId, std::uint64_t> taken;
  std::uint64_t taken_today(PeerId peer) override { return taken[peer]; }
};

// A message, and how a friend lists it as the first of its log.
struct Listed {
  Bytes bytes;
  HaveEntry entry;
};
Listed listed(Crypto& crypto, const char* text) {
  Message m;
  m.sender = "a";
  m.text = text;
  Bytes bytes = encode_message(m);
  const HaveEntry entry{1, epoch_of(m.created), bytes.size(), front_of(message_id(crypto, bytes))};
  return {std::move(bytes), entry};
}

// One engine and many friends, all of them the test. Link n is friend n's.
class Crowd {
 public:
  explicit Crowd(std::size_t friends, EngineConfig config = {}) : store(crypto, Hash{}), engine(config, store, crypto, rng) {
    PeersChanged all;
    for (PeerId n = 1; n <= friends; ++n) all.peers.push_back(PeerInfo{n, 1, false, 0});
    engine.handle(now, all);
  }
  // A session that we dialled: the friend has a log of `size` rows, and we read it.
  void open(LinkId n, Seq size) {
    engine.handle(now, LinkUp{n, n, 1, true});
    free(n, 1 << 20);
    const LogId log{static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8), 1};
    say(n, Hello{log});
    say(n, Head{HeadStatus::kOtherLog, log, size});
    say(n, Head{HeadStatus::kOk, log, size});
  }
  template <class Frame, class... More>
  void say(LinkId n, const Frame& frame, More... more) {
    Bytes out;
    encode(out, frame, more...);
    hear(n, out);
  }
  void hear(LinkId n, View said) {
    engine.handle(now, BytesIn{n, said});
    turn();
  }
  void free(LinkId n, std::size_t room) {
    engine.handle(now, Writable{n, room});
    turn();
  }
  void list(LinkId n, std::uint8_t what, std::uint64_t size) {
    Id12 id12{what, 77};
    id12[2] = static_cast<std::uint8_t>(n), id12[3] = static_cast<std::uint8_t>(n >> 8);
    say(n, Have{{HaveEntry{1, 1, size, id12}}, 1, {}}, Seq{0});
  }
  void round() {
    engine.tick(now);
    engine.flush(now);
    collect();
  }
  void turn() {
    do round(); while (engine.more());
  }
  void collect() {
    engine.assert_invariants();
    Action action;
    while (engine.poll(action)) {
      if (auto* close = std::get_if<CloseLink>(&action)) closed[close->link] = close->code;
      if (auto* note = std::get_if<Note>(&action)) told[note->peer] = note->why;
      auto* send = std::get_if<Send>(&action);
      if (!send) continue;
      bytes[send->link] += send->bytes.size();
      FrameReader reader;
      reader.feed(send->bytes);
      RawFrame f;
      while (reader.next(f) == FrameReader::Got::kFrame) {
        ++sent[{send->link, static_cast<FrameType>(f.type)}];
        if (static_cast<FrameType>(f.type) == FrameType::kWant) {
          const auto want = decode_seqs(f.payload);
          for (Seq seq : want->seqs) wanted[send->link].push_back(seq);
        }
        if (static_cast<FrameType>(f.type) == FrameType::kCredit) granted[send->link] += decode_credit(f.payload)->more;
      }
    }
  }
  void pass(Micros span) {
    now.mono += span;
    turn();
  }
  int wants() const {
    int sum = 0;
    for (const auto& [what, count] : sent) sum += what.second == FrameType::kWant ? count : 0;
    return sum;
  }

  ToyCrypto crypto;
  CountingStore store;
  TestRng rng{1};
  Engine engine;
  Now now{kSecond, 0};
  std::map<std::pair<LinkId, FrameType>, int> sent;
  std::map<LinkId, std::uint64_t> bytes, granted;
  std::map<LinkId, std::deque<Seq>> wanted;
  std::map<LinkId, CloseCode> closed;
  std::map<PeerId, Why> told;
};

TEST(Load, BodiesInFlightAreBoundedForAllFriendsTogether) {
  Crowd crowd(100);
  for (LinkId n = 1; n <= 100; ++n) crowd.open(n, 1);
  for (LinkId n = 1; n <= 100; ++n) crowd.list(n, 1, 1'000'000);
  EXPECT_EQ(crowd.wants(), static_cast<int>(kMaxFlight / 1'000'000));
  EXPECT_EQ(crowd.engine.stats().stops_flight, 1u);
  for (LinkId n = 1; n <= 10; ++n) crowd.say(n, FrameType::kGone, Seqs{{1}});
  EXPECT_GT(crowd.wants(), 33 + 5);  // taken up where it stopped
  std::set<LinkId> answered;
  for (int again = 0; again < 10; ++again) {
    for (LinkId n = 11; n <= 100; ++n) {
      if (crowd.sent[{n, FrameType::kWant}] == 1 && answered.insert(n).second) crowd.say(n, FrameType::kGone, Seqs{{1}});
    }
  }
  EXPECT_TRUE(crowd.closed.empty());
  for (LinkId n = 1; n <= 100; ++n) EXPECT_GE((crowd.sent[{n, FrameType::kWant}]), 1) << n;  // nobody is forgotten
}

TEST(Load, BodiesPartlyHereCountOnceAndGoWithTheirLink) {
  Crowd crowd(60);
  for (LinkId n = 1; n <= 40; ++n) crowd.open(n, 1);
  for (LinkId n = 1; n <= 32; ++n) crowd.list(n, 1, 1'000'000);
  Bytes body;
  encode(body, Body{1, Bytes(1'000'000, 5)});
  for (LinkId n = 1; n <= 20; ++n) crowd.hear(n, View(body).first(500'000));
  crowd.list(33, 1, 1'000'000);
  EXPECT_EQ((crowd.sent[{33, FrameType::kWant}]), 1);
  crowd.list(34, 1, 1'000'000);
  EXPECT_EQ((crowd.sent[{34, FrameType::kWant}]), 0);
  for (LinkId n = 1; n <= 30; ++n) crowd.engine.handle(crowd.now, LinkDown{n, End::kAbnormal});
  crowd.turn();
  EXPECT_EQ((crowd.sent[{34, FrameType::kWant}]), 1);
}

TEST(Load, BodyNobodyAskedForEndsTheSessionAtItsFirstBytes) {
  Crowd crowd(1);
  crowd.open(1, 5);
  Bytes body;
  encode(body, Body{3, Bytes(100'000, 5)});
  crowd.hear(1, View(body).first(10));
  EXPECT_EQ(crowd.closed[1], CloseCode::kProtocolError);
}

TEST(Load, FriendOverItsQuotaIsAskedForNothingUntilTheDayIsOver) {
  EngineConfig config;
  config.friend_quota = 1'000'000;
  Crowd crowd(2, config);
  crowd.store.taken[1] = 1'000'000;
  crowd.open(1, 9), crowd.open(2, 9);
  EXPECT_EQ(crowd.engine.stats().stops_quota, 1u);
  EXPECT_EQ(crowd.told[1], Why::kOverQuota);
  EXPECT_EQ(crowd.told[2], Why::kNone);
  crowd.list(2, 1, 500);
  EXPECT_EQ((crowd.sent[{2, FrameType::kWant}]), 1);
  Bytes have;
  encode(have, Have{{HaveEntry{1, 1, 500, Id12{9}}}, 1, {}}, Seq{0});
  crowd.hear(1, have);
  EXPECT_EQ(crowd.closed[1], CloseCode::kProtocolError);  // no credit was given at all
  crowd.store.taken[1] = 0;
  crowd.open(1, 9);
  crowd.list(1, 1, 500);
  EXPECT_EQ((crowd.sent[{1, FrameType::kWant}]), 1);
}

TEST(Load, QuotaReachedInASessionStopsItAndTheNextDayGoesOn) {
  EngineConfig config;
  config.friend_quota = 100;
  Crowd crowd(1, config);
  crowd.open(1, 9);
  const auto [bytes, entry] = listed(crowd.crypto, "enough for a day");
  crowd.say(1, Have{{entry}, 1, {}}, Seq{0});
  crowd.store.taken[1] = 120;
  crowd.say(1, Body{1, bytes});
  crowd.pass(10 * kMillisecond);
  ASSERT_EQ(crowd.store.size(), 1u);
  crowd.say(1, Have{{HaveEntry{2, 1, 500, Id12{9}}}, 2, {}}, Seq{1});
  crowd.pass(kMinute);
  EXPECT_EQ((crowd.sent[{1, FrameType::kWant}]), 1);  // the first one's
  EXPECT_EQ(crowd.told[1], Why::kOverQuota);
  EXPECT_EQ(crowd.engine.stats().stops_quota, 1u);
  crowd.store.taken[1] = 0;  // midnight
  crowd.pass(kMinute);
  EXPECT_EQ((crowd.sent[{1, FrameType::kWant}]), 2);
  EXPECT_EQ(crowd.told[1], Why::kNone);
}

TEST(Load, NoMoreIsAskedForThanTheQuotaLeaves) {
  EngineConfig config;
  config.friend_quota = 1'100 + 2 * kRowCost;
  Crowd crowd(1, config);
  crowd.open(1, 9);
  Have have;
  for (Seq s = 1; s <= 5; ++s) have.entries.push_back(HaveEntry{s, 1, 500, Id12{static_cast<std::uint8_t>(s)}});
  have.upto = 5;
  crowd.say(1, have, Seq{0});
  EXPECT_EQ(crowd.engine.stats().wants, 2u);
  crowd.say(1, FrameType::kGone, Seqs{{1, 2}});
  EXPECT_EQ(crowd.engine.stats().wants, 4u);  // nothing was taken
}

// What a friend owed when it fell silent, and was asked of others since, it may still send: not past its quota, and not faster
// than it can be stored.
TEST(Load, LateBodiesPassNeitherTheQuotaNorAStall) {
  EngineConfig config;
  config.friend_quota = 1'000'000;
  Crowd crowd(2, config);
  crowd.open(1, 9), crowd.open(2, 9);
  Message m;
  m.sender = "a";
  m.text.assign(300'000, 'x');
  const Bytes bytes = encode_message(m);
  const HaveEntry entry{1, epoch_of(m.created), bytes.size(), front_of(message_id(crowd.crypto, bytes))};
  crowd.say(1, Have{{entry}, 1, {}}, Seq{0});
  crowd.say(2, Have{{entry}, 1, {}}, Seq{0});
  crowd.pass(10 * kSecond);  // 1 is silent: 2 is asked
  ASSERT_EQ((crowd.sent[{2, FrameType::kWant}]), 1);
  crowd.engine.handle(crowd.now, CommitTook{5 * kSecond});
  crowd.turn();
  crowd.say(1, Body{1, bytes});
  crowd.pass(6 * kSecond);
  EXPECT_EQ(crowd.store.size(), 0u);
  EXPECT_TRUE(crowd.closed.empty());
  crowd.say(2, Body{1, bytes});
  crowd.pass(kSecond);
  EXPECT_EQ(crowd.store.size(), 1u);
}

// Who is only busy for a second costs little: what is asked of two comes twice.
TEST(Load, AtAFirstSilenceSomeAreAskedElsewhereAtTheNextAll) {
  constexpr std::uint64_t kListed = 200;
  Crowd crowd(2);
  crowd.open(1, kListed), crowd.open(2, kListed);
  Have have;
  for (Seq seq = 1; seq <= kListed; ++seq) have.entries.push_back({seq, 1, 200, Id12{static_cast<std::uint8_t>(seq), 9}});
  have.upto = kListed;
  crowd.say(1, have, Seq{0});
  crowd.say(2, have, Seq{0});
  ASSERT_EQ(crowd.engine.stats().wants, kListed);
  crowd.pass(kSecond);
  EXPECT_EQ(crowd.engine.stats().wants, kListed + 64);
  for (Seq seq : {1, 2}) {  // 2 is slow, not silent
    crowd.pass(900 * kMillisecond);
    crowd.say(2, FrameType::kGone, Seqs{{seq}});
  }
  EXPECT_EQ(crowd.engine.stats().wants, kListed + 64);
  crowd.pass(200 * kMillisecond);
  EXPECT_EQ(crowd.engine.stats().wants, 2 * kListed + 1);  // one of 1 again: does it answer?
}

// A friend from whom much is wanted at once gives a body each so often from then on, while another, who holds the same, gives all at
// once. How long it takes until all are stored.
Micros until_all_are_stored(Micros each) {
  constexpr Seq kListed = 4000, kAtOnce = 500, kQuick = 1900;
  Crowd crowd(2);
  crowd.open(1, kListed), crowd.open(2, kListed);
  std::vector<Listed> messages;
  for (Seq seq = 1; seq <= kListed; ++seq) {
    messages.push_back(listed(crowd.crypto, std::to_string(seq).c_str()));
    messages.back().entry.seq = seq;
  }
  auto list_all = [&](LinkId n) {
    for (Seq upto = 0; upto < kListed; upto += kAtOnce) {
      Have have{{}, upto + kAtOnce, {}};
      for (Seq seq = upto; seq < upto + kAtOnce; ++seq) have.entries.push_back(messages[seq].entry);
      crowd.say(n, have, upto);
    }
  };
  auto answer = [&](LinkId n) {
    const Seq seq = crowd.wanted[n].front();
    crowd.wanted[n].pop_front();
    crowd.say(n, Body{seq, messages[seq - 1].bytes});
  };
  list_all(1);
  for (Seq i = 0; i < kQuick; ++i) answer(1);
  list_all(2);
  const Micros begin = crowd.now.mono;
  while (crowd.store.size() < kListed && crowd.now.mono < begin + 10 * kMinute) {
    while (!crowd.wanted[2].empty()) answer(2);
    crowd.pass(each);
    if (!crowd.wanted[1].empty()) answer(1);
  }
  EXPECT_TRUE(crowd.closed.empty());
  return crowd.now.mono - begin;
}

TEST(Load, WhoGivesABodyNowAndThenDoesNotHoldTheOthersForLong) {
  // A minute and the half of one until it is noticed; and once more for what was asked of it meanwhile.
  EXPECT_LE(until_all_are_stored(900 * kMillisecond), 150 * kSecond);
  EXPECT_LE(until_all_are_stored(1100 * kMillisecond), 10 * kSecond);
  EXPECT_LE(until_all_are_stored(2 * kSecond), 15 * kSecond);
  EXPECT_LE(until_all_are_stored(kMinute), 3 * kMinute);
}

TEST(Load, WhoeverHoldsWhatIsInFlightASmallMessageComes) {
  Crowd crowd(60);
  for (LinkId n = 1; n <= 50; ++n) crowd.open(n, 1);
  for (LinkId n = 1; n <= 40; ++n) crowd.list(n, 1, 1'100'000);
  Bytes body;
  encode(body, Body{1, Bytes(1'100'000, 5)});
  for (LinkId n = 1; n <= 40; ++n) {
    if (crowd.sent[{n, FrameType::kWant}] > 0) crowd.hear(n, View(body).first(1'000'000));
  }
  crowd.list(45, 1, 200);
  EXPECT_EQ((crowd.sent[{45, FrameType::kWant}]), 1);
  crowd.open(51, 1);
  crowd.list(51, 1, 300);
  EXPECT_EQ((crowd.sent[{51, FrameType::kWant}]), 1);
  EXPECT_TRUE(crowd.closed.empty());
}

// What one brought and another lists before it is stored: the cursor at the other moves on disk before it is acknowledged.
TEST(Load, AcknowledgedIsWhatIsStoredWhoeverListsItMeanwhile) {
  Crowd crowd(2);
  crowd.open(1, 9), crowd.open(2, 9);
  const auto [bytes, entry] = listed(crowd.crypto, "from both");
  crowd.say(1, Have{{entry, HaveEntry{2, 1, 9, Id12{5}}}, 2, {}}, Seq{0});  // the second keeps the commit waiting
  crowd.say(1, Body{1, bytes});
  crowd.say(2, Have{{entry}, 1, {}}, Seq{0});
  ASSERT_EQ(crowd.store.size(), 0u);
  for (int i = 0; i < 5; ++i) crowd.pass(kSecond);
  EXPECT_EQ(crowd.store.size(), 1u);
  EXPECT_EQ((crowd.store.disk.cursors[{2, 1}].seq), 1u);
}

TEST(Load, AfterASlowCommitNothingIsAskedForAsLongAgain) {
  Crowd crowd(1);
  crowd.open(1, 9);
  crowd.engine.handle(crowd.now, CommitTook{kSlowCommit - 1});
  crowd.engine.handle(crowd.now, CommitTook{2 * kSecond});
  crowd.turn();
  crowd.list(1, 1, 500);
  EXPECT_EQ(crowd.wants(), 0);
  ASSERT_TRUE(crowd.engine.next_deadline());
  EXPECT_LE(*crowd.engine.next_deadline(), crowd.now.mono + 2 * kSecond);
  crowd.pass(2 * kSecond);
  EXPECT_EQ(crowd.wants(), 1);
  EXPECT_EQ(crowd.engine.stats().stops_slow, 1u);
}

// Two friends are served: one reads a long log from its start, the other is at the end of it.
TEST(Load, TheTailIsServedBeforeCatchUpAndInFourTimesItsShare) {
  Crowd crowd(2);
  Message m;
  m.sender = "a";
  m.text.assign(3000, 'x');
  for (std::uint64_t i = 0; i < 2000; ++i) {
    m.salt[0] = static_cast<std::uint8_t>(i), m.salt[1] = static_cast<std::uint8_t>(i >> 8);
    crowd.store.publish(m);
  }
  std::map<LinkId, LogId> logs;
  for (LinkId n = 1; n <= 2; ++n) {
    crowd.engine.handle(crowd.now, LinkUp{n, n, 1, false});
    crowd.free(n, 1 << 20);
    crowd.say(n, Hello{});
  }
  // their cursors: the first row, and the last but 200
  for (LinkId n = 1; n <= 2; ++n) {
    const LogId log = log_id_for(crowd.crypto, crowd.store.log_key(), n, 1);
    const Seq at = n == 1 ? 1 : 1800;
    const Tag tag = tag_for(crowd.crypto, crowd.store.log_key(), n, at, crowd.store.chain(at));
    crowd.say(n, Fetch{Cursor{log, at, tag}, 4096});
  }
  Seqs old, fresh;
  for (Seq s = 2; s <= 201; ++s) old.seqs.push_back(s), fresh.seqs.push_back(s + 1799);
  crowd.bytes.clear();
  Bytes want_old, want_fresh;
  encode(want_old, FrameType::kWant, old);
  encode(want_fresh, FrameType::kWant, fresh);
  crowd.engine.handle(crowd.now, BytesIn{1, want_old});
  crowd.engine.handle(crowd.now, BytesIn{2, want_fresh});
  crowd.round();
  EXPECT_GE(crowd.bytes[1], kQuantum);
  EXPECT_LT(crowd.bytes[1], kQuantum + 4000);
  EXPECT_GE(crowd.bytes[2], 4 * kQuantum);
  EXPECT_LT(crowd.bytes[2], 4 * kQuantum + 4000);
  EXPECT_TRUE(crowd.engine.more());
  for (int i = 0; i < 4; ++i) crowd.round();
  EXPECT_LT(crowd.bytes[1], 5 * kQuantum + 4000);  // what it said too much in one round it lacks in the next
  crowd.turn();
  EXPECT_EQ((crowd.sent[{1, FrameType::kBody}]), 200);
  EXPECT_EQ((crowd.sent[{2, FrameType::kBody}]), 200);
}

TEST(Load, AloneAFriendIsServedWhatTheSocketTakes) {
  Crowd crowd(1);
  Message m;
  m.sender = "a";
  m.text.assign(200'000, 'x');
  for (std::uint8_t i = 0; i < 4; ++i) m.salt[0] = i, crowd.store.publish(m);
  crowd.engine.handle(crowd.now, LinkUp{1, 1, 1, false});
  crowd.free(1, 1 << 20);
  crowd.say(1, Hello{});
  const LogId log = log_id_for(crowd.crypto, crowd.store.log_key(), 1, 1);
  crowd.say(1, Fetch{Cursor{log, 0, {}}, 4096});
  crowd.bytes.clear();
  crowd.say(1, FrameType::kWant, Seqs{{1, 2, 3, 4}});
  EXPECT_GT(crowd.bytes[1], 800'000u);
}

TEST(Load, WhoCatchesUpIsReadInSmallerShares) {
  Crowd crowd(2);
  crowd.open(1, 100'000), crowd.open(2, 1);
  EXPECT_EQ(crowd.engine.share(1), kQuantum);
  EXPECT_EQ(crowd.engine.share(2), 4 * kQuantum);
}

}  // namespace
}  // namespace gossip
