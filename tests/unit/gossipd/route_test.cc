#include "gossipd/route.h"

#include <gtest/gtest.h>

namespace gossip::daemon {
namespace {

sys::Address number(const std::string& ip, int port = 1) { return *sys::Address::parse(ip, port); }

db::Addresses hosts(const std::string& names) {
  db::Addresses out;
  for (char c : names) out.push_back({std::string(1, c), 1});
  return out;
}

// What a dial tries, until `stop` numbers were taken: the hosts, each known by one number.
std::string tried(Route& route, const std::string& names, std::size_t stop = 100, std::size_t worked = 0) {
  std::string out;
  for (route.begin(hosts(names), worked); !route.done() && out.size() < stop;) {
    out += route.place().host;
    route.know({number("127.0.0.1")});
    route.take();
  }
  return out;
}

TEST(Route, InTheOrderGivenButFirstWhatWorked) {
  Route route;
  EXPECT_EQ(tried(route, "abc"), "abc");
  EXPECT_EQ(tried(route, "abcd", 100, 2), "cabd");
  EXPECT_EQ(tried(route, "abcd", 1, 0), "c") << "the store's word counts for addresses that are new only";
  EXPECT_EQ(route.worked()->host, "c");
  EXPECT_EQ(tried(route, "abcd", 2), "ca");
  EXPECT_EQ(route.worked()->host, "a");
  EXPECT_EQ(tried(route, "abcd"), "abcd");
  EXPECT_EQ(tried(route, "abcd", 3), "abc");
  EXPECT_EQ(route.worked()->host, "c");
  EXPECT_EQ(tried(route, "abcd"), "cabd");
}

TEST(Route, WhereADialStoppedTheNextGoesOnAndComesRound) {
  Route route;
  EXPECT_EQ(tried(route, "abcde", 3), "abc");
  EXPECT_EQ(tried(route, "abcde", 3), "dea");
  EXPECT_EQ(tried(route, "abcde"), "bcdea");
  EXPECT_EQ(tried(route, "abcde"), "abcde") << "after a whole round, from the first";
  EXPECT_EQ(tried(route, "abcde", 3), "abc");
  EXPECT_EQ(tried(route, "xyz", 2), "xy") << "other addresses begin anew";
  route.begin(hosts("xz"), 0);
  EXPECT_EQ(route.worked(), std::nullopt);
}

TEST(Route, NoAddressIsAtOnceDone) {
  Route route;
  route.begin({}, 0);
  EXPECT_TRUE(route.done());
  EXPECT_EQ(route.worked(), std::nullopt);
}

TEST(Route, ANameThatIsNotFoundIsPassedBy) {
  Route route;
  route.begin(hosts("ab"), 0);
  route.know({});
  EXPECT_EQ(route.place().host, "b");
  route.know({});
  EXPECT_TRUE(route.done());
}

TEST(Route, TheNumbersOfANameAreGoneOnWithToo) {
  const std::vector<sys::Address> four{number("192.0.2.1"), number("192.0.2.2"), number("192.0.2.3"), number("192.0.2.4")};
  Route route;
  auto take = [&](std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) {
      if (!route.known()) route.know(route.place().host == "a" ? four : std::vector<sys::Address>{number("192.0.2.9")});
      out += route.take().ip().back();
    }
    return out;
  };
  route.begin(hosts("ab"), 0);
  EXPECT_EQ(take(3), "123");
  route.begin(hosts("ab"), 0);
  EXPECT_EQ(take(2), "49");
  EXPECT_TRUE(route.done());
  route.begin(hosts("ab"), 0);
  EXPECT_EQ(take(3), "123");
  EXPECT_EQ(route.worked()->host, "a");
  route.begin(hosts("ab"), 0);
  EXPECT_EQ(take(5), "31249") << "of a name too, the number that worked is the first";
  EXPECT_TRUE(route.done());
}

TEST(Route, FewerNumbersThanBeforeAreTriedFromTheFirst) {
  Route route;
  route.begin(hosts("a"), 0);
  route.know({number("192.0.2.1"), number("192.0.2.2"), number("192.0.2.3")});
  route.take();
  route.take();
  route.begin(hosts("a"), 0);
  route.know({number("192.0.2.7"), number("192.0.2.8")});
  EXPECT_EQ(route.take().ip(), "192.0.2.7");
}

TEST(Route, FamiliesTakeTurns) {
  std::string out;
  const std::vector<sys::Address> six{number("2001:db8::1"), number("2001:db8::2"), number("2001:db8::1"),
                                      number("2001:db8::3"), number("192.0.2.1"),   number("192.0.2.2")};
  for (const sys::Address& one : interleaved(six)) out += one.ip() + " ";
  EXPECT_EQ(out, "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 2001:db8::3 ");
  EXPECT_EQ(interleaved({number("192.0.2.1"), number("::1")}).front().ip(), "192.0.2.1");
  EXPECT_TRUE(interleaved({}).empty());
}

}  // namespace
}  // namespace gossip::daemon
