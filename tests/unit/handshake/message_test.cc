// Messages against the vectors that gossip(7) prints; ids with the real SHA-256.
#include <gtest/gtest.h>

#include "crypto/openssl.h"
#include "gossip/message.h"
#include "support/vector_file.h"

namespace gossip::test {
namespace {

TEST(Message, VectorsOfTheManual) {
  auto crypto = crypto::make_crypto();
  const auto vectors = read_vectors("tests/vectors/messages.txt");
  int accepted = 0, refused = 0;
  for (const auto& [name, bytes] : vectors) {
    if (name.ends_with(".id") || name.ends_with(".epoch")) continue;
    Message m;
    const MessageFault fault = decode_message(bytes, m);
    if (starts_with(name, "refused.")) {
      EXPECT_NE(fault, MessageFault::kNone) << name;
      ++refused;
      continue;
    }
    ++accepted;
    ASSERT_EQ(fault, MessageFault::kNone) << name;
    EXPECT_EQ(to_hex(encode_message(m)), to_hex(bytes)) << name;
    EXPECT_EQ(to_hex(message_id(*crypto, bytes)), to_hex(vectors.at(name + ".id"))) << name;
    Bytes epoch;
    Writer(epoch).u64(epoch_of(m.created));
    EXPECT_EQ(to_hex(epoch), to_hex(vectors.at(name + ".epoch"))) << name;
  }
  EXPECT_GE(accepted, 4);
  EXPECT_GT(refused, accepted);
}

TEST(Message, F17_EveryByteMatters) {
  auto crypto = crypto::make_crypto();
  const auto vectors = read_vectors("tests/vectors/messages.txt");
  Bytes bytes = vectors.at("message1");
  const Hash id = message_id(*crypto, bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_NE(message_id(*crypto, bytes), id) << i;
    bytes[i] ^= 1;
  }
}

TEST(Message, HeadIsJudgedInOrder) {
  const auto vectors = read_vectors("tests/vectors/messages.txt");
  std::uint64_t created = 0;
  EXPECT_EQ(check_head(vectors.at("refused.version"), created), MessageFault::kVersion);
  EXPECT_EQ(check_head(vectors.at("refused.kind"), created), MessageFault::kKind);
  EXPECT_EQ(check_head(vectors.at("refused.scope"), created), MessageFault::kScope);
  EXPECT_EQ(check_head(vectors.at("refused.flags"), created), MessageFault::kFlags);
  EXPECT_EQ(check_head(vectors.at("message3"), created), MessageFault::kNone);
}

TEST(Message, F9_DoorSaysWhatIsWrongAndWhere) {
  EXPECT_FALSE(check_text("any text, with commas\nand line breaks \xf0\x9f\x98\x80", 100));
  auto bad = check_text("abc\xff", 100);
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->fault, TextFault::kInvalid);
  EXPECT_NE(bad->words.what.find("offset 3"), std::string::npos);
  bad = check_text(std::string_view("a\0b", 3), 100);
  ASSERT_TRUE(bad);
  EXPECT_NE(bad->words.what.find("offset 1"), std::string::npos);
  EXPECT_EQ(check_text("four", 3)->fault, TextFault::kTooLong);
  EXPECT_EQ(check_text("", 3)->fault, TextFault::kEmpty);
  EXPECT_FALSE(check_sender("b\xc3\xb6rk, the 2nd"));
  EXPECT_EQ(check_sender(std::string(65, 'x'))->fault, TextFault::kTooLong);
  EXPECT_TRUE(check_sender("a\nb"));
  EXPECT_TRUE(check_sender("a\xc2\x85"));
  EXPECT_TRUE(check_sender("\x7f"));
}

TEST(Message, CreatedKeepsItsCounterAndItsDay) {
  EXPECT_EQ(created_at(1'769'869'135'000, 0) >> 16, 1'769'869'135'000u);
  EXPECT_EQ(created_at(5, 7) & 0xffff, 7u);
  EXPECT_EQ(created_at(-1, 0), 0u);
  EXPECT_EQ(epoch_of(created_at(86'400'000, 0)), 1u);
  EXPECT_EQ(epoch_of(created_at(86'399'999, 0xffff)), 0u);
}

}  // namespace
}  // namespace gossip::test
