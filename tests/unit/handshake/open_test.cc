// The life of an open session: PING, silence, padding, rekeying, backlog, CLOSE, and friends who break the rules.
#include <gtest/gtest.h>

#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

using Types = std::vector<CellType>;

// Bob's end is played by the test: it has the keys, and says what it likes.
struct HostileFriend {
  explicit HostileFriend(CellType first = CellType::kReady, std::string_view text = kReadyText) {
    w.crypto.track = false;
    a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
    M2 m2;
    Answer answer = w.responder.answer(take_output(*a, at(0)), m2);
    a->receive(at(0), m2);
    auto keys = w.responder.finish(answer, take_output(*a, at(0)), 0);
    sealer.emplace(w.crypto, keys->r2i, 0);
    opener.emplace(w.crypto, keys->i2r);
    say(first, as_view(text));
  }
  void say(CellType type, View data = {}, Micros now = 0) {
    Bytes cell(kCell);
    write_cell(cell, type, data);
    sealer->seal(cell, now);
    a->receive(at(now), cell);
  }
  // What ann has to send, opened.
  Types heard(Micros now = 0) {
    Types out;
    const Bytes bytes = take_output(*a, at(now));
    EXPECT_EQ(bytes.size() % kCell, 0u);
    for (std::size_t i = 0; i + kCell <= bytes.size(); i += kCell) {
      Cell cell;
      EXPECT_EQ(opener->open(View{bytes}.subspan(i, kCell), cell), CellOpener::Got::kFine);
      out.push_back(cell.type);
      last.assign(cell.data.begin(), cell.data.end());
    }
    return out;
  }
  World w;
  std::unique_ptr<Channel> a;
  std::optional<CellSealer> sealer;
  std::optional<CellOpener> opener;
  Bytes last;
};

TEST(Open, PingWhenIdleAndDeadAfter75Seconds) {
  std::set<Micros> idles;
  for (int i = 0; i < 20; ++i) {
    HostileFriend f;
    for (int j = 0; j < i; ++j) f.w.rng.next();
    const Micros first = *f.a->next_deadline();
    EXPECT_GE(first, 24 * kSecond);
    EXPECT_LE(first, 36 * kSecond);
    f.a->tick(at(first - 1));
    EXPECT_TRUE(f.heard(first - 1).empty());
    f.a->tick(at(first));
    EXPECT_EQ(f.heard(first), Types{CellType::kPing});
    const Micros second = *f.a->next_deadline();
    EXPECT_GE(second, first + 24 * kSecond);
    idles.insert(second - first);
    f.a->tick(at(75 * kSecond - 1));
    EXPECT_TRUE(f.a->open());
    f.a->tick(at(75 * kSecond));
    EXPECT_EQ(f.a->end(), End::kSilent);
    EXPECT_TRUE(f.a->finished());
  }
  EXPECT_GT(idles.size(), 15u);
}

TEST(Open, AnythingVerifiedKeepsAlive) {
  HostileFriend f;
  for (Micros now = 0; now < kHour; now += 20 * kSecond) {
    f.say(CellType::kPad, {}, now);
    f.a->tick(at(now));
    ASSERT_TRUE(f.a->open());
  }
  EXPECT_TRUE(f.heard(kHour).empty());
}

TEST(Open, ManyWhoAskAtOnceShareOnePing) {
  HostileFriend f;
  f.a->ping(at(0));
  f.a->ping(at(1000));
  EXPECT_EQ(f.heard(), Types{CellType::kPing}) << "of two the friend need not answer the second";
  const Bytes mark = f.last;
  f.say(CellType::kPong, as_view("another"), 2000);
  EXPECT_FALSE(f.a->take_round_trip().has_value());
  f.say(CellType::kPong, mark, 3000);
  EXPECT_EQ(f.a->take_round_trip(), Micros{3000});
  EXPECT_FALSE(f.a->take_round_trip().has_value());

  f.a->ping(at(4000));
  EXPECT_EQ(f.heard(4000), Types{CellType::kPing});
  f.a->ping(at(4000 + kPingLost));
  EXPECT_EQ(f.heard(4000 + kPingLost), Types{CellType::kPing}) << "the other one counts as lost";
  f.say(CellType::kPong, f.last, 5000 + kPingLost);
  EXPECT_EQ(f.a->take_round_trip(), Micros{1000});
}

TEST(Open, PongEchoesAndOnlyOneWaits) {
  HostileFriend f;
  f.say(CellType::kPing, as_view("abc"));
  EXPECT_EQ(f.heard(), Types{CellType::kPong});
  EXPECT_EQ(as_text(f.last), "abc");
  for (int i = 0; i < 100; ++i) f.say(CellType::kPing);
  EXPECT_EQ(f.heard(), Types{CellType::kPong});
  f.say(CellType::kPing);
  EXPECT_EQ(f.heard(), Types{CellType::kPong});
  f.say(CellType::kPong, as_view("not asked for"));
  EXPECT_TRUE(f.a->open());
}

// Batches are 1, 2, 4 ... 256 cells, then multiples of 256; READY stands outside the count.
TEST(Open, BatchesArePadded) {
  World w;
  w.crypto.track = false;
  Session s(w);
  auto batch = [&](Channel& from, Channel& to, std::size_t cells) {
    from.send(Bytes(cells * kCellData, 1));
    Bytes out = take_output(from, at(0));
    from.end_turn(at(0));
    const Bytes more = take_output(from, at(0));
    from.end_turn(at(0));
    EXPECT_TRUE(from.output().empty());
    out.insert(out.end(), more.begin(), more.end());
    to.receive(at(0), out);
    EXPECT_EQ(to.stream().size(), cells * kCellData);
    to.take_stream();
    return out.size() / kCell;
  };
  for (auto [cells, size] : {std::pair{1u, 1u}, {2u, 2u}, {3u, 4u}, {5u, 8u}, {100u, 128u}, {255u, 256u}, {256u, 256u},
                             {257u, 512u}, {513u, 768u}}) {
    EXPECT_EQ(batch(*s.a, *s.b, cells), size) << cells;
    EXPECT_EQ(batch(*s.b, *s.a, cells), size) << cells;
  }
  EXPECT_TRUE(s.a->open() && s.b->open());
}

TEST(Open, ReadyStandsOutsideTheCount) {
  World w;
  auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  b->receive(at(0), take_output(*a, at(0)));
  b->work(at(0));
  a->receive(at(0), take_output(*b, at(0)));
  b->receive(at(0), take_output(*a, at(0)));
  b->send(Bytes(3 * kCellData, 1));
  EXPECT_EQ(take_output(*b, at(0)).size(), 4 * kCell);
  b->end_turn(at(0));
  EXPECT_EQ(take_output(*b, at(0)).size(), kCell) << "READY and a batch of four";
}

// While output waits there is no idle point: the batch goes on, and is padded as one.
TEST(Open, BatchGoesOnWhileOutputWaits) {
  HostileFriend f;
  f.a->send(Bytes(2 * kCellData, 1));
  f.a->output();
  f.a->end_turn(at(0));
  f.a->send(Bytes(kCellData, 1));
  EXPECT_EQ(f.heard().size(), 3u);
  f.a->end_turn(at(0));
  EXPECT_EQ(f.heard(), Types{CellType::kPad});
  f.a->send(Bytes(1, 1));
  f.a->end_turn(at(0));
  EXPECT_EQ(f.heard(), Types{CellType::kData}) << "a new batch, of one";
}

// A cell that is not full waits for more as long as others are ahead of it.
TEST(Open, SmallSendsShareCells) {
  HostileFriend f;
  f.a->send(Bytes(kCellData, 1));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(f.a->output().size(), kCell);
    f.a->send(Bytes(10, 1));
  }
  EXPECT_EQ(f.heard(), Types(2, CellType::kData));
}

TEST(Open, BacklogIsBounded) {
  HostileFriend f;
  EXPECT_EQ(f.a->free(), kChannelBacklog);
  std::size_t sent = 0;
  while (f.a->free() > 0) f.a->send(Bytes(std::min<std::size_t>(f.a->free(), 1500), 1)), sent += 1500;
  EXPECT_LE(sent, kChannelBacklog + 1500);
  f.a->consumed(at(0), f.a->output().size());
  EXPECT_GT(f.a->free(), kChannelBacklog - 2 * kCell);
  EXPECT_TRUE(f.a->reading());
  for (std::size_t i = 0; i < kChannelInput / kCellData + 1; ++i) f.say(CellType::kData, Bytes(kCellData, 1));
  EXPECT_FALSE(f.a->reading());
  f.a->take_stream();
  EXPECT_TRUE(f.a->reading());
}

// T-A32 through a channel: REKEY by count and by age, only when a cell is to go out.
TEST(TA32, RekeyByCountAndAge) {
  HostileFriend f;
  std::uint64_t cells = 0, rekeys = 0;
  for (int i = 0; i < 700; ++i) {
    f.a->send(Bytes(100 * kCellData, 1));
    for (CellType type : f.heard()) ++cells, rekeys += type == CellType::kRekey;
  }
  EXPECT_EQ(cells, 70'001u);
  EXPECT_EQ(rekeys, 1u);
  for (Micros now = 0; now <= 2 * kHour; now += 20 * kSecond) {
    f.say(CellType::kPad, {}, now);
    f.a->tick(at(now));
  }
  EXPECT_TRUE(f.heard(2 * kHour).empty()) << "an idle session sends no REKEY";
  f.a->send(Bytes(1, 1));
  EXPECT_EQ(f.heard(2 * kHour), (Types{CellType::kRekey, CellType::kData}));
  f.say(CellType::kRekey, {}, 2 * kHour);
  f.say(CellType::kData, as_view("under the new key"), 2 * kHour);
  EXPECT_EQ(as_text(f.a->stream()), "under the new key");
}

// REKEY goes before CLOSE where it is due, and the batch is still of an allowed size.
TEST(Open, RekeyDueAtClose) {
  HostileFriend f;
  for (Micros now = 0; now <= kHour; now += 20 * kSecond) {
    f.say(CellType::kPad, {}, now);
    f.a->tick(at(now));
  }
  f.a->close(at(kHour), CloseCode::kNormal);
  EXPECT_EQ(f.heard(kHour), (Types{CellType::kRekey, CellType::kClose}));
}

// The first cell is READY with its five letters, or nothing is proved.
TEST(Open, OnlyReadyProves) {
  EXPECT_TRUE(HostileFriend().a->open());
  for (auto [type, text] : {std::pair{CellType::kData, kReadyText}, {CellType::kReady, "ready"}, {CellType::kReady, "READ"},
                            {CellType::kPad, ""}, {CellType::kRekey, ""}, {CellType::kClose, "x"}, {CellType::kPing, "READY"}}) {
    HostileFriend f(type, text);
    EXPECT_EQ(f.a->end(), End::kUnproven) << static_cast<int>(type);
    EXPECT_TRUE(f.a->finished() && f.heard().empty());
  }
}

// Every way to break the rules inside a verified cell gets CLOSE 1, and 2 s.
TEST(Open, ProtocolErrorsGetClose1) {
  struct {
    CellType type;
    std::size_t len;
  } bad[] = {{CellType::kReady, 5}, {CellType::kPad, 1},   {CellType::kRekey, 1}, {CellType::kClose, 0},  {CellType::kClose, 2},
             {CellType::kPing, 33}, {CellType::kPong, 33}, {CellType{7}, 0},      {CellType{255}, 0}};
  for (const auto& b : bad) {
    HostileFriend f;
    // A REKEY of a bad length cannot be sealed as such; the type is put in by hand.
    Bytes cell(kCell), text(b.len, 'x');
    if (b.type == CellType::kReady) std::copy(kReadyText.begin(), kReadyText.end(), text.begin());
    write_cell(cell, b.type, text);
    f.sealer->seal(cell, 0);
    f.a->receive(at(0), cell);
    EXPECT_EQ(f.a->end(), End::kProtocolError) << static_cast<int>(b.type);
    EXPECT_FALSE(f.a->open());
    EXPECT_EQ(f.heard(), Types{CellType::kClose});
    EXPECT_EQ(f.last, Bytes{1});
    EXPECT_FALSE(f.a->finished());
    EXPECT_EQ(*f.a->next_deadline(), 2 * kSecond);
    f.a->tick(at(2 * kSecond));
    EXPECT_TRUE(f.a->finished());
    EXPECT_EQ(f.a->end(), End::kProtocolError);
  }
}

TEST(Open, CloseOfTheFriend) {
  const End ends[] = {End::kClosed, End::kProtocolError, End::kReplaced,     End::kShutdown,
                      End::kBusy,   End::kProtocolError, End::kProtocolError};
  for (std::uint8_t code = 0; code < 7; ++code) {
    HostileFriend f;
    f.a->send(Bytes(2 * kCellData, 1));
    f.say(CellType::kClose, View{&code, 1});
    EXPECT_EQ(f.a->end(), ends[code]);
    EXPECT_FALSE(f.a->open() || f.a->reading());
    f.a->end_of_file(at(0));  // they shut down writing behind it
    EXPECT_FALSE(f.a->finished());
    EXPECT_EQ(f.heard(), (Types{CellType::kData, CellType::kData, CellType::kPad, CellType::kClose}));
    EXPECT_EQ(f.last, Bytes{0});
    EXPECT_TRUE(f.a->finished());
    EXPECT_EQ(f.a->end(), ends[code]);
  }
}

TEST(Open, OurCloseWaitsForTheirsAndNotLonger) {
  HostileFriend f;
  f.a->close(at(0), CloseCode::kReplaced);
  EXPECT_EQ(f.heard(), Types{CellType::kClose});
  EXPECT_EQ(f.last, Bytes{2});
  EXPECT_TRUE(f.a->reading());
  f.say(CellType::kData, as_view("late"));
  f.say(CellType::kPing);
  EXPECT_TRUE(f.a->stream().empty());
  EXPECT_TRUE(f.heard().empty()) << "no cell follows CLOSE";
  const std::uint8_t code = 0;
  f.say(CellType::kClose, View{&code, 1});
  EXPECT_TRUE(f.a->finished());
  EXPECT_EQ(f.a->end(), End::kReplaced);

  HostileFriend g;
  g.a->close(at(0), CloseCode::kBusy);
  g.a->tick(at(2 * kSecond - 1));
  EXPECT_FALSE(g.a->finished());
  g.a->tick(at(2 * kSecond));
  EXPECT_TRUE(g.a->finished());
  EXPECT_EQ(g.a->end(), End::kBusy);
}

// What is glued to M3 is read as cells: good ones count, others end the session that had just begun.
TEST(Open, BytesBehindM3) {
  World w;
  auto a = Channel::dial(w.crypto, w.rng, w.ann, at(0));
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(0));
  b->receive(at(0), take_output(*a, at(0)));
  b->work(at(0));
  a->receive(at(0), take_output(*b, at(0)));
  Bytes m3 = take_output(*a, at(0));
  m3.resize(kM3 + kCell - 1);
  b->receive(at(0), m3);
  EXPECT_TRUE(b->open());
  b->receive(at(0), Bytes(1));
  EXPECT_EQ(b->end(), End::kAbnormal);
  EXPECT_FALSE(b->open());
}

TEST(Open, EndOfFileWithoutCloseIsAbnormal) {
  HostileFriend f;
  f.say(CellType::kData, as_view("whole cells count"));
  f.a->receive(at(0), Bytes(500, 1));
  f.a->end_of_file(at(0));
  EXPECT_EQ(f.a->end(), End::kAbnormal);
  EXPECT_TRUE(f.a->finished());
  EXPECT_EQ(as_text(f.a->stream()), "whole cells count");
}

}  // namespace
}  // namespace gossip::test
