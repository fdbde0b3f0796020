#include "gossipc/address.h"

#include <gtest/gtest.h>

#include "gossip/limits.h"

namespace gossip::client {
namespace {

Options given(const std::vector<std::string>& hosts, const std::string& port = "") {
  Options out;
  for (const std::string& host : hosts) out.set(kHost, host);
  if (!port.empty()) out.set(kPort, port);
  return out;
}

std::string all(const std::vector<std::string>& hosts, const std::string& port = "") {
  const Result<db::Addresses> got = addresses_of(given(hosts, port));
  return got ? address_words(*got) : "refused: " + got.refusal().what;
}

TEST(Address, Ports) {
  EXPECT_EQ(*parse_port("1"), 1);
  EXPECT_EQ(*parse_port("65535"), 65535);
  for (const char* bad : {"", "0", "65536", "99999", "123456", "-1", "+1", " 1", "1 ", "0x10", "http"})
    EXPECT_FALSE(parse_port(bad).ok()) << bad;
}

TEST(Address, EveryFormOfAHost) {
  const struct {
    const char* typed;
    const char* host;
    int port;  // 0: names none
  } kGood[] = {
      {"127.0.0.1", "127.0.0.1", 0},
      {"223.255.255.254:1", "223.255.255.254", 1},
      {"127.0.0.1:5556", "127.0.0.1", 5556},
      {"alice.example", "alice.example", 0},
      {"alice.example.", "alice.example.", 0},
      {"alice.example:65535", "alice.example", 65535},
      {"localhost", "localhost", 0},
      {"a_b", "a_b", 0},
      {"x.onion:80", "x.onion", 80},
      {"7up.example", "7up.example", 0},
      {"host.1", "host.1", 0},
      {"xn--caf-dma.example", "xn--caf-dma.example", 0},
      {"::1", "::1", 0},
      {"[::1]", "::1", 0},
      {"[::1]:5556", "::1", 5556},
      {"::1:5556", "::1:5556", 0},  // without brackets all of it is the address
      {"2001:db8::7", "2001:db8::7", 0},
      {"::ffff:192.0.2.7", "::ffff:192.0.2.7", 0},
      {"fe80::1%eth0", "fe80::1%eth0", 0},
      {"[fe80::1%eth0.7]:9", "fe80::1%eth0.7", 9},
  };
  for (const auto& one : kGood) {
    const Result<TypedAddress> got = parse_address(one.typed);
    ASSERT_TRUE(got.ok()) << one.typed << ": " << got.refusal().what;
    EXPECT_EQ(got->host, one.host);
    EXPECT_EQ(got->port.value_or(0), one.port) << one.typed;
  }
}

TEST(Address, WhatIsNoHostIsRefusedInWords) {
  const struct {
    std::string typed;
    const char* words;
  } kBad[] = {
      {"", "no host is named in \"\""},
      {":5555", "no host is named in \":5555\""},
      {"alice:", "\"alice:\" names no port behind its colon"},
      {"alice:0", "\"alice:0\" names no port behind its colon"},
      {"alice:65536", "\"alice:65536\" names no port behind its colon"},
      {"alice:http", "\"alice:http\" names no port behind its colon"},
      {"127.0.0.1:-1", "\"127.0.0.1:-1\" names no port behind its colon"},
      {"http://alice", "\"http://alice\" names no port behind its colon"},
      {"224.0.0.1", "\"224.0.0.1\" is no machine's address"},
      {"255.255.255.255:5555", "\"255.255.255.255\" is no machine's address"},
      {"0.1.2.3", "\"0.1.2.3\" is no machine's address"},
      {"ff02::1%eth0", "\"ff02::1%eth0\" is no machine's address"},
      {std::string(64, 'a') + ".example", nullptr},
      {"999.1.1.1", "\"999.1.1.1\" is no IPv4 address"},
      {"999.1.1.1:5555", "\"999.1.1.1\" is no IPv4 address"},
      {"1.2.3", "\"1.2.3\" is no IPv4 address"},
      {"1.2.3.4.5", "\"1.2.3.4.5\" is no IPv4 address"},
      {"1.2.3.4.", "\"1.2.3.4.\" is no IPv4 address"},
      {"127.0.0.01", "\"127.0.0.01\" is no IPv4 address"},
      {"127.1", "\"127.1\" is no IPv4 address"},
      {"5555", "\"5555\" is no IPv4 address"},
      {"0x7f.1", "\"0x7f.1\" is no IPv4 address"},
      {"0x7f000001", "\"0x7f000001\" is no IPv4 address"},
      {".", "\".\" is not a host"},
      {"0.0.0.0", "\"0.0.0.0\" is no machine's address"},
      {"::", "\"::\" is no machine's address"},
      {"[::]:5555", "\"::\" is no machine's address"},
      {"1:2:3", "\"1:2:3\" is no IPv6 address"},
      {"::g", "\"::g\" is no IPv6 address"},
      {"alice::5555", "\"alice::5555\" is no IPv6 address"},
      {"http://alice:5555", "\"http://alice:5555\" is no IPv6 address"},
      {"fe80::1%", "\"fe80::1%\" is no IPv6 address"},
      {"fe80::1%eth0:5555", "\"fe80::1%eth0:5555\" is no IPv6 address"},
      {"[]", "\"[]\" is no IPv6 address"},
      {"[", "\"[\" is no IPv6 address"},
      {"[::1", "\"[::1\" is no IPv6 address"},
      {"[::1]5555", "\"[::1]5555\" is no IPv6 address"},
      {"[::1]:", "\"[::1]:\" names no port behind its colon"},
      {"[127.0.0.1]:5555", "\"[127.0.0.1]:5555\" is no IPv6 address"},
      {"[alice]:5555", "\"[alice]:5555\" is no IPv6 address"},
      {"alice%eth0", "\"alice%eth0\" is not a host"},
      {"a b", "\"a b\" is not a host"},
      {"-x", "\"-x\" is not a host"},
      {"a/b", "\"a/b\" is not a host"},
      {"a\n", "\"a\n\" is not a host"},
      {"a..b", "\"a..b\" is not a host"},
      {".a", "\".a\" is not a host"},
      {"caf\xC3\xA9", "\"caf\xC3\xA9\" is not a host"},
      {"user@host", "\"user@host\" is not a host"},
      {"alice,bob", "\"alice,bob\" is not a host"},
      {std::string("a\0b", 3), nullptr},
      {std::string(254, 'a'), nullptr},
  };
  for (const auto& one : kBad) {
    const Result<TypedAddress> got = parse_address(one.typed);
    ASSERT_FALSE(got.ok()) << one.typed;
    EXPECT_EQ(got.refusal().what, one.words ? one.words : got.refusal().what);
    EXPECT_FALSE(got.refusal().hint.empty()) << one.typed;
  }
}

TEST(Address, ThePortIsOfThoseThatNameNone) {
  EXPECT_EQ(all({}), "no address");
  EXPECT_EQ(all({"127.0.0.1"}), "127.0.0.1:5555");
  EXPECT_EQ(all({"127.0.0.1"}, "5556"), "127.0.0.1:5556");
  EXPECT_EQ(all({"a:1", "b", "::1", "[::1]:7"}, "9"), "a:1, b:9, [::1]:9, [::1]:7");
  EXPECT_EQ(all({"a:1", "b"}), "a:1, b:5555");
  EXPECT_EQ(all({"a:1", "b:2"}, "9"), "refused: --port 9 is for no --host: each names a port of its own");
  EXPECT_EQ(all({"a"}, "0"), "refused: \"0\" is not a port");
  EXPECT_EQ(all({"a", "999.1.1.1"}), "refused: \"999.1.1.1\" is no IPv4 address");
}

TEST(Address, NoTwoAlikeAndNotTooMany) {
  EXPECT_EQ(all({"a", "a"}), "refused: a:5555 was given twice");
  EXPECT_EQ(all({"a", "A:5555"}), "refused: A:5555 was given twice");
  EXPECT_EQ(all({"::1", "[0:0::1]:5555"}), "refused: [0:0::1]:5555 was given twice");
  EXPECT_EQ(all({"192.0.2.7", "::ffff:192.0.2.7"}), "refused: [::ffff:192.0.2.7]:5555 was given twice");
  EXPECT_EQ(all({"a:1", "a:2", "fe80::1%eth0", "fe80::1%eth1"}), "a:1, a:2, [fe80::1%eth0]:5555, [fe80::1%eth1]:5555");
  std::vector<std::string> hosts;
  for (std::size_t i = 0; i < kMaxAddresses; ++i) hosts.push_back("h" + std::to_string(i));
  EXPECT_TRUE(addresses_of(given(hosts)).ok());
  hosts.push_back("one-more");
  EXPECT_EQ(addresses_of(given(hosts)).refusal().what, std::to_string(kMaxAddresses + 1) + " addresses are too many");
}

}  // namespace
}  // namespace gossip::client
