// Cover traffic as one sees it on the wire: what is not meant cannot be told from what is, and is in nobody's way.
#include "gossip/cover.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>

#include "support/classifier.h"
#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

constexpr double kChance = 3;       // standard deviations around one half, where the same numbers come each time
constexpr double kOnceIn15000 = 4;  // where clocks and ciphertexts make them others

std::shared_ptr<const PairKeys> nobody_like(World& w) {
  return std::make_shared<const PairKeys>(gossip::nobody_like(w.crypto, w.rng, *w.ann));
}

// --- bogus challenges

// What a wire shows of one call: the sizes of what is said, the times between, and who ends it.
struct Call {
  Features features;
  End end = End::kOpenStill;
};

Call call(World& w, std::shared_ptr<const PairKeys> as, TestRng& world, bool control = false) {
  auto latency = [&] { return 10 * kMillisecond + static_cast<Micros>(world.below(40 * kMillisecond)); };
  Micros now = kHour;
  auto a = Channel::dial(w.crypto, w.rng, std::move(as), at(now));
  auto b = Channel::accept(w.crypto, w.rng, w.responder, at(now));
  Call out;
  Micros last = now;
  auto pass = [&](Channel& from, Channel& to) {
    const Bytes said = take_output(from, at(now));
    out.features.push_back(static_cast<double>(said.size()));
    out.features.push_back(static_cast<double>(now - last));
    last = now;
    now += latency();
    to.receive(at(now), said);
    if (to.wants_work()) to.work(at(now));
  };
  pass(*a, *b);
  pass(*b, *a);
  pass(*a, *b);
  pass(*b, *a);
  while (!a->finished() && !b->finished()) {
    now = std::min(*a->next_deadline(), *b->next_deadline());
    a->tick(at(now));
    b->tick(at(now));
  }
  if (control) now = last + 2 * kSecond;  // a naive one that waits for as long each time
  out.features.push_back(static_cast<double>(now - last));
  out.features.push_back(a->finished() ? 0 : 1);
  out.features.push_back(static_cast<double>(take_output(*a, at(now)).size() + take_output(*b, at(now)).size()));
  out.end = a->end();
  return out;
}

TEST(Cover, ABogusChallengeIsLikeACallOfSomebodyRemoved) {
  World w;
  w.crypto.track = false;
  TestRng world(5);
  Kind removed, bogus, naive;
  for (int i = 0; i < 600; ++i) {
    w.responder.set_peers({});
    const Call one = call(w, w.ann, world);
    w.set_peer(w.bob);  // a friend, who gets a bogus challenge all the same
    const Call other = call(w, nobody_like(w), world);
    ASSERT_EQ(one.end, End::kNotRecognised);
    ASSERT_EQ(other.end, End::kNotRecognised);
    ASSERT_EQ(other.features[0], 1296);
    ASSERT_EQ(other.features[2], 1696);
    ASSERT_EQ(other.features[4], 544);
    ASSERT_EQ(other.features[6], 0);
    removed.push_back(one.features);
    bogus.push_back(other.features);
    naive.push_back(call(w, nobody_like(w), world, true).features);
  }
  for (const ReasonCount& c : w.responder.drain_counts().reasons) ADD_FAILURE() << "noted of " << c.peer;
  EXPECT_EQ(w.bob_private->used, 0);
  const Score score = classify(removed, bogus), control = classify(removed, naive);
  std::printf("figures: bogus challenge or call of one removed: %s\n", words(score).c_str());
  std::printf("figures:   control, one that waits 2 s each time: %s\n", words(control).c_str());
  EXPECT_LE(std::abs(score.outside()), kChance);
  EXPECT_LE(score.worst_rank, 4);
  EXPECT_GE(control.part(), 0.8) << "the classifier sees nothing";
}

// The same primitives in the same order with the same sizes, and with the friend's own key, so that it is as warm as that.
TEST(Cover, ABogusChallengeCostsWhatACallCosts) {
  World w;
  const auto nobody = nobody_like(w);
  EXPECT_NE(to_hex(nobody->out.root.view()), to_hex(w.ann->out.root.view()));
  M2 m2;
  M3 m3;
  w.rng.fill(m2);
  auto cost = [&](const std::shared_ptr<const PairKeys>& as) {
    w.crypto.take();
    Initiator caller(w.crypto, w.rng, as);
    EXPECT_FALSE(caller.answer(m2, m3));
    return w.crypto.take();
  };
  EXPECT_EQ(cost(nobody), cost(w.ann));
  using Clock = std::chrono::steady_clock;
  w.crypto.track = false;
  auto spent = [&](const std::shared_ptr<const PairKeys>& as) {
    Features out;
    auto lap = [&out, from = Clock::now()]() mutable {
      const auto then = std::exchange(from, Clock::now());
      out.push_back(std::chrono::duration<double, std::micro>(from - then).count());
    };
    Initiator caller(w.crypto, w.rng, as);
    lap();
    caller.answer(m2, m3);
    lap();
    return out;
  };
  Kind calls, bogus, lazy;
  for (int i = 0; i < 600; ++i) {
    const bool first = w.rng.below(2) == 0;
    if (first) bogus.push_back(spent(nobody));
    calls.push_back(spent(w.ann));
    if (!first) bogus.push_back(spent(nobody));
    lazy.push_back({calls.back()[0], bogus.back()[0]});  // one that decrypts nothing
  }
  const Score score = classify(calls, bogus), control = classify(calls, lazy);
  std::printf("figures: time of M1 and M3, bogus or not: %s\n", words(score).c_str());
  std::printf("figures:   control, without a decryption: %s\n", words(control).c_str());
  EXPECT_LE(score.worst_rank, 4.5);
  EXPECT_LE(std::abs(score.outside()), kOnceIn15000);
  EXPECT_GE(control.part(), 0.9);
}

TEST(Cover, NobodyIsSomebodyElseEachTime) {
  World w;
  std::set<std::string> roots;
  for (int i = 0; i < 50; ++i) {
    const auto nobody = nobody_like(w);
    roots.insert(to_hex(nobody->out.root.view()));
    Initiator caller(w.crypto, w.rng, nobody);
    M2 m2;
    M3 m3;
    Answer answer = w.responder.answer(m1_of(caller), m2);
    EXPECT_EQ(answer.pair, nullptr);
    EXPECT_FALSE(caller.answer(m2, m3));
    EXPECT_FALSE(w.responder.finish(answer, m3, 0));
  }
  EXPECT_EQ(roots.size(), 50u);
  EXPECT_EQ(w.responder.drain_counts().strangers, 50u);
}

// --- PAD cells

// A session in which one side is looked at, turn by turn, as the daemon's loop does it.
struct Watched {
  Watched(World& w, bool cover, Micros start = 0)
      : from(Channel::dial(w.crypto, w.rng, w.ann, at(start))), to(Channel::accept(w.crypto, w.rng, w.responder, at(start))), now(start), last(start) {
    if (cover) from->cover();
    pump(*from, *to, at(start));
    EXPECT_TRUE(from->open() && to->open());
  }
  // Both sides' timers run until `end`; `send` says something at those of `times` that fall in between.
  void run(Micros end, const std::vector<Micros>& times, std::size_t size) {
    std::size_t next = 0;
    while (now < end) {
      now = std::min(*from->next_deadline(), *to->next_deadline());
      if (next < times.size()) now = std::min(now, times[next]);
      if (now >= end) break;
      from->tick(at(now));
      to->tick(at(now));
      if (next < times.size() && times[next] <= now) {
        ++next;
        from->send(Bytes(size, 7));
        said += size;
      }
      const std::uint64_t before = from->cover_cells();
      deliver();
      EXPECT_EQ(from->cover_cells(), before);
      EXPECT_EQ(heard, said) << "delayed by cover";
      do {  // turn by turn, until neither side has anything to say
        from->end_turn(at(now));
        to->end_turn(at(now));
      } while (deliver());
    }
  }
  bool deliver() {
    const Bytes out = take_output(*from, at(now));
    if (!out.empty()) {
      sizes.push_back(static_cast<double>(out.size()));
      gaps.push_back(static_cast<double>(now - last));
      last = now;
      for (std::uint8_t byte : out) ++bytes[byte];
    }
    to->receive(at(now), out);
    heard += to->stream().size();
    to->take_stream();
    const Bytes back = take_output(*to, at(now));
    from->receive(at(now), back);
    return !out.empty() || !back.empty();
  }
  Features features() const {
    Features out{static_cast<double>(sizes.size())};
    auto moments = [&](std::vector<double> all) {
      std::sort(all.begin(), all.end());
      double sum = 0, squares = 0;
      for (double v : all) sum += v, squares += v * v;
      const double n = static_cast<double>(all.size());
      out.insert(out.end(), {sum / n, std::sqrt(std::max(0.0, squares / n - sum / n * sum / n)), all.front(), all.back(), all[all.size() / 2]});
    };
    moments(sizes);
    moments(gaps);
    double all = 0, chi = 0;
    for (double count : bytes) all += count;
    for (double count : bytes) chi += (count - all / 256) * (count - all / 256) / (all / 256);
    out.push_back(chi);
    return out;
  }
  std::unique_ptr<Channel> from, to;
  Micros now, last;
  std::vector<double> sizes, gaps;
  std::array<double, 256> bytes{};
  std::size_t said = 0, heard = 0;
};

enum class What { kPad, kData, kClockwork, kLong };

Features session_of(World& w, What what, std::mt19937_64& dice) {
  constexpr Micros kLength = 20 * kMinute;
  static Micros start = 0;
  start += kHour;
  std::exponential_distribution<double> gap(1.0 / static_cast<double>(kPadMean));  // of another make than the core's
  std::vector<Micros> times;
  for (Micros t = start; t < start + kLength && what != What::kPad; times.push_back(t))
    t += what == What::kClockwork ? kPadMean : static_cast<Micros>(gap(dice));
  Watched one(w, what == What::kPad, start);
  one.run(start + kLength, times, what == What::kLong ? kCellData + 1 : 60);
  EXPECT_EQ(one.heard, one.said);
  EXPECT_TRUE(one.from->open() && one.to->open());
  return one.features();
}

// T-A16: sizes and times of PAD cells and of DATA cells.
TEST(Cover, TA16_PadCellsAreLikeDataCells) {
  World w;
  w.crypto.track = false;
  std::mt19937_64 dice(16);
  Kind pad, data, clockwork, longer;
  for (int i = 0; i < 200; ++i) {
    pad.push_back(session_of(w, What::kPad, dice));
    data.push_back(session_of(w, What::kData, dice));
    clockwork.push_back(session_of(w, What::kClockwork, dice));
    longer.push_back(session_of(w, What::kLong, dice));
  }
  const Score score = classify(pad, data), timed = classify(pad, clockwork), sized = classify(pad, longer);
  std::printf("figures: sessions of PAD cells or of DATA cells: %s\n", words(score).c_str());
  std::printf("figures:   controls: every 20 s sharp, %.2f right; texts of two cells, %.2f right\n", timed.part(), sized.part());
  EXPECT_LE(std::abs(score.outside()), kOnceIn15000);
  EXPECT_LE(score.worst_rank, 4.5);
  EXPECT_GE(timed.part(), 0.95);
  EXPECT_GE(sized.part(), 0.95);
}

// Both at once: nothing is lost, and nothing comes later than without.
TEST(Cover, CoverDelaysNoData) {
  World w;
  w.crypto.track = false;
  std::mt19937_64 dice(17);
  std::exponential_distribution<double> gap(1e-6);
  std::vector<Micros> times;
  for (Micros t = 0; t < kHour; times.push_back(t)) t += static_cast<Micros>(gap(dice));
  Watched one(w, true);
  one.run(kHour, times, 900);
  EXPECT_EQ(one.heard, one.said);
  EXPECT_GE(one.said, 900u * 3000);
  const double pads = static_cast<double>(one.from->cover_cells());
  EXPECT_NEAR(pads, 180, 4 * std::sqrt(180.0)) << "one in 20 s";
}

TEST(Cover, NoCellForCoverWhereTheSocketIsSlowOrTheSessionEnds) {
  World w;
  Watched one(w, true);
  one.from->send(as_view("this stays in the way"));
  EXPECT_EQ(one.from->output().size(), kCell);
  Micros now = 0;
  for (int i = 0; i < 3; ++i) {  // nothing is taken, for so long
    now += 20 * kSecond;
    one.from->receive(at(now), [&] {  // the friend lives
      one.to->tick(at(now));
      one.to->send(as_view("x"));
      return take_output(*one.to, at(now));
    }());
    for (Micros then = now; then < now + 15 * kSecond; then += kSecond) {
      one.from->tick(at(then));
      ASSERT_GT(*one.from->next_deadline(), then) << "the loop would spin";
      one.from->end_turn(at(then));
    }
  }
  EXPECT_EQ(one.from->cover_cells(), 0u);
  EXPECT_LE(one.from->output().size(), 4 * kCell) << "the text, and PINGs";
  one.from->close(at(now), CloseCode::kNormal);
  const std::size_t all = take_output(*one.from, at(now)).size();
  one.from->tick(at(now + kSecond));
  one.from->end_turn(at(now + kSecond));
  EXPECT_TRUE(take_output(*one.from, at(now + kSecond)).empty()) << all;
  EXPECT_EQ(one.from->cover_cells(), 0u);
}

}  // namespace
}  // namespace gossip::test
