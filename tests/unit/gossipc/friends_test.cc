#include "gossipc/friends.h"

#include <gtest/gtest.h>

namespace gossip::client {
namespace {

db::Peer peer(const std::string& host, bool key = true) {
  db::Peer out;
  out.id = 7;
  out.name = "alice";
  if (!host.empty()) out.addresses = {{host, 5556}};
  if (key) out.pub = {1};
  return out;
}

constexpr std::int64_t kThen = 1'769'869'135'000;  // 2026-01-31 14:18:55
constexpr std::int64_t kNow = kThen + 60'000;

db::PeerState state(int side, const char* what, Why why, std::int64_t next_ms = 0, unsigned failures = 0,
                    std::int64_t last_up_ms = 0) {
  return {7, side, what, why_code(why), kThen, next_ms, last_up_ms, failures, false};
}

std::string words(const db::Peer& who, const std::vector<db::PeerState>& states, bool running = true) {
  return friend_view(who, states, running, kNow).words;
}

TEST(Friends, WhatThereIsToSayBeforeAnyCall) {
  EXPECT_EQ(words(peer("h", false), {}), "not up: no key from them yet, gossipc set-peer-key alice takes it in");
  EXPECT_EQ(words(peer("h"), {}), "not up: not called yet; never up so far");
  EXPECT_EQ(words(peer("h"), {state(0, "waiting", Why::kNone, kNow + 1500)}),
            "not up: not called yet; first try in 2 s; never up so far");
  EXPECT_EQ(words(peer(""), {}), "not up: no next try, we have no address and wait for their call; never up so far");
  EXPECT_EQ(friend_view(peer("h", false), {}, true, kNow).why, Why::kNoKey);
  EXPECT_EQ(friend_view(peer("h"), {}, true, kNow).why, Why::kNotTried);
  EXPECT_EQ(friend_view(peer(""), {}, true, kNow).why, Why::kNoAddress);
}

TEST(Friends, WhoJoinsAndIsNotRecognisedMayHaveBeenTooLate) {
  db::Peer joining = peer("h");
  joining.until_ms = kNow + 1000;
  EXPECT_EQ(words(joining, {state(0, "waiting", Why::kNotRecognised)}).find("somebody else used"), std::string::npos) << "invited";
  joining.next_key = 3;
  EXPECT_NE(words(joining, {state(0, "waiting", Why::kNotRecognised)}).find("; or somebody else used the invitation first"), std::string::npos);
  EXPECT_EQ(words(joining, {state(0, "waiting", Why::kRefused)}).find("somebody else used"), std::string::npos);
}

TEST(Friends, F4WhyNotAndWhenTheNextTryIs) {
  const db::PeerState refused = state(0, "waiting", Why::kRefused, kNow + 12'000, 7, kThen - 1000);
  const FriendView view = friend_view(peer("h"), {refused}, true, kNow);
  EXPECT_EQ(view.words,
            "not up: refused (nobody listens there); 7 failures in a row; next try in 12 s; last up 2026-01-31 14:18:54");
  EXPECT_FALSE(view.up);
  EXPECT_EQ(view.why, Why::kRefused);
  EXPECT_EQ(view.next_ms, kNow + 12'000);
  EXPECT_EQ(view.since_ms, kThen);
  EXPECT_EQ(words(peer("h"), {state(0, "waiting", Why::kUnreachable, kNow + 240'000)}),
            "not up: unreachable (nothing answers there, or no way leads there); next try in 4 min; never up so far");
  EXPECT_EQ(words(peer("h"), {state(0, "waiting", Why::kSilent, kNow - 5'000)}),
            "not up: silent (connected, and nothing came); dialled now, or within seconds; never up so far");
  EXPECT_EQ(words(peer("h"), {state(0, "waiting", Why::kNameNotFound, kNow - 50'000)}),
            "not up: name not found; due, behind others who are dialled first; never up so far");
  EXPECT_EQ(words(peer("h"), {state(0, "waiting", Why::kRefused, kNow + 1), state(1, "waiting", Why::kBadProof)}),
            "not up: refused (nobody listens there); next try in 1 s; their calls: a caller knew the public keys, and could not "
            "prove to be them; never up so far");
  EXPECT_EQ(words(peer(""), {state(1, "waiting", Why::kShuttingDown, 0, 0, kThen)}),
            "not up: no next try, we have no address and wait for their call; the last one: they shut down; last up "
            "2026-01-31 14:18:55");
}

// The answer is the same to one who was not added and to one with a wrong key; what was known before makes the difference.
TEST(Friends, F4NotRecognisedSaysWhatIsKnown) {
  const db::PeerState dial = state(0, "waiting", Why::kNotRecognised, kNow + 3000);
  EXPECT_EQ(words(peer("h"), {dial}),
            "not up: not recognised (they have not added us or not set our key, or one side has an old key or another network "
            "key, or they want a post-quantum key exchange and we can do none, or somebody else answers there); next try in 3 s; never up so far");
  const std::string once = words(peer("h"), {dial, state(1, "waiting", Why::kClosed, 0, 0, kThen)});
  EXPECT_NE(once.find("not recognised any more (with these keys it has worked: they have deleted us"), once.npos) << once;
  const std::string now = words(peer("h"), {state(0, "waiting", Why::kSomebodyElse, kNow + 3000), state(1, "up", Why::kNone)});
  EXPECT_EQ(now, "up since 2026-01-31 14:18:55 (they called), classical; our own calls: not recognised (with their own session up the "
                 "keys are right, so somebody else answers there)");
}

TEST(Friends, UpOnEitherSide) {
  db::PeerState ours = state(0, "up", Why::kNone), theirs = state(1, "up", Why::kNone), other = state(0, "up", Why::kNone);
  theirs.since_ms += 1000;
  other.peer = 8;
  EXPECT_EQ(words(peer("h"), {ours}), "up since 2026-01-31 14:18:55 (we called), classical");
  EXPECT_EQ(words(peer(""), {theirs}), "up since 2026-01-31 14:18:56 (they called), classical");
  EXPECT_EQ(words(peer("h"), {theirs, state(0, "waiting", Why::kRefused, kNow + 1)}),
            "up since 2026-01-31 14:18:56 (they called), classical; our own calls: refused (nobody listens there)");
  const FriendView both = friend_view(peer("h"), {theirs, ours}, true, kNow);
  EXPECT_EQ(both.words, "up since 2026-01-31 14:18:55 (both called), classical");
  EXPECT_TRUE(both.up);
  EXPECT_EQ(both.last_up_ms, kNow);
  EXPECT_FALSE(friend_view(peer("h"), {other}, true, kNow).up);
  EXPECT_FALSE(both.pq);
  ours.pq = true;
  EXPECT_FALSE(friend_view(peer("h"), {theirs, ours}, true, kNow).pq) << "both of them, or it is none";
  theirs.pq = true;
  EXPECT_TRUE(friend_view(peer("h"), {theirs, ours}, true, kNow).pq);
  EXPECT_EQ(words(peer("h"), {ours}), "up since 2026-01-31 14:18:55 (we called), post-quantum");
  EXPECT_EQ(words(peer("h"), {state(0, "up", Why::kLogRestarted)}),
            "up since 2026-01-31 14:18:55 (we called), classical; their log is not the one it was, and what may have changed of it is read again");
}

TEST(Friends, NotesOfADaemonThatIsGoneCountForNothing) {
  const FriendView view = friend_view(peer("h"), {state(0, "up", Why::kNone, kNow + 1, 0, kThen)}, false, kNow);
  EXPECT_FALSE(view.up);
  EXPECT_EQ(view.words, "unknown, the daemon is not running: no try is due; last up 2026-01-31 14:18:55");
  EXPECT_EQ(view.next_ms, 0);
  EXPECT_EQ(view.why, Why::kNoDaemon);
}

TEST(Friends, OwnOutageIsOneLine) {
  const FriendView a = friend_view(peer("h"), {state(0, "outage", Why::kUnreachable, kNow + 25'000, 2)}, true, kNow);
  EXPECT_EQ(a.words, "not up: unreachable (nothing answers there, or no way leads there); our own network seems to be down; next "
                     "try in 25 s; never up so far");
  EXPECT_TRUE(a.outage);
  const FriendView b = friend_view(peer("h"), {state(0, "outage", Why::kUnreachable, kNow + 9'000)}, true, kNow);
  const FriendView up = friend_view(peer("h"), {state(0, "up", Why::kNone)}, true, kNow);
  const std::optional<std::string> line = outage_line({a, b}, kNow);
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->starts_with("our own network seems to be down")) << *line;
  EXPECT_TRUE(line->ends_with("; next try in 9 s")) << *line;
  EXPECT_FALSE(outage_line({up}, kNow));
  EXPECT_FALSE(outage_line({}, kNow));
}

TEST(Friends, AllAddressesAreShown) {
  FriendView view;
  view.words = "up";
  db::Peer alice = peer("::1");
  alice.addresses.push_back({"alice.example", 5555});
  EXPECT_EQ(friend_line(alice, view), "alice at [::1]:5556, alice.example:5555: up");
  EXPECT_EQ(friend_line(peer(""), view), "alice at no address: up");
}

}  // namespace
}  // namespace gossip::client
