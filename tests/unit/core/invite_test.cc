// The line of an invitation: what is written is read again, and nothing else is.
#include "gossip/invite.h"

#include <gtest/gtest.h>

#include <functional>

#include "gossip/limits.h"
#include "support/toy_crypto.h"

namespace gossip::test {
namespace {

class InviteLine : public ::testing::Test {
 protected:
  Invitation some(std::size_t bits = 2048, std::size_t places = 1, std::string name = "alice") {
    Invitation out;
    out.until_ms = 1'700'000'000'000;
    out.name = std::move(name);
    for (std::size_t i = 0; i < places; ++i) out.places.push_back({std::string(1 + 36 * i, 'h'), static_cast<std::uint16_t>(1 + i)});
    out.modulus.assign(bits / 8, 0xab);
    out.primes = SecretBytes(Bytes(bits / 8, 0xcd));
    return out;
  }
  std::string line(const Invitation& invitation) { return format_invitation(crypto_, invitation); }
  Result<Invitation> parse(std::string_view text) { return parse_invitation(crypto_, text); }
  void refused(std::string_view text, const std::string& words) {
    const auto got = parse(text);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_NE(got.refusal().what.find(words), std::string::npos) << got.refusal().what;
  }
  // A line whose check is right, whatever it holds.
  std::string forged(const std::function<void(Invitation&)>& change) {
    Invitation bad = some();
    change(bad);
    return line(bad);
  }
  ToyCrypto crypto_;
};

TEST_F(InviteLine, IsReadAsItWasWritten) {
  for (std::size_t bits : {2048u, 3072u, 4096u}) {
    for (std::size_t places = 0; places <= kMaxAddresses; ++places) {
      const Invitation was = some(bits, places, places % 2 ? "alice" : "");
      const auto got = parse(line(was));
      ASSERT_TRUE(got.ok()) << got.refusal().what;
      EXPECT_EQ(got->until_ms, was.until_ms);
      EXPECT_EQ(got->name, was.name);
      EXPECT_EQ(got->places, was.places);
      EXPECT_EQ(got->modulus, was.modulus);
      EXPECT_TRUE(std::equal(got->primes.view().begin(), got->primes.view().end(), was.primes.view().begin(), was.primes.view().end()));
    }
  }
}

TEST_F(InviteLine, FitsATerminalAndTheLimit) {
  Invitation usual = some(3072, 2);
  EXPECT_LT(line(usual).size(), 1400u);
  Invitation longest = some(4096, 0, std::string(kMaxPeerName, 'n'));
  for (std::size_t i = 0; i < kMaxAddresses; ++i) longest.places.push_back({std::string(253, 'h'), static_cast<std::uint16_t>(i + 1)});
  EXPECT_EQ(line(longest).size(), 4224u);
  EXPECT_TRUE(parse(line(longest)).ok());
  longest.places.resize(4);
  EXPECT_LT(line(longest).size(), 4095u);
}

TEST_F(InviteLine, StandsAmongWhiteSpaceAndBehindWords) {
  const std::string good = line(some());
  EXPECT_TRUE(parse("dear bob,\n\n" + good + "\n").ok());
  std::string folded;
  for (std::size_t at = 0; at < good.size(); at += 70) folded += good.substr(at, 70) + "\r\n\t ";
  EXPECT_TRUE(parse(folded).ok());
  refused(good + "\nyours, alice!", "not whole");
  refused(good + "\n" + good, "more than one");
  refused(good + std::string(kMaxInvite, ' '), "longer");
}

TEST_F(InviteLine, EveryCharacterCounts) {
  const std::string good = line(some(2048, 1));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (char c : {'A', '_', '=', '\0', '\x80'}) {
      if (good[i] == c) continue;
      std::string bad = good;
      bad[i] = c;
      EXPECT_FALSE(parse(bad).ok()) << i;
    }
    EXPECT_FALSE(parse(good.substr(0, i)).ok()) << i;
  }
  refused(good + "A", "not whole");
  refused("", "no invitation");
  refused("gossip-invite", "no invitation");
  refused("gossip-invite:", "not whole");
  refused("gossip-invite:1:", "not whole");
  refused("gossip-invite:2:" + good.substr(16), "a version");
}

TEST_F(InviteLine, OneLineIsOneInvitation) {
  // The bits behind the last byte are 0: no second line stands for the same.
  std::string last = line(some(2048, 1, "ab"));
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int fine = 0;
  for (char c : digits) {
    last.back() = c;
    fine += parse(last).ok();
  }
  EXPECT_EQ(fine, 1);
}

TEST_F(InviteLine, WhatNoInvitationHoldsIsRefused) {
  refused(forged([](Invitation& i) { i.name = "-x"; }), "no invitation can");
  refused(forged([](Invitation& i) { i.name = "self"; }), "no invitation can");
  refused(forged([](Invitation& i) { i.name = std::string(65, 'n'); }), "no invitation can");
  refused(forged([](Invitation& i) { i.places[0].port = 0; }), "no invitation can");
  const auto sized = [](std::size_t n) {
    return [n](Invitation& i) {
      i.modulus.resize(n);
      i.primes = SecretBytes(Bytes(n));
    };
  };
  for (std::size_t n : {0u, 128u, 255u, 257u, 320u, 1024u}) refused(forged(sized(n)), "no invitation can");
}

}  // namespace
}  // namespace gossip::test
