// When friends are dialled, in virtual time: back-off, slots, our own network, and what is told (gossip(7), DIALLING).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "core/dialler.h"
#include "gossip/limits.h"
#include "support/test_rng.h"

namespace gossip::test {
namespace {

enum class Place { kGood, kBlackHole, kManyHoles, kRefuses, kNoSuchName, kStranger, kMute };

// A dialler, and what becomes of each call.
class World {
 public:
  explicit World(std::uint64_t seed = 1, EngineConfig config = {}) : rng(seed), dialler(config, rng) {}

  // Friends 1 to n, all of them at `place`.
  void add(std::size_t n, Place place, std::uint64_t last_up = 0) {
    for (std::size_t i = 0; i < n; ++i) {
      const PeerId peer = peers.size() + 1;
      peers.push_back(PeerInfo{peer, 1, true, 0, last_up});
      places[peer] = place;
    }
  }
  void tell_peers() {
    dialler.set_peers(now, peers);
    collect();
  }
  void up_for(PeerId peer, Micros span) {
    dialler.up(now, peer);
    pass(span);
  }
  void drop(PeerId peer, Why why = Why::kBrokenOff) {
    up.erase(peer);
    dialler.down(now, peer, why);
    collect();
  }

  // Runs until `done`, at most for `span`; what it took.
  template <class Done>
  Micros until(Done done, Micros span) {
    const Micros start = now.mono, end = start + span;
    while (!done()) {
      Micros at = end;
      if (auto due = dialler.next_deadline()) at = std::min(at, std::max(*due, now.mono));
      if (!calls.empty()) at = std::min(at, calls.begin()->first);
      now.mono = at;
      if (!calls.empty() && calls.begin()->first <= now.mono) answer();
      while (auto peer = dialler.due(now)) dial(*peer);
      collect();
      EXPECT_TRUE(!dialler.next_deadline() || *dialler.next_deadline() > now.mono) << "I8";
      if (now.mono >= end) break;
    }
    return now.mono - start;
  }
  void pass(Micros span) {
    until([] { return false; }, span);
  }
  bool all_up(PeerId first, PeerId last) const {
    for (PeerId peer = first; peer <= last; ++peer) {
      if (!up.contains(peer)) return false;
    }
    return true;
  }
  const Note& last(PeerId peer) const { return told.at(peer); }

  Now now{kHour, 0};
  TestRng rng;
  Dialler dialler;
  std::vector<PeerInfo> peers;
  std::map<PeerId, Place> places;
  std::multimap<Micros, PeerId> calls;  // when they are answered
  std::set<PeerId> up;
  std::map<PeerId, std::vector<Micros>> dials;
  std::vector<Micros> all_dials;
  std::size_t most_at_once = 0, notes = 0;
  std::map<PeerId, Note> told;

 private:
  void dial(PeerId peer) {
    static const std::map<Place, Micros> kTime = {
        {Place::kGood, 100 * kMillisecond}, {Place::kBlackHole, 10 * kSecond}, {Place::kManyHoles, 30 * kSecond},
        {Place::kRefuses, kMillisecond},    {Place::kNoSuchName, kMillisecond}, {Place::kStranger, kSecond},
        {Place::kMute, 10 * kSecond}};
    dials[peer].push_back(now.mono);
    all_dials.push_back(now.mono);
    calls.emplace(now.mono + kTime.at(places[peer]), peer);
    most_at_once = std::max(most_at_once, calls.size());
  }
  void answer() {
    static const std::map<Place, Why> kWhy = {
        {Place::kBlackHole, Why::kUnreachable},   {Place::kManyHoles, Why::kUnreachable},   {Place::kRefuses, Why::kRefused},
        {Place::kNoSuchName, Why::kNameNotFound}, {Place::kStranger, Why::kNotRecognised}, {Place::kMute, Why::kSilent}};
    const PeerId peer = calls.begin()->second;
    calls.erase(calls.begin());
    if (places[peer] != Place::kGood) return dialler.failed(now, peer, kWhy.at(places[peer]));
    up.insert(peer);
    dialler.up(now, peer);
  }
  void collect() {
    Note note;
    for (; dialler.next_note(note); ++notes) told[note.peer] = note;
  }
};

std::vector<Micros> gaps(const std::vector<Micros>& at) {
  std::vector<Micros> out;
  for (std::size_t i = 1; i < at.size(); ++i) out.push_back(at[i] - at[i - 1]);
  return out;
}

// --- waiting

TEST(Dialler, F28TheWaitGrowsUpToAMinuteAndAfterADayToFiveAndNeverEnds) {
  World w;
  w.add(1, Place::kRefuses);
  w.tell_peers();
  const Micros start = w.now.mono;
  w.pass(60 * kHour);
  const auto found = gaps(w.dials[1]);
  Micros wait = 5 * kSecond;
  for (std::size_t n = 0; n < 6; ++n, wait += wait / 2) {
    EXPECT_GE(found[n], wait * 8 / 10) << n;
    EXPECT_LE(found[n], wait * 12 / 10 + kDialSpacing) << n;
  }
  for (std::size_t n = 8; n < found.size(); ++n) {
    const Micros since = w.dials[1][n] - start;
    const Micros longest = since < 24 * kHour ? kMinute : 5 * kMinute;
    EXPECT_LE(found[n], longest + 2 * kMillisecond) << n;
    EXPECT_GE(found[n], (since < 23 * kHour ? kMinute : longest) * 8 / 10) << n;
  }
  EXPECT_LT(w.now.mono - w.dials[1].back(), 5 * kMinute + kSecond) << "it is tried still";
  std::set<Micros> different(found.begin(), found.end());
  EXPECT_GT(different.size(), found.size() / 2) << "no two who failed together stay together";
}

TEST(Dialler, AShorterIntervalIsTheFirstWait) {
  EngineConfig config;
  config.fetch_interval = kSecond;
  World w(2, config);
  w.add(1, Place::kRefuses);
  w.tell_peers();
  w.pass(10 * kSecond);
  EXPECT_NEAR(static_cast<double>(gaps(w.dials[1])[0]), 1e6, 0.21e6);
}

TEST(Dialler, BackOffIsClearedByEveryThingThatMayHaveMendedIt) {
  const auto soon_after = [](auto event, bool comes_up = false) {
    World w(3);
    w.add(1, Place::kStranger);
    w.tell_peers();
    w.pass(40 * kHour);
    const std::size_t before = w.dials[1].size();
    if (comes_up) w.places[1] = Place::kGood;
    event(w);
    const Micros took = w.until([&] { return w.dials[1].size() > before; }, kHour);
    w.pass(20 * kSecond);
    EXPECT_TRUE(comes_up ? w.up.contains(1) : w.dials[1].size() >= before + 2) << "and the waits are short again";
    return took;
  };
  EXPECT_LE(soon_after([](World& w) { w.dialler.inbound(w.now, 1, true); }), kDialSpacing);
  EXPECT_LE(soon_after([](World& w) { w.dialler.clear(w.now); }), kDialSpacing);
  EXPECT_LE(soon_after([](World& w) { w.peers[0].address_stamp = 1, w.tell_peers(); }), kSecond);
  EXPECT_LE(soon_after([](World& w) { w.peers[0].gen = 2, w.tell_peers(); }), kSecond);
  EXPECT_LE(soon_after([](World& w) { w.peers[0].address_stamp = 1, w.tell_peers(); }, true), kSecond);
  World w(3);
  w.add(1, Place::kStranger);
  w.tell_peers();
  w.pass(40 * kHour);
  const auto due = w.dialler.next_deadline();
  w.tell_peers();
  EXPECT_EQ(w.dialler.next_deadline(), due) << "told the same again: nothing new";
}

TEST(Dialler, ASessionThatWasWellIsOpenedAnewAtOnceAndAFlappingOneMoreAndMoreSeldom) {
  World w(4);
  w.add(1, Place::kGood);
  w.tell_peers();
  w.pass(kMinute);
  w.drop(1);
  EXPECT_LT(w.until([&] { return w.up.contains(1); }, kMinute), kSecond);
  for (int i = 0; i < 8; ++i) {
    w.drop(1);  // a moment after it opened
    w.until([&] { return w.up.contains(1); }, 5 * kMinute);
  }
  EXPECT_GT(gaps(w.dials[1]).back(), 20 * kSecond);
  w.pass(kMinute);
  w.drop(1);
  EXPECT_LT(w.until([&] { return w.up.contains(1); }, kMinute), kSecond) << "it was steady again";
}

TEST(Dialler, WhoseLogEndedTheSessionIsCalledAgainAfterAWaitHoweverLongItLasted) {
  for (const Why why : {Why::kWrongMessage, Why::kLogChanging, Why::kLogTwice}) {
    World w(9);
    w.add(1, Place::kGood);
    w.tell_peers();
    const auto back_after = [&](Micros lasted) {
      w.pass(lasted);
      w.drop(1, why);
      return w.until([&] { return w.up.contains(1); }, 10 * kMinute);
    };
    EXPECT_GE(back_after(kMinute), 4 * kSecond) << why_code(why);
    EXPECT_GE(back_after(kSecond), 6 * kSecond) << "and a longer one each time";
    EXPECT_LE(back_after(kMinute), 7 * kSecond) << "unless it was well in between";
  }
}

// --- slots

TEST(Dialler, F3FourAtOnceTenInASecondAndAtStartOverSomeSeconds) {
  World w(5);
  w.add(200, Place::kBlackHole);
  w.add(200, Place::kRefuses);
  w.tell_peers();
  std::set<Micros> first;
  for (const auto& [peer, note] : w.told) first.insert(*note.next);
  EXPECT_EQ(w.told.size(), 400u);
  EXPECT_GT(first.size(), 300u);
  EXPECT_LE(*first.rbegin() - *first.begin(), 5 * kSecond);
  EXPECT_GE(*first.rbegin() - *first.begin(), 3 * kSecond);
  w.pass(2 * kHour);
  EXPECT_LE(w.most_at_once, kDialsAtOnce);
  EXPECT_GE(w.most_at_once, kDialsAtOnce - 1);
  for (Micros gap : gaps(w.all_dials)) EXPECT_GE(gap, kDialSpacing);
  std::size_t least = w.dials[1].size();
  for (PeerId peer = 1; peer <= 400; ++peer) least = std::min(least, w.dials[peer].size());
  EXPECT_GE(least, 3u) << "everybody has a turn";

  World few(5);
  few.add(3, Place::kGood);
  few.tell_peers();
  EXPECT_LE(few.until([&] { return few.all_up(1, 3); }, kMinute), kSecond);
}

// F3: 500 friends who are gone, each of whose calls holds a slot for ten seconds, and 12 who are well.
TEST(Dialler, F3TheGoodAreQuicklyUpAmongFiveHundredDead) {
  World w(6);
  w.add(12, Place::kGood, 1'700'000'000'000);
  w.add(250, Place::kBlackHole, 1'600'000'000'000);  // were up once
  w.add(250, Place::kBlackHole);
  w.tell_peers();
  EXPECT_LE(w.until([&] { return w.all_up(1, 12); }, kHour), 4 * kSecond) << "at start: who was up last comes first";
  w.pass(20 * kMinute);
  for (PeerId peer = 1; peer <= 12; ++peer) w.drop(peer);
  EXPECT_LE(w.until([&] { return w.all_up(1, 12); }, kHour), 4 * kSecond) << "all at once";
  Micros slowest = 0;
  for (int i = 0; i < 60; ++i) {
    w.pass(20 * kSecond + 777 * kMillisecond);
    const PeerId peer = 1 + static_cast<PeerId>(i % 12);
    w.drop(peer);
    slowest = std::max(slowest, w.until([&] { return w.up.contains(peer); }, kHour));
  }
  EXPECT_LE(slowest, 2 * kSecond) << "one by one";

  w.add(1, Place::kGood);  // a new friend
  w.tell_peers();
  EXPECT_LE(w.until([&] { return w.up.contains(513); }, kHour), 15 * kSecond) << "before all who failed already";
  w.places[100] = Place::kGood;  // one of the dead comes back, and calls
  w.pass(10 * kMinute);
  w.drop(1);
  if (!w.up.contains(100)) {
    w.dialler.inbound(w.now, 100, true);
    EXPECT_LE(w.until([&] { return w.up.contains(100); }, kHour), 2 * kSecond);
  }
  std::size_t least = 1000;
  w.pass(2 * kHour);
  for (PeerId peer = 13; peer <= 512; ++peer) least = std::min(least, w.dials[peer].size());
  EXPECT_GE(least, 3u) << "and the dead are not forgotten";
  EXPECT_TRUE(w.up.contains(100));
}

TEST(Dialler, WhoIsDialledAnewWhileUpLosesNothingWhenThatFails) {
  World w(7);
  w.add(1, Place::kGood);
  w.tell_peers();
  w.pass(kMinute);
  w.places[1] = Place::kRefuses;
  const std::size_t before = w.notes;
  w.pass(kSessionAge + 2 * kHour);
  EXPECT_GE(w.dials[1].size(), 3u);
  EXPECT_EQ(w.last(1).state, Health::kUp);
  EXPECT_EQ(w.notes, before);
}

// --- our own network

TEST(Dialler, OwnOutageIsNobodysFailureAndEndsWhenAnythingComesUp) {
  World w(8);
  w.add(3, Place::kGood);
  w.tell_peers();
  w.pass(kHour);
  for (PeerId peer = 1; peer <= 3; ++peer) w.places[peer] = Place::kNoSuchName;
  for (PeerId peer = 1; peer <= 3; ++peer) w.drop(peer);
  w.pass(10 * kSecond);
  const auto outage = [&](PeerId peer) { return w.last(peer).outage; };
  for (PeerId peer = 1; peer <= 3; ++peer) EXPECT_TRUE(outage(peer)) << peer;
  const Micros begun = w.now.mono;
  w.pass(3 * kHour);
  for (PeerId peer = 1; peer <= 3; ++peer) {
    EXPECT_LE(w.last(peer).failures, 3u) << "not counted";
    std::vector<Micros> late;
    for (Micros at : w.dials[peer]) {
      if (at > begun + kMinute) late.push_back(at);
    }
    for (Micros gap : gaps(late)) EXPECT_TRUE(gap >= 24 * kSecond && gap <= 36 * kSecond + kDialSpacing) << gap;
  }
  w.places[2] = Place::kGood;
  EXPECT_LE(w.until([&] { return w.up.contains(2); }, kHour), 36 * kSecond + kDialSpacing);
  w.pass(1);
  for (PeerId peer = 1; peer <= 3; ++peer) EXPECT_FALSE(outage(peer)) << peer;
  const std::size_t before = w.dials[1].size();
  w.pass(2 * kMinute);
  const auto again = gaps(std::vector<Micros>(w.dials[1].begin() + static_cast<std::ptrdiff_t>(before), w.dials[1].end()));
  ASSERT_GE(again.size(), 3u);
  EXPECT_LT(again[0], 20 * kSecond) << "counted from where it was";
  EXPECT_GT(w.last(1).failures, 3u);
}

// A call that was under way when theirs came may have met a friend who had not set our key yet: it is made anew at once. One
// begun after it proves that somebody else answers.
TEST(Dialler, NotRecognisedByWhoCallsUsIsSomebodyElse) {
  World w(12);
  w.add(1, Place::kStranger);
  w.tell_peers();
  const auto called = [&](std::size_t times) { return w.until([&] { return w.dials[1].size() == times; }, kMinute); };
  called(1);
  w.dialler.inbound(w.now, 1, true);
  EXPECT_LE(called(2), kSecond + 2 * kDialSpacing);
  EXPECT_EQ(w.last(1).why, Why::kNotRecognised);
  called(3);
  EXPECT_EQ(w.last(1).why, Why::kSomebodyElse);
  w.dialler.inbound(w.now, 1, false);
  called(4);
  EXPECT_EQ(w.last(1).why, Why::kNotRecognised);
}

TEST(Dialler, WhoWasPutOffByOurOutageIsCalledSoonAfterIt) {
  World w(11);
  w.add(6, Place::kNoSuchName);
  w.tell_peers();
  w.pass(10 * kMinute);
  ASSERT_TRUE(w.last(1).outage);
  for (PeerId peer = 1; peer <= 6; ++peer) w.places[peer] = Place::kGood;
  w.until([&] { return !w.up.empty(); }, kHour);
  EXPECT_LE(w.until([&] { return w.all_up(1, 6); }, kHour), 6 * kSecond + kSecond);
}

TEST(Dialler, OwnOutageIsNotSaidOfTwoNorWhereSomebodyAnswersOrCalls) {
  const auto says = [](std::size_t friends, Place place, Place last, bool calls) {
    World w(9);
    w.add(friends - 1, place);
    w.add(1, last);
    w.tell_peers();
    if (calls) w.dialler.inbound(w.now, 1, true);
    w.pass(5 * kMinute);
    return std::any_of(w.told.begin(), w.told.end(), [](const auto& one) { return one.second.outage; });
  };
  EXPECT_TRUE(says(3, Place::kRefuses, Place::kRefuses, false));
  EXPECT_TRUE(says(5, Place::kBlackHole, Place::kBlackHole, false));
  EXPECT_FALSE(says(2, Place::kRefuses, Place::kRefuses, false));
  EXPECT_FALSE(says(5, Place::kRefuses, Place::kGood, false));
  EXPECT_FALSE(says(5, Place::kStranger, Place::kStranger, false)) << "F4: not recognised, but our network works";
  EXPECT_FALSE(says(5, Place::kMute, Place::kMute, false));
  EXPECT_FALSE(says(5, Place::kRefuses, Place::kRefuses, true));
}

TEST(Dialler, OwnOutageEndsWithACallFromAFriendOrAFriendLess) {
  World w(10);
  w.add(3, Place::kRefuses);
  w.tell_peers();
  w.pass(kMinute);
  ASSERT_TRUE(w.last(1).outage);
  w.dialler.inbound(w.now, 2, true);
  w.pass(1);
  EXPECT_FALSE(w.last(1).outage);
  w.pass(kMinute);
  EXPECT_FALSE(w.last(1).outage) << "while the friend's session lives";
  w.dialler.inbound(w.now, 2, false);
  w.pass(3 * kMinute);
  ASSERT_TRUE(w.last(1).outage);
  w.peers.pop_back();
  w.tell_peers();
  EXPECT_FALSE(w.last(1).outage) << "with two friends nothing is to be judged";
}

// Four calls of ten seconds each at once are 24 in a minute: of 512 friends never more than half. With several addresses each,
// it is 30 s a call.
TEST(Dialler, OwnOutageIsFoundOutAmongFiveHundredBlackHoles) {
  World slow(11);
  slow.add(512, Place::kManyHoles);
  slow.tell_peers();
  EXPECT_LE(slow.until([&] { return slow.last(1).outage; }, kHour), 2 * kMinute);
  World w(11);
  w.add(512, Place::kBlackHole);
  w.tell_peers();
  const auto outage = [&] { return w.last(1).outage; };
  EXPECT_LE(w.until(outage, kHour), kMinute);
  w.places[300] = Place::kGood;
  w.dialler.clear(w.now);
  w.until([&] { return w.up.contains(300); }, 2 * kHour);
  EXPECT_TRUE(w.up.contains(300));
  w.pass(1);
  EXPECT_FALSE(outage());
  w.pass(kHour);
  EXPECT_FALSE(outage()) << "one who is up is enough to know";
}

// --- what is told

TEST(Dialler, OneNoteATryAndNoneWithoutNews) {
  World w(12);
  w.add(1, Place::kRefuses);
  w.add(1, Place::kGood);
  w.peers[1].dialable = false;
  w.tell_peers();
  EXPECT_EQ(w.notes, 1u) << "nothing is to be said of one who is never dialled";
  EXPECT_EQ(w.last(1).why, Why::kNone);
  EXPECT_GE(*w.last(1).next, w.now.mono);
  w.pass(30 * kHour);
  EXPECT_LE(w.notes, w.dials[1].size() + 1);
  EXPECT_EQ(w.last(1).why, Why::kRefused);
  EXPECT_EQ(w.last(1).failures, w.dials[1].size());
  EXPECT_EQ(*w.last(1).next, *w.dialler.next_deadline());
  EXPECT_FALSE(w.told.contains(2));

  w.places[1] = Place::kGood;
  w.until([&] { return w.up.contains(1); }, kHour);
  w.pass(1);
  EXPECT_EQ(w.last(1).state, Health::kUp);
  EXPECT_FALSE(w.last(1).next);
  const std::size_t before = w.notes;
  w.tell_peers();
  w.dialler.inbound(w.now, 1, true);
  w.pass(10 * kHour);
  EXPECT_EQ(w.notes, before);
  w.drop(1);
  EXPECT_EQ(w.last(1).why, Why::kBrokenOff);
}

TEST(Dialler, TheProcessThatDoesNotDialSaysNothing) {
  EngineConfig config;
  config.dials = false;
  World w(13, config);
  w.add(3, Place::kGood);
  w.tell_peers();
  w.dialler.inbound(w.now, 1, true);
  w.pass(kHour);
  EXPECT_TRUE(w.all_dials.empty());
  EXPECT_EQ(w.notes, 0u);
  EXPECT_FALSE(w.dialler.next_deadline());
}

TEST(Health, EachReasonHasACodeAndWordsOfItsOwn) {
  std::set<std::string> codes, words;
  for (unsigned i = 1; i <= static_cast<unsigned>(Why::kTooOften); ++i) {
    const Why why = static_cast<Why>(i);
    EXPECT_EQ(parse_why(why_code(why)), why);
    EXPECT_TRUE(codes.insert(why_code(why)).second) << why_code(why);
    EXPECT_TRUE(words.insert(why_words(why)).second) << why_words(why);
  }
  EXPECT_EQ(parse_why("of a later version"), Why::kNone);
  EXPECT_FALSE(codes.contains(""));
}

}  // namespace
}  // namespace gossip::test
