#include "gossipc/friends.h"

#include <gtest/gtest.h>

#include "gossipc/address.h"

namespace gossip::client {
namespace {

db::Peer peer(const std::string& host, bool key = true) {
  db::Peer out;
  out.id = 7;
  out.name = "alice";
  out.host = host;
  out.port = host.empty() ? 0 : 5556;
  if (key) out.pub = {1};
  return out;
}

constexpr std::int64_t kThen = 1'769'869'135'000;

TEST(Friends, InWords) {
  const std::vector<db::PeerState> none;
  EXPECT_EQ(friend_view(peer("h", false), none, true).words, "no key from them yet");
  EXPECT_EQ(friend_view(peer("h"), none, true).words, "not called yet");
  EXPECT_EQ(friend_view(peer(""), none, true).words, "waiting for their call");
  const std::vector<db::PeerState> dial = {{7, 0, "waiting", "connection refused", kThen}};
  EXPECT_EQ(friend_view(peer("h"), dial, true).words, "down, connection refused, since 2026-01-31 14:18:55");
  EXPECT_FALSE(friend_view(peer("h"), dial, true).up);
}

TEST(Friends, UpOnEitherSide) {
  const db::PeerState ours{7, 0, "up", "", kThen}, theirs{7, 1, "up", "", kThen + 1000}, other{8, 0, "up", "", kThen};
  EXPECT_EQ(friend_view(peer("h"), {ours}, true).words, "up since 2026-01-31 14:18:55 (we called)");
  EXPECT_EQ(friend_view(peer(""), {theirs}, true).words, "up since 2026-01-31 14:18:56 (they called)");
  const FriendView both = friend_view(peer("h"), {theirs, ours}, true);
  EXPECT_EQ(both.words, "up since 2026-01-31 14:18:55 (both called)");
  EXPECT_TRUE(both.up);
  EXPECT_FALSE(friend_view(peer("h"), {other}, true).up);
}

TEST(Friends, NotesOfADaemonThatIsGoneCountForNothing) {
  const FriendView view = friend_view(peer("h"), {{7, 0, "up", "", kThen}}, false);
  EXPECT_FALSE(view.up);
  EXPECT_EQ(view.words, "unknown, the daemon is not running");
}

TEST(Address, Ports) {
  EXPECT_EQ(*parse_port("1"), 1);
  EXPECT_EQ(*parse_port("65535"), 65535);
  for (const char* bad : {"", "0", "65536", "99999", "123456", "-1", "+1", " 1", "1 ", "0x10", "http"})
    EXPECT_FALSE(parse_port(bad).ok()) << bad;
}

TEST(Address, Hosts) {
  for (const char* good : {"127.0.0.1", "::1", "fe80::1%eth0", "alice.example", "localhost", "a_b", "x.onion"}) {
    ASSERT_TRUE(parse_host(good).ok()) << good;
    EXPECT_EQ(*parse_host(good), good);
  }
  EXPECT_EQ(*parse_host("[::1]"), "::1");
  for (const char* bad : {"", "alice:5556", "a b", "-x", "a/b", "[]", "a\n", "\xC3\xA9", "user@host"})
    EXPECT_FALSE(parse_host(bad).ok()) << bad;
  EXPECT_FALSE(parse_host(std::string(254, 'a')).ok());
  EXPECT_EQ(parse_host("alice:5556").refusal().hint, "give the port by itself, with --port");
  EXPECT_EQ(address_words("::1", 5), "[::1]:5");
  EXPECT_EQ(address_words("h", 5), "h:5");
  EXPECT_EQ(address_words("", 0), "no address");
}

}  // namespace
}  // namespace gossip::client
