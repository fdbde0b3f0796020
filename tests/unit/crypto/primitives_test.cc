// The Crypto port against the vectors of the RFCs, and the two RSA ports against each other.
#include <gtest/gtest.h>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/derive.h"
#include "support/test_keys.h"
#include "support/test_rng.h"

namespace gossip::test {
namespace {

Bytes hex(std::string_view text) { return *from_hex(text); }

class Primitives : public testing::Test {
 protected:
  std::unique_ptr<Crypto> crypto = crypto::make_crypto();
  TestRng rng{1};
};

TEST_F(Primitives, Sha256AndHmac) {  // FIPS 180-2 B.1; RFC 4231 4.3; contexts are used again
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(to_hex(crypto->sha256(as_view("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(crypto->sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(crypto->hmac(as_view("Jefe"), as_view("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(to_hex(crypto->hmac(Bytes(131, 0xaa), as_view("Test Using Larger Than Block-Size Key - Hash Key First"))),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  }
}

TEST_F(Primitives, HkdfExtract) {  // RFC 5869 A.1
  const Secret32 prk = extract(*crypto, hex("000102030405060708090a0b0c"), Bytes(22, 0x0b));
  EXPECT_EQ(to_hex(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
}

TEST_F(Primitives, ChaCha20Poly1305) {  // RFC 8439 2.8.2
  const Bytes key = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const Bytes nonce = hex("070000004041424344454647"), ad = hex("50515253c0c1c2c3c4c5c6c7");
  const std::string_view text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
  Bytes sealed(text.size() + 16), plain(text.size());
  crypto->seal(key, nonce, ad, as_view(text), sealed);
  EXPECT_EQ(to_hex(View{sealed}.first(16)), "d31a8d34648e60db7b86afbc53ef7ec2");
  EXPECT_EQ(to_hex(View{sealed}.last(16)), "1ae10b594f09e26a7e902ecbd0600691");
  ASSERT_TRUE(crypto->open(key, nonce, ad, sealed, plain));
  EXPECT_EQ(as_text(plain), text);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes bad = sealed;
    bad[i] ^= 0x80;
    plain.assign(plain.size(), 0xff);
    EXPECT_FALSE(crypto->open(key, nonce, ad, bad, plain));
    EXPECT_EQ(plain, Bytes(plain.size(), 0)) << "nothing of a forgery comes out";
  }
  EXPECT_FALSE(crypto->open(key, nonce, {}, sealed, plain));
  Bytes in_place(sealed.size());
  std::copy(text.begin(), text.end(), in_place.begin());
  crypto->seal(key, nonce, ad, View{in_place}.first(text.size()), in_place);
  EXPECT_EQ(in_place, sealed);
  ASSERT_TRUE(crypto->open(key, nonce, ad, in_place, MutView{in_place}.first(text.size())));
  EXPECT_EQ(as_text(View{in_place}.first(text.size())), text);
}

TEST_F(Primitives, X25519) {  // RFC 7748 5.2
  Hash out;
  ASSERT_TRUE(crypto->x25519(hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                             hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"), out));
  EXPECT_EQ(to_hex(out), "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  Hash nine{9};  // the scalar 9 on the base point 9
  EXPECT_EQ(to_hex(crypto->x25519_public(nine)), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
  Hash masked = nine, first, second;
  masked[31] |= 0x80;  // the top bit of a point is ignored
  const Hash any = rng.array<32>();
  ASSERT_TRUE(crypto->x25519(any, nine, first));
  ASSERT_TRUE(crypto->x25519(any, masked, second));
  EXPECT_EQ(first, second);
  EXPECT_EQ(first, crypto->x25519_public(any));
  out = any;
  EXPECT_FALSE(crypto->x25519(any, Hash{}, out));
  EXPECT_EQ(out, Hash{});
  EXPECT_FALSE(crypto->x25519(any, Hash{1}, out));
}

TEST_F(Primitives, Equal) {
  EXPECT_TRUE(crypto->equal(as_view("same"), as_view("same")));
  EXPECT_FALSE(crypto->equal(as_view("same"), as_view("sand")));
  EXPECT_TRUE(crypto->equal({}, {}));
}

TEST_F(Primitives, RngGivesOther) {
  auto system = crypto::make_rng();
  EXPECT_NE(system->array<32>(), system->array<32>());
  crypto::require_openssl();
}

TEST_F(Primitives, OaepThereAndBack) {
  const auto pub = crypto::public_half(ann_key());
  const auto own = crypto::load_private(ann_key());
  ASSERT_EQ(pub->size(), 256u);
  ASSERT_EQ(own->size(), 256u);
  const Hash secret = rng.array<32>(), label = rng.array<32>(), fallback = rng.array<32>();
  Bytes one(256), two(256);
  pub->encrypt(secret, label, one);
  pub->encrypt(secret, label, two);
  EXPECT_NE(one, two);
  Hash out;
  own->decrypt(one, label, fallback, out);
  EXPECT_EQ(out, secret);
  own->decrypt(two, label, fallback, out);
  EXPECT_EQ(out, secret);
}

// Whatever is wrong, the fallback comes out, and no error is left behind in OpenSSL for the next caller.
TEST_F(Primitives, OaepRejectsWithoutSaying) {
  const auto pub = crypto::public_half(ann_key());
  const auto own = crypto::load_private(ann_key()), other = crypto::load_private(bob_key());
  const Hash secret = rng.array<32>(), label = rng.array<32>(), fallback = rng.array<32>();
  Bytes good(256);
  pub->encrypt(secret, label, good);
  Hash out{};
  auto rejected = [&](const PrivateKey& key, View ciphertext, View with) {
    key.decrypt(ciphertext, with, fallback, out);
    return out == fallback;
  };
  EXPECT_TRUE(rejected(*own, good, Hash{})) << "another label";
  EXPECT_TRUE(rejected(*other, good, label)) << "another key";
  EXPECT_TRUE(rejected(*own, Bytes(256, 0xff), label)) << "not below the modulus";
  EXPECT_TRUE(rejected(*own, Bytes(256, 0), label));
  for (std::size_t i = 0; i < 256; i += 15) {
    Bytes bad = good;
    bad[i] ^= 1;
    EXPECT_TRUE(rejected(*own, bad, label)) << i;
  }
  own->decrypt(good, label, fallback, out);
  EXPECT_EQ(out, secret);
}

}  // namespace
}  // namespace gossip::test
