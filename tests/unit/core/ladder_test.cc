// A log that was set back costs what changed of it, not all of it: the ladder, and the descent on it.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/ladder.h"
#include "gossip/limits.h"
#include "support/network.h"
#include "support/talk.h"

namespace gossip::test {
namespace {

Ladder climbed(Seq size, Seq step) {
  Ladder out;
  for (Seq at = step; at <= size; at += step) climb(out, {at, {}});
  return out;
}

TEST(Ladder, WhateverIsLostAboutTwiceThatIsReadAgain) {
  for (Seq step : {1, 7, 256, 512, 1000}) {
    const Seq size = 2'000'000 / step * step;
    const Ladder ladder = climbed(size, step);
    EXPECT_LE(ladder.size(), kMaxRungs);
    EXPECT_GE(ladder.size(), kMaxRungs / 2);
    for (Seq lost = 1; lost < size; lost += 1 + lost / 16) {
      Ladder rest = ladder;
      const Seq again = size - descend(rest, size - lost).upto;
      EXPECT_LE(again, lost * 9 / 4 + 2 * std::max(step, Seq{kRungStep})) << "lost " << lost << ", step " << step;
    }
  }
}

TEST(Ladder, HoldsForAnyNumbers) {
  Ladder ladder;
  for (Seq at = kRungStep; at < UINT64_MAX / 2; at += at / 8 + kRungStep) {
    climb(ladder, {at, {}});
    EXPECT_EQ(ladder.back().upto, at);
  }
  climb(ladder, {UINT64_MAX, {}});
  EXPECT_EQ(ladder.size(), kMaxRungs);
  const Ladder before = ladder;
  climb(ladder, {UINT64_MAX, {1}});
  EXPECT_EQ(ladder, before) << "nearer than a step";
  EXPECT_EQ(descend(ladder, 0), Rung{});
  EXPECT_TRUE(ladder.empty());
}

// Two friends of whom one has a long log, that the other has read.
class SetBack {
 public:
  explicit SetBack(std::size_t rows, std::size_t lost) : net(17), a(net.add_node()), b(net.add_node()), lost_(lost) {
    for (std::size_t i = 0; i < rows; ++i) {
      const Incoming m = message(i);
      store(a).append(m);
      store(b).append(m);
    }
    net.befriend(a, b, /*a_dials=*/false);
    EXPECT_TRUE(caught_up());
    net.run_for(2 * kSecond);
  }
  MemoryStore& store(int n) { return *net.nodes[static_cast<std::size_t>(n)].store; }
  const EngineStats& stats(int n) { return net.nodes[static_cast<std::size_t>(n)].engine->stats(); }

  // As many rows as were lost are gone, and `grown` others have come since.
  void set_back(std::size_t grown) {
    net.crash(a);
    MemoryStore::Disk& disk = store(a).disk;
    for (std::size_t i = 0; i < lost_; ++i) {
      disk.ids.erase({disk.rows.back().epoch, disk.rows.back().id});
      disk.rows.pop_back(), disk.bodies.pop_back(), disk.chains.pop_back();
    }
    const Seq upto = disk.rows.size();  // of what there was then, it had read everything
    const View key = store(b).log_key();
    disk.cursors[{2, 1}] = {log_id_for(crypto_, key, 1, 1), upto, tag_for(crypto_, key, 1, upto, store(b).chain(upto))};
    disk.ladders.clear();
    for (std::size_t i = 0; i < grown; ++i) store(a).append(message((std::uint64_t{1} << 32) + i));
    net.meddle = [&](int, int, Bytes& bytes) { said += bytes.size(); };
    net.start(a);
  }
  bool caught_up() {
    return net.run_until([&] { return store(b).disk.cursors[{1, 1}].seq == store(a).size(); }, 600 * kSecond);
  }

  Network net;
  const int a, b;
  std::uint64_t said = 0;  // bytes both ways since it was set back

 private:
  Incoming message(std::uint64_t number) {
    Message m;
    m.created = created_at(1'700'000'000'000, 0);
    m.sender = "a";
    m.text = std::to_string(number);
    const Bytes bytes = encode_message(m);
    return {message_id(crypto_, bytes), epoch_of(m.created), 0, bytes};
  }
  ToyCrypto crypto_;
  const std::size_t lost_;
};

// GOSSIP_ROWS=1000000: `make ladder`.
TEST(Ladder, ReplayOfARestoredLogCostsWhatChanged) {
  const char* asked = std::getenv("GOSSIP_ROWS");
  const std::size_t rows = asked ? std::strtoul(asked, nullptr, 10) : 100'000, lost = rows / 100;
  SetBack world(rows, lost);
  const std::uint64_t haves = world.stats(world.b).haves;
  world.set_back(0);
  ASSERT_TRUE(world.caught_up());
  EXPECT_LT(world.said, rows);  // a byte for each row there is: 1 MB for a million
  EXPECT_GT(world.stats(world.b).haves, haves);
  EXPECT_EQ(world.stats(world.b).mismatch, 1u);
  EXPECT_EQ(world.stats(world.a).older_copy, 1u);
  std::printf("figures: ladder: %zu rows stored, %zu lost, replayed with %llu bytes\n", rows, lost,
              static_cast<unsigned long long>(world.said));
  ASSERT_TRUE(world.net.run_until([&] { return world.store(world.a).size() == rows; }, 600 * kSecond)) << "it came back";
}

TEST(Ladder, FindsWhereALogThatGrewSinceIsTheSame) {
  SetBack world(60'000, 5'000);
  world.set_back(9'000);  // longer than it was
  ASSERT_TRUE(world.caught_up());
  EXPECT_LT(world.said, 9'000 * 200u + 60'000);  // new bodies, and far from 17 bytes for each row
  EXPECT_EQ(world.stats(world.b).mismatch, 1u) << "one descent";
  EXPECT_EQ(world.stats(world.b).bodies_stored, 9'000u);
  ASSERT_TRUE(world.net.run_until([&] { return world.store(world.a).size() == 69'000 && world.store(world.b).size() == 69'000; },
                                  600 * kSecond));
}

// --- the descent, frame by frame

class Descent : public ::testing::Test {
 protected:
  Descent() {
    t.serve(0);
    Cursor cursor{t.theirs, 9'000, {9}};
    Ladder ladder;
    for (Seq at = 1'000; at <= 8'000; at += 1'000) ladder.push_back({at, Tag{static_cast<std::uint8_t>(at / 1'000)}});
    CursorUpdate update{7, 1, cursor, true, ladder};
    t.store.commit({}, {&update, 1}, {});
    again();
  }
  // A session, whose first FETCH is given.
  std::optional<Fetch> again() {
    t.up(), t.hello();
    return fetch();
  }
  std::optional<Fetch> fetch() {
    const auto payload = t.next(FrameType::kFetch);
    return payload ? std::optional(*decode_fetch(*payload)) : std::nullopt;
  }
  Seq after(HeadStatus status, Seq size) {
    t.send(Head{status, t.theirs, size});
    const auto next = fetch();
    if (!next) return UINT64_MAX;
    EXPECT_EQ(next->cursor.tag, next->cursor.seq == 0 ? Tag{} : Tag{static_cast<std::uint8_t>(next->cursor.seq / 1'000)});
    return next->cursor.seq;
  }
  Talk t{true};
};

TEST_F(Descent, StartsAtTheSizeAndEndsAtTheStart) {
  EXPECT_EQ(after(HeadStatus::kMismatch, 6'500), 6'000u);
  for (Seq at = 5'000; at > 0; at -= 1'000) EXPECT_EQ(after(HeadStatus::kMismatch, 6'500), at);
  EXPECT_EQ(after(HeadStatus::kMismatch, 6'500), 0u);
  EXPECT_EQ(t.engine.stats().mismatch, 1u);
  EXPECT_EQ(after(HeadStatus::kMismatch, 6'500), UINT64_MAX) << "nothing is lower";
  EXPECT_EQ(t.closed, CloseCode::kNormal);
}

TEST_F(Descent, GoesOnInTheNextSessionAndCountsOnce) {
  EXPECT_EQ(after(HeadStatus::kMismatch, 100'000), 8'000u);
  EXPECT_EQ(after(HeadStatus::kMismatch, 100'000), 7'000u);
  EXPECT_EQ(again()->cursor.seq, 7'000u);
  EXPECT_EQ(after(HeadStatus::kMismatch, 100'000), 6'000u);
  t.send(Head{HeadStatus::kOk, t.theirs, 100'000});
  EXPECT_EQ(again()->cursor.seq, 6'000u);
  EXPECT_EQ(t.engine.stats().mismatch, 1u);
  EXPECT_EQ(after(HeadStatus::kMismatch, 100'000), UINT64_MAX) << "a second descent within ten minutes";
  EXPECT_EQ(t.closed, CloseCode::kNormal);
}

TEST_F(Descent, AnotherLogHasNoRungs) {
  EXPECT_EQ(after(HeadStatus::kOtherLog, 6'500), 0u);
  EXPECT_TRUE(t.store.ladder(7, 1).empty());
}

TEST_F(Descent, ALogThatGoesBackAndForthIsNamed) {
  const auto told = [&](Why why) {
    return std::any_of(t.notes.begin(), t.notes.end(), [&](const Note& n) { return n.why == why; });
  };
  for (int i = 1; i <= 3; ++i) {
    EXPECT_FALSE(told(Why::kLogTwice));
    after(HeadStatus::kMismatch, 100'000);
    t.send(Head{HeadStatus::kOk, t.theirs, 100'000});
    t.pass(11 * kMinute);
    again();
  }
  EXPECT_TRUE(told(Why::kLogTwice));
  t.notes.clear();
  t.pass(2 * kHour);
  again();
  t.send(Head{HeadStatus::kOk, t.theirs, 100'000});
  EXPECT_FALSE(told(Why::kLogTwice)) << "it is over";
}

TEST_F(Descent, OneThatIsSetBackOnceDoesNotGoBackAndForth) {
  after(HeadStatus::kMismatch, 100'000);
  for (int i = 0; i < 5; ++i) {
    again();
    after(HeadStatus::kMismatch, 100'000);
    t.pass(kMinute);
  }
  for (const Note& n : t.notes) EXPECT_NE(n.why, Why::kLogTwice);
}

TEST(Ladder, WhoKnowsMoreOfOurLogThanWeDoIsNamedOncePerSession) {
  Talk t;
  t.hello();
  t.publish("one");
  t.fetch(10);
  for (Seq at : {9, 8, 7}) {
    t.send(Fetch{Cursor{t.log_id, at, {1}}, 10});
    EXPECT_EQ(decode_head(*t.next(FrameType::kHead))->status, HeadStatus::kMismatch);
  }
  EXPECT_EQ(t.engine.stats().older_copy, 1u);
  EXPECT_EQ(std::count_if(t.notes.begin(), t.notes.end(), [](const Note& n) { return n.why == Why::kOlderCopy; }), 1);
}

}  // namespace
}  // namespace gossip::test
