// Import of a friend's key: what is accepted is one strict RSA key, comes back the same from its own PEM, and its fingerprint is
// that of the bytes.
#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/check.h"
#include "gossip/pair.h"
#include "support/fuzz_input.h"
#include "support/test_keys.h"

using namespace gossip;

namespace {

std::string armour(View der) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string body;
  for (std::size_t i = 0; i < der.size(); i += 3) {
    std::uint32_t v = 0;
    for (std::size_t k = 0; k < 3; ++k) v = v << 8 | (i + k < der.size() ? der[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) body += i + k <= der.size() ? kDigits[v >> (18 - 6 * k) & 63] : '=';
    if (body.size() % 65 == 64) body += '\n';
  }
  if (!body.empty() && body.back() != '\n') body += '\n';
  return "-----BEGIN PUBLIC KEY-----\n" + body + "-----END PUBLIC KEY-----\n";
}

void check_import(Crypto& crypto, std::string_view pem, int bits) {
  auto key = crypto::import_public(pem, bits);
  if (!key) {
    GOSSIP_CHECK(!key.refusal().what.empty() && key.refusal().what.find('\n') == std::string::npos);
    return;
  }
  GOSSIP_CHECK(pem.size() <= crypto::kMaxKeyText);
  GOSSIP_CHECK(key->bits == 3072 || key->bits == 4096 || (key->bits == 2048 && bits == 2048));
  const std::string lines = "\n" + std::string(pem);  // one block begins at the start of a line, and no other
  GOSSIP_CHECK(lines.find("\n-----BEGIN PUBLIC KEY-----") == lines.rfind("\n-----BEGIN "));
  GOSSIP_CHECK(key->fp == fingerprint(crypto, key->spki_der));
  auto again = crypto::import_public(armour(key->spki_der), bits);
  if (!again) {  // OpenSSL's check draws witnesses by chance: of a changed modulus with a factor of hundreds one in hundreds tells
    GOSSIP_CHECK(again.refusal().what == "the key fails OpenSSL's check");
    return;
  }
  GOSSIP_CHECK(again->spki_der == key->spki_der && again->fp == key->fp && again->bits == key->bits);
  GOSSIP_CHECK(crypto::load_public(key->spki_der)->size() == static_cast<std::size_t>(key->bits) / 8);
}

// The DER of a good key with some bytes changed, cut off or put in.
Bytes mutated(Bytes der, test::Feed& feed) {
  for (int n = feed.u8() % 4; n > 0; --n) {
    std::size_t at = feed.number(2) % der.size();
    switch (feed.u8() % 4) {
      case 0: der[at] ^= feed.u8(); break;
      case 1: der.resize(at + 1); break;
      case 2: der.push_back(feed.u8()); break;
      default: der.insert(der.begin() + static_cast<std::ptrdiff_t>(at), feed.u8());
    }
  }
  return der;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto crypto = crypto::make_crypto();
  static const Bytes good = [] {
    auto key = crypto::import_public(crypto::public_pem(test::ann_key()), 2048);
    GOSSIP_CHECK(key.ok());
    return key->spki_der;
  }();
  test::Feed feed(data, size);
  std::uint8_t mode = feed.u8();
  int bits = mode & 2 ? 3072 : 2048;
  if (mode & 1) {
    Bytes der = mutated(good, feed);
    View extra = feed.rest();  // text after the block
    std::string pem = armour(der) + std::string(as_text(extra));
    check_import(*crypto, pem, bits);
  } else {
    check_import(*crypto, as_text(feed.rest()), bits);
  }
  return 0;
}
