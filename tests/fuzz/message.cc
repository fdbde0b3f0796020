// Messages: one encoding per message. What is accepted encodes to the very bytes; what we encode is accepted and comes back.
#include "crypto/openssl.h"
#include "gossip/check.h"
#include "gossip/message.h"
#include "support/fuzz_input.h"

using namespace gossip;

namespace {

void foreign(View bytes) {
  Message m;
  MessageFault fault = decode_message(bytes, m);
  std::uint64_t created = 0;
  MessageFault head = check_head(bytes, created);
  if (fault != MessageFault::kNone) return;
  GOSSIP_CHECK(head == MessageFault::kNone && created == m.created && bytes.size() <= kMaxMessage);
  GOSSIP_CHECK(m.kind < 128 && m.parents.size() <= kMaxParents);
  Bytes again = encode_message(m);
  GOSSIP_CHECK(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
  if (m.kind != kHearsay) return;
  GOSSIP_CHECK(test::naive_utf8(m.sender) && test::naive_utf8(m.text) && m.text.find('\0') == std::string::npos);
  GOSSIP_CHECK(!check_sender(m.sender) && !check_text(m.text, kMaxText));
}

void our_own(Crypto& crypto, test::Feed& feed) {
  Message m;
  m.kind = feed.u8() % 128;
  m.created = feed.number(8);
  m.salt = feed.array<16>();
  for (std::size_t n = feed.u8() % (kMaxParents + 1); n > 0; --n) m.parents.push_back(feed.array<32>());
  if (m.kind == kHearsay) {
    m.sender = test::as_utf8(feed.take(feed.u8() % 80));
    m.text = test::as_utf8(feed.rest());
    if (check_sender(m.sender) || check_text(m.text, kMaxText)) return;
  } else {
    View payload = feed.rest();
    m.payload.assign(payload.begin(), payload.end());
  }
  Bytes bytes = encode_message(m);
  Message back;
  GOSSIP_CHECK(decode_message(bytes, back) == MessageFault::kNone);
  GOSSIP_CHECK(back.kind == m.kind && back.created == m.created && back.salt == m.salt && back.parents == m.parents &&
               back.sender == m.sender && back.text == m.text && back.payload == m.payload);
  Hash id = message_id(crypto, bytes);
  bytes[bytes.size() / 2] ^= 1;
  GOSSIP_CHECK(message_id(crypto, bytes) != id);
}

// The checks at the door say exactly which texts are fine, and where the first bad byte is.
void door(View bytes) {
  std::string_view text = as_text(bytes);
  std::size_t where = text.size();
  bool utf8 = test::naive_utf8(text, &where).has_value();
  std::size_t nul = text.find('\0');
  bool valid = utf8 && nul == std::string_view::npos;
  auto refusal = check_text(text, kMaxText);
  GOSSIP_CHECK(refusal.has_value() == (!valid || text.empty() || text.size() > kMaxText));
  if (!refusal) return;
  GOSSIP_CHECK(!refusal->words.what.empty() && refusal->words.what.find('\n') == std::string::npos);
  if (refusal->fault == TextFault::kInvalid)
    GOSSIP_CHECK(refusal->words.what.find(std::to_string(std::min(where, nul))) != std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto crypto = crypto::make_crypto();
  test::Feed feed(data, size);
  switch (feed.u8() % 3) {
    case 0: foreign(feed.rest()); break;
    case 1: our_own(*crypto, feed); break;
    default: door(feed.rest());
  }
  return 0;
}
