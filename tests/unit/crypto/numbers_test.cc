// Keys by their numbers, as an invitation holds them.
#include <gtest/gtest.h>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/derive.h"
#include "gossip/pair.h"
#include "support/test_keys.h"

namespace gossip::test {
namespace {

TEST(Numbers, AKeyIsMadeAgainFromItsPrimes) {
  const SecretBytes primes = crypto::primes_of(ann_key());
  ASSERT_EQ(primes.view().size(), 256u);
  const auto again = crypto::key_from_primes(primes);
  ASSERT_TRUE(again.ok());
  const Bytes spki = crypto::public_der(ann_key());
  EXPECT_EQ(crypto::public_der(again->private_der), spki);
  EXPECT_EQ(again->fp, fingerprint(*crypto::make_crypto(), spki));
  const auto crypto = crypto::make_crypto();
  const Hash secret{7}, label{8}, fallback{9};
  Bytes sealed(256);
  Hash out{};
  crypto::load_public(spki)->encrypt(secret, label, sealed);
  crypto::load_private(again->private_der)->decrypt(sealed, label, fallback, out);
  EXPECT_EQ(out, secret);
}

TEST(Numbers, PrimesThatMakeNoKeyAreRefused) {
  const SecretBytes ann = crypto::primes_of(ann_key()), bob = crypto::primes_of(bob_key());
  const auto refused = [](const Bytes& primes) { EXPECT_FALSE(crypto::key_from_primes(primes).ok()); };
  const Bytes good(ann.view().begin(), ann.view().end());
  const auto with = [&](auto change) {
    Bytes bad = good;
    change(bad);
    refused(bad);
  };
  with([](Bytes& b) { b.back() ^= 1; });            // even
  with([](Bytes& b) { b.back() ^= 2; });            // no prime
  with([](Bytes& b) { b[127] ^= 4; });
  with([](Bytes& b) { b[0] = 0; });                 // too short a product
  refused(concat({ann.view().first(128), ann.view().first(128)}));  // a square
  refused(Bytes(256, 0));
  refused(Bytes(256, 0xff));
  refused(Bytes(2, 3));
  refused({});
  const auto other = crypto::key_from_primes(concat({ann.view().first(128), bob.view().first(128)}));  // sound, and another one
  EXPECT_TRUE(!other.ok() || other->fp != crypto::key_from_primes(good)->fp);
}

TEST(Numbers, AModulusIsLookedAtLikeAnyKey) {
  const Bytes modulus = crypto::modulus_of(ann_key());
  const auto key = crypto::import_modulus(modulus, 2048);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->spki_der, crypto::public_der(ann_key()));
  EXPECT_EQ(key->bits, 2048);
  EXPECT_FALSE(crypto::import_modulus(modulus, 3072).ok());
  Bytes bad = modulus;
  bad.back() ^= 1;
  EXPECT_FALSE(crypto::import_modulus(bad, 2048).ok()) << "even";
  bad = modulus;
  bad[0] = 0;
  EXPECT_FALSE(crypto::import_modulus(bad, 2048).ok()) << "short";
  EXPECT_FALSE(crypto::import_modulus(Bytes(256, 0), 2048).ok());
  EXPECT_FALSE(crypto::import_modulus(Bytes(1024, 0xff), 2048).ok());
  EXPECT_FALSE(crypto::import_modulus({}, 2048).ok());
}

TEST(Numbers, ADerIsLookedAtLikeAPem) {
  const Bytes spki = crypto::public_der(ann_key());
  EXPECT_TRUE(crypto::import_der(spki, 2048).ok());
  EXPECT_FALSE(crypto::import_der(spki, 3072).ok());
  for (std::size_t n = 0; n < spki.size(); n += 7) EXPECT_FALSE(crypto::import_der(View(spki).first(n), 2048).ok()) << n;
  Bytes trailing = spki;
  trailing.push_back(0);
  EXPECT_FALSE(crypto::import_der(trailing, 2048).ok());
  EXPECT_FALSE(crypto::import_der(ann_key(), 2048).ok()) << "a private key";
}

}  // namespace
}  // namespace gossip::test
