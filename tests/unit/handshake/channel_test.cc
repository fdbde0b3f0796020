// Channels: sessions from the first byte to the last, deadlines, and what strangers meet.
#include <gtest/gtest.h>

#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

std::string arrived(Channel& channel) {
  std::string out(as_text(channel.stream()));
  channel.take_stream();
  return out;
}

std::string text_of(std::size_t n, std::uint64_t seed) {
  std::string out(n, 0);
  TestRng rng(seed);
  rng.fill({reinterpret_cast<std::uint8_t*>(out.data()), n});
  return out;
}

TEST(Channel, BothWaysAndClose) {
  World w;
  Session s(w);
  ASSERT_TRUE(s.a->open() && s.b->open());
  EXPECT_EQ(s.a->peer(), 2u);
  EXPECT_EQ(s.b->peer(), 1u);
  EXPECT_EQ(s.a->gen(), 7u);
  EXPECT_EQ(s.b->gen(), 9u);
  EXPECT_TRUE(s.a->dialled() && !s.b->dialled());
  EXPECT_EQ(s.a->session_id(), s.b->session_id());
  EXPECT_NE(s.a->session_id(), Hash{});
  for (std::size_t n : {1u, 1004u, 1005u, 1006u, 5000u, 200'000u}) {
    const std::string there = text_of(n, n), back = text_of(n, n + 1);
    s.a->send(as_view(there));
    s.b->send(as_view(back));
    pump(*s.a, *s.b, at(0));
    EXPECT_TRUE(arrived(*s.b) == there) << n;
    EXPECT_TRUE(arrived(*s.a) == back) << n;
  }
  s.a->send(as_view("last"));
  s.a->close(at(0), CloseCode::kNormal);
  EXPECT_FALSE(s.a->open());
  EXPECT_FALSE(s.a->finished());
  pump(*s.a, *s.b, at(0));
  EXPECT_EQ(arrived(*s.b), "last");
  EXPECT_TRUE(s.a->finished() && s.b->finished());
  EXPECT_EQ(s.a->end(), End::kClosed);
  EXPECT_EQ(s.b->end(), End::kClosed);
}

TEST(Channel, BigKeys3072) {
  const crypto::NewKey one = crypto::make_key(3072), two = crypto::make_key(3072);
  World w(one.private_der, two.private_der);
  EXPECT_EQ(w.ann->theirs->size(), 384u) << "of a slot of 512";
  Session s(w);
  ASSERT_TRUE(s.a->open() && s.b->open());
  s.a->send(as_view("hello"));
  pump(*s.a, *s.b, at(0));
  EXPECT_EQ(arrived(*s.b), "hello");
}

// T-A31: both dial at once; one session each way stands.
TEST(Channel, TA31_SimultaneousOpen) {
  World w;
  Responder at_ann(w.crypto, w.rng);
  at_ann.set_decoy(w.bob->theirs);
  const std::vector<std::shared_ptr<const PairKeys>> peers{w.ann};
  at_ann.set_peers(peers);
  auto ann_dials = Channel::dial(w.crypto, w.rng, w.ann, at(0)), bob_dials = Channel::dial(w.crypto, w.rng, w.bob, at(0));
  auto bob_accepts = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  auto ann_accepts = Channel::accept(w.crypto, w.rng, at_ann, at(0));
  pump(*ann_dials, *bob_accepts, at(0));
  pump(*bob_dials, *ann_accepts, at(0));
  EXPECT_TRUE(ann_dials->open() && bob_accepts->open() && bob_dials->open() && ann_accepts->open());
  EXPECT_NE(ann_dials->session_id(), bob_dials->session_id());
}

TEST(Channel, ByteAtATimeAndRandomPieces) {
  World w;
  w.crypto.track = false;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    TestRng cut_rng(seed);
    auto cut = [&](std::size_t n) { return seed == 0 ? 1 : 1 + cut_rng.below(std::min<std::size_t>(n, seed < 6 ? 100 : 5000)); };
    auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
    auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
    pump(*a, *b, at(0), cut);
    ASSERT_TRUE(a->open() && b->open()) << seed;
    const std::string there = text_of(3000 + 97 * seed, seed), back = text_of(20'000, seed + 1);
    for (std::size_t i = 0; i < there.size(); i += 100) a->send(as_view(std::string_view(there).substr(i, 100)));
    b->send(as_view(back));
    a->end_turn(at(0));
    pump(*a, *b, at(0), cut);
    EXPECT_TRUE(arrived(*b) == there) << seed;
    EXPECT_TRUE(arrived(*a) == back) << seed;
    b->close(at(0), CloseCode::kShutdown);
    pump(*a, *b, at(0), cut);
    EXPECT_EQ(a->end(), End::kShutdown);
    EXPECT_TRUE(a->finished() && b->finished());
  }
}

// READY and what R sends behind it, in one piece.
TEST(Channel, DataRightBehindReady) {
  World w;
  auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  b->receive(at(0), take_output(*a, at(0)));
  ASSERT_TRUE(b->wants_work());
  b->work(at(0));
  a->receive(at(0), take_output(*b, at(0)));
  b->receive(at(0), take_output(*a, at(0)));
  ASSERT_TRUE(b->open());
  b->send(as_view("mail for you"));
  const Bytes all = take_output(*b, at(0));
  EXPECT_EQ(all.size(), 2 * kCell);
  a->receive(at(0), all);
  EXPECT_TRUE(a->open());
  EXPECT_EQ(arrived(*a), "mail for you");
}

// T-A35: whatever the application asks, I sends M1, M3, and no cell before READY.
TEST(Channel, TA35_NoCellBeforeReady) {
  World w;
  auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  auto insist = [&] {
    a->send(as_view("too early"));
    a->end_turn(at(0));
    a->tick(at(0));
    EXPECT_EQ(a->free(), 0u);
    return take_output(*a, at(0));
  };
  const Bytes m1 = insist();
  EXPECT_EQ(m1.size(), kM1);
  b->receive(at(0), m1);
  b->work(at(0));
  a->receive(at(0), take_output(*b, at(0)));
  const Bytes m3 = insist();
  EXPECT_EQ(m3.size(), kM3);
  EXPECT_TRUE(insist().empty());
  b->receive(at(0), m3);
  a->receive(at(0), take_output(*b, at(0)));
  a->send(as_view("now"));
  EXPECT_EQ(take_output(*a, at(0)).size(), kCell);
}

// T-A29: an end of file at every length of every message.
TEST(Channel, TA29_TruncationAtEveryLength) {
  World w;
  w.crypto.track = false;
  auto cut_off = [&](std::size_t step, std::size_t length) {
    auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
    auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
    Channel *from = a.get(), *to = b.get();
    for (std::size_t i = 0; i < step; ++i, std::swap(from, to)) {
      to->receive(at(0), take_output(*from, at(0)));
      if (to->wants_work()) to->work(at(0));
    }
    const Bytes whole = take_output(*from, at(0));
    to->receive(at(0), View{whole}.first(length));
    EXPECT_FALSE(to->open() || to->wants_work()) << step << " " << length;
    EXPECT_TRUE(to->output().empty());
    to->end_of_file(at(0));
    EXPECT_TRUE(to->finished());
    EXPECT_FALSE(to->open());
    const End ends[] = {End::kStranger, End::kAbnormal, End::kStranger, End::kUnproven};
    EXPECT_EQ(to->end(), ends[step]) << step << " " << length;
  };
  for (std::size_t n = 0; n < kM1; ++n) cut_off(0, n);
  for (std::size_t n = 0; n < kM2; ++n) cut_off(1, n);
  for (std::size_t n = 0; n < kM3; ++n) {
    w.set_peer(w.bob);
    cut_off(2, n);
  }
  for (std::size_t n = 0; n < kCell; n += 5) {  // each costs a private operation on both sides
    w.responder.set_peers({});                  // and clears the friend's count of handshakes
    w.set_peer(w.bob);
    cut_off(3, n);
  }
}

// F2: callers who send nothing, or not enough, end at their deadline, which is drawn at accept and depends on nothing else.
TEST(Channel, F2_SilentCallersEndAtTheirDeadline) {
  World w;
  Micros least = kMinute, most = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    TestRng rng(seed);
    auto b = Channel::accept(w.crypto, rng, w.responder, at(1000));
    const Micros deadline = *b->next_deadline();
    least = std::min(least, deadline - 1000);
    most = std::max(most, deadline - 1000);
    b->receive(at(kSecond), Bytes(seed * 5, 1));
    EXPECT_EQ(*b->next_deadline(), deadline);
    b->tick(at(deadline - 1));
    EXPECT_FALSE(b->finished());
    b->tick(at(deadline));
    EXPECT_TRUE(b->finished());
    EXPECT_EQ(b->end(), End::kStranger);
  }
  EXPECT_GE(least, 20 * kSecond);
  EXPECT_LT(least, 21 * kSecond);
  EXPECT_GT(most, 29 * kSecond);
  EXPECT_LT(most, 30 * kSecond);
}

// F1: a stranger gets M2 and silence; 64 KiB are read, and no more; the end is at D.
TEST(Channel, F1_StrangerIsDrained) {
  World w;
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  const Micros deadline = *b->next_deadline();
  b->receive(at(0), as_view(text_of(kM1, 1)));
  b->work(at(0));
  EXPECT_EQ(take_output(*b, at(0)).size(), kM2);
  EXPECT_FALSE(b->draining());
  b->receive(at(0), Bytes(kM3, 7));
  EXPECT_TRUE(b->draining());
  EXPECT_FALSE(b->open());
  EXPECT_TRUE(b->reading());
  for (int i = 0; i < 64; ++i) {
    EXPECT_TRUE(b->reading());
    b->receive(at(0), Bytes(1024, 7));
  }
  EXPECT_FALSE(b->reading());
  EXPECT_TRUE(take_output(*b, at(0)).empty());
  EXPECT_EQ(*b->next_deadline(), deadline);
  b->tick(at(deadline));
  EXPECT_TRUE(b->finished());
  EXPECT_EQ(w.bob_private->used, 0);
}

// Everything a caller may send before it is answered is kept, up to a bound, and judged in order.
TEST(Channel, BytesBehindM1) {
  World w;
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  b->receive(at(0), Bytes(kM1 + kM3 + 5000, 3));
  EXPECT_FALSE(b->reading());
  ASSERT_TRUE(b->wants_work());
  b->work(at(0));
  EXPECT_TRUE(b->draining());
  EXPECT_EQ(take_output(*b, at(0)).size(), kM2);
}

TEST(Channel, NobodyIsAnsweredWithoutADecoy) {
  World w;
  w.responder.set_decoy(nullptr);
  auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  b->receive(at(0), take_output(*a, at(0)));
  EXPECT_FALSE(b->wants_work());
  w.responder.set_decoy(w.bob->theirs);
  EXPECT_TRUE(b->wants_work());
}

// F4: they have not added us yet: an ordinary end, with a delay and bytes like those of a handshake.
TEST(Channel, F4_NotRecognised) {
  World w;
  w.responder.set_peers({});
  Micros least = kMinute, most = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    TestRng rng(seed);
    auto a = Channel::dial(w.crypto, rng, w.ann, at(0));
    auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
    b->receive(at(0), take_output(*a, at(0)));
    b->work(at(0));
    const int used = w.ann_private->used;
    a->receive(at(0), take_output(*b, at(0)));
    EXPECT_EQ(w.ann_private->used, used + 1);
    const Bytes m3 = take_output(*a, at(0));
    EXPECT_EQ(m3.size(), kM3);
    b->receive(at(0), m3);
    EXPECT_TRUE(b->draining());
    a->receive(at(0), Bytes(100, 1));
    const Micros wait = *a->next_deadline();
    least = std::min(least, wait);
    most = std::max(most, wait);
    a->tick(at(wait - 1));
    EXPECT_FALSE(a->finished());
    a->tick(at(wait));
    EXPECT_TRUE(a->finished());
    EXPECT_EQ(a->end(), End::kNotRecognised);
    EXPECT_EQ(why_of(a->end()), Why::kNotRecognised);
  }
  EXPECT_GE(least, kSecond / 2);
  EXPECT_LT(least, kSecond * 3 / 4);
  EXPECT_GT(most, kSecond * 11 / 4);
  EXPECT_LT(most, 3 * kSecond);
}

// F3, T-A34: each step of a dialled handshake has 10 s.
TEST(Channel, F3_TA34_StepsHaveDeadlines) {
  World w;
  auto silent = Channel::dial(w.crypto, w.rng, w.ann, at(0));
  EXPECT_EQ(*silent->next_deadline(), 10 * kSecond);
  silent->tick(at(10 * kSecond));
  EXPECT_EQ(silent->end(), End::kSilent);

  auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  b->receive(at(0), take_output(*a, at(0)));
  b->work(at(0));
  a->receive(at(9 * kSecond), take_output(*b, at(0)));
  EXPECT_EQ(*a->next_deadline(), 19 * kSecond);
  b->receive(at(9 * kSecond), take_output(*a, at(9 * kSecond)));
  const Bytes ready = take_output(*b, at(9 * kSecond));
  a->tick(at(19 * kSecond));
  EXPECT_EQ(a->end(), End::kUnproven);
  a->receive(at(19 * kSecond), ready);
  EXPECT_FALSE(a->open());
}

// A friend who stops after M2 is told to the driver as "timeout".
TEST(Channel, TimeoutIsCounted) {
  World w;
  auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  b->receive(at(0), take_output(*a, at(0)));
  b->work(at(0));
  b->tick(at(*b->next_deadline()));
  const CallerCounts counts = w.responder.drain_counts();
  ASSERT_EQ(counts.reasons.size(), 1u);
  EXPECT_EQ(counts.reasons[0].peer, 1u);
  EXPECT_EQ(counts.reasons[0].reason, Reason::kTimeout);
  EXPECT_TRUE(w.responder.drain_counts().reasons.empty());
}

// T-A28: READY with any byte changed, as the dialler meets it; and another first cell in its place.
TEST(TA28, ReadyAsTheDiallerMeetsIt) {
  World w;
  for (std::size_t i = 0; i < kCell; i += 41) {
    auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
    auto b = Channel::accept(w.crypto, w.rng, w.responder, at(static_cast<Micros>(i) * kMinute));
    const Micros t = static_cast<Micros>(i) * kMinute;
    b->receive(at(t), take_output(*a, at(0)));
    b->work(at(t));
    a->receive(at(0), take_output(*b, at(t)));
    b->receive(at(t), take_output(*a, at(0)));
    Bytes ready = take_output(*b, at(t));
    ASSERT_EQ(ready.size(), kCell);
    ready[i] ^= 0x10;
    a->receive(at(0), ready);
    EXPECT_EQ(a->end(), End::kUnproven);
    EXPECT_TRUE(a->finished());
  }
}

// T-A30: a cell dropped, doubled, swapped, or sent back ends the session, and nothing behind it is delivered.
TEST(TA30, CellsOutOfPlace) {
  World w;
  for (int how = 0; how < 4; ++how) {
    Session s(w);
    s.a->send(as_view(text_of(1005 * 3, 1)));
    s.b->send(as_view(text_of(1005, 1)));
    const Bytes out = take_output(*s.a, at(0)), other = take_output(*s.b, at(0));
    auto cell = [&](std::size_t i) { return View{out}.subspan(i * kCell, kCell); };
    s.b->receive(at(0), cell(0));
    if (how == 0) s.b->receive(at(0), cell(2));
    if (how == 1) s.b->receive(at(0), cell(0));
    if (how == 2) s.b->receive(at(0), concat({cell(2), cell(1)}));
    if (how == 3) s.b->receive(at(0), other);
    EXPECT_EQ(s.b->end(), End::kAbnormal) << how;
    EXPECT_TRUE(s.b->finished());
    s.b->receive(at(0), cell(1));
    EXPECT_EQ(s.b->stream().size(), 1005u);
  }
}

}  // namespace
}  // namespace gossip::test
