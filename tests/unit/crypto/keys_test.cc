// Keypairs, and what the import of a friend's key refuses (T-A24).
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "crypto/raii.h"
#include "gossip/pair.h"
#include "support/test_keys.h"
#include "support/test_rng.h"

namespace gossip::test {
namespace {

using crypto::import_public;
using crypto::PkeyPtr;
using Big = std::unique_ptr<BIGNUM, crypto::Free<BN_free>>;

std::string block(const std::string& name, View der) {
  crypto::BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), name.c_str(), "", der.data(), static_cast<long>(der.size()));
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string pem_of(const PkeyPtr& key) { return block("PUBLIC KEY", crypto::to_der(i2d_PUBKEY, key.get(), "i2d_PUBKEY")); }

PkeyPtr rsa_key(const BIGNUM* n, unsigned long e) {
  std::unique_ptr<OSSL_PARAM_BLD, crypto::Free<OSSL_PARAM_BLD_free>> build(OSSL_PARAM_BLD_new());
  Big exponent(BN_new());
  BN_set_word(exponent.get(), e);
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n);
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  std::unique_ptr<OSSL_PARAM, crypto::Free<OSSL_PARAM_free>> params(OSSL_PARAM_BLD_to_param(build.get()));
  crypto::PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(ctx.get()), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()), 1);
  return PkeyPtr(key);
}

// An odd number of exactly `bits` bits without a small factor, which is all that the checks before the last look at.
Big modulus(int bits, std::uint64_t seed = 1) {
  TestRng rng(seed);
  Bytes bytes(static_cast<std::size_t>(bits + 7) / 8);
  rng.fill(bytes);
  Big n(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  BN_mask_bits(n.get(), bits);
  BN_set_bit(n.get(), bits - 1);
  BN_set_bit(n.get(), 0);
  return n;
}

const std::string& ann_pem() {
  static const std::string pem = crypto::public_pem(ann_key());
  return pem;
}

Bytes ann_spki() { return import_public(ann_pem(), 2048)->spki_der; }

std::string refusal(std::string_view pem, int bits = 2048) {
  auto key = import_public(pem, bits);
  if (key.ok()) return "accepted";
  EXPECT_FALSE(key.refusal().hint.empty()) << key.refusal().what;
  EXPECT_EQ(key.refusal().what.find('\n'), std::string::npos);
  return key.refusal().what;
}

TEST(Keys, WhoWaitsForOneIsCalledMeanwhile) {
  int ticks = 0;
  const crypto::NewKey key = crypto::make_key(2048, [&] { ++ticks; });
  EXPECT_GT(ticks, 2);
  EXPECT_EQ(import_public(crypto::public_pem(key.private_der), 2048)->bits, 2048);
}

TEST(Keys, MadeLoadedAndShown) {
  const crypto::NewKey key = crypto::make_key(2048), other = crypto::make_key(2048);
  EXPECT_NE(key.fp, other.fp);
  const std::string pem = crypto::public_pem(key.private_der);
  EXPECT_EQ(pem.rfind("-----BEGIN PUBLIC KEY-----\n", 0), 0u);
  EXPECT_EQ(pem.substr(pem.size() - 25), "-----END PUBLIC KEY-----\n");
  const auto imported = import_public(pem, 2048);
  ASSERT_TRUE(imported.ok());
  EXPECT_EQ(imported->fp, key.fp);
  EXPECT_EQ(imported->bits, 2048);
  EXPECT_EQ(imported->fp, fingerprint(*crypto::make_crypto(), imported->spki_der));
  const Hash secret{1}, label{2}, fallback{3};
  Bytes sealed(256);
  crypto::load_public(imported->spki_der)->encrypt(secret, label, sealed);
  Hash out;
  crypto::load_private(key.private_der)->decrypt(sealed, label, fallback, out);
  EXPECT_EQ(out, secret);
}

// A plaintext of any length but 32 is a failure like every other.
TEST(Keys, OaepOfAnotherLength) {
  const Bytes spki = ann_spki();
  const std::uint8_t* der = spki.data();
  PkeyPtr key(d2i_PUBKEY(nullptr, &der, static_cast<long>(spki.size())));
  const auto own = crypto::load_private(ann_key());
  const Hash label{2}, fallback{3};
  for (std::size_t size : {0u, 1u, 31u, 32u, 33u, 64u, 190u}) {
    crypto::PkeyCtxPtr ctx(EVP_PKEY_CTX_new(key.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_encrypt_init(ctx.get()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_OAEP_PADDING), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), EVP_sha256()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx.get(), OPENSSL_memdup(label.data(), 32), 32), 1);
    const Bytes plain(size, 7);
    Bytes sealed(256);
    std::size_t n = sealed.size();
    ASSERT_EQ(EVP_PKEY_encrypt(ctx.get(), sealed.data(), &n, plain.data(), plain.size()), 1);
    Hash out, sevens;
    sevens.fill(7);
    own->decrypt(sealed, label, fallback, out);
    EXPECT_EQ(out, size == 32 ? sevens : fallback) << size;
    own->decrypt(sealed, Hash{}, fallback, out);
    EXPECT_EQ(ERR_peek_error(), 0u) << "nothing is left behind for the next caller";
  }
}

TEST(Keys, DamagedDatabase) {
  Bytes der = ann_key();
  der.push_back(0);
  EXPECT_THROW(crypto::load_private(der), std::runtime_error);
  der.resize(100);
  EXPECT_THROW(crypto::load_private(der), std::runtime_error);
  EXPECT_THROW(crypto::public_half({}), std::runtime_error);
  EXPECT_THROW(crypto::load_public(der), std::runtime_error);
  EXPECT_THROW(crypto::public_pem(ann_spki()), std::runtime_error);
}

TEST(Import, TextAroundTheBlockIsIgnored) {
  EXPECT_EQ(refusal(ann_pem()), "accepted");
  EXPECT_EQ(refusal("Exchange key:\n" + ann_pem() + "\nsee you!\n"), "accepted");
  std::string dos;
  for (char c : ann_pem()) dos += c == '\n' ? "\r\n" : std::string(1, c);
  EXPECT_EQ(refusal(dos), "accepted");
  EXPECT_EQ(refusal(ann_pem().substr(0, ann_pem().size() - 1)), "accepted");
}

TEST(TA24, TextThatIsNoKey) {
  EXPECT_EQ(refusal(""), "no public key found in the text");
  EXPECT_EQ(refusal("hello"), "no public key found in the text");
  EXPECT_EQ(refusal("  " + ann_pem()), "no public key found in the text");
  EXPECT_EQ(refusal(ann_pem() + ann_pem()), "more than one PEM block in the text");
  EXPECT_EQ(refusal(ann_pem() + block("CERTIFICATE", Bytes(10))), "more than one PEM block in the text");
  EXPECT_EQ(refusal(block("X", Bytes(10)) + ann_pem()), "more than one PEM block in the text");
  EXPECT_EQ(refusal(ann_pem() + "-----BEGIN "), "more than one PEM block in the text");
  EXPECT_EQ(refusal(std::string(65537, ' ')), "the text is 65537 bytes long, more than 65536");
  EXPECT_EQ(refusal("-----BEGIN PUBLIC KEY-----\n" + std::string(3000, 'A') + "\n-----END PUBLIC KEY-----\n"),
            "the PEM block is 3052 bytes long, more than 2048");
  EXPECT_TRUE(import_public(std::string(5000, ' ') + "\n" + ann_pem() + std::string(5000, '-'), 2048).ok());
  EXPECT_EQ(refusal(block("PRIVATE KEY", ann_key())), "this is a private key, not a public one");
  EXPECT_EQ(refusal(block("RSA PRIVATE KEY", Bytes(10))), "this is a private key, not a public one");
  EXPECT_EQ(refusal(block("CERTIFICATE", ann_spki())), "the PEM block is not a public key (BEGIN PUBLIC KEY)");
  EXPECT_EQ(refusal("-----BEGIN PUBLIC KEY-----"), "the PEM block cannot be read");
  EXPECT_EQ(refusal(ann_pem().substr(0, 200)), "the PEM block cannot be read");
  std::string broken = ann_pem();
  broken[100] = '!';
  EXPECT_EQ(refusal(broken), "the PEM block cannot be read");
  const std::string headers = "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n\n";
  EXPECT_EQ(refusal(headers + ann_pem().substr(27)), "the PEM block cannot be read");
}

TEST(TA24, OtherKindsOfKey) {
  PkeyPtr ec(EVP_EC_gen("P-256")), ed(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  EXPECT_EQ(refusal(pem_of(ec)), "the key is not a plain RSA key (rsaEncryption)");
  EXPECT_EQ(refusal(pem_of(ed)), "the key is not a plain RSA key (rsaEncryption)");
  // The last byte of rsaEncryption (1.2.840.113549.1.1.1) made into id-RSAES-OAEP (.7) and id-RSASSA-PSS (.10).
  Bytes der = ann_spki();
  const Bytes oid{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
  auto at = std::search(der.begin(), der.end(), oid.begin(), oid.end());
  ASSERT_NE(at, der.end());
  at[8] = 7;
  EXPECT_EQ(refusal(block("PUBLIC KEY", der)), "the block does not hold a public key of a kind we know");
  at[8] = 10;
  EXPECT_NE(refusal(block("PUBLIC KEY", der)), "accepted");
  const Bytes pkcs1 = crypto::to_der([](const EVP_PKEY* key, unsigned char** out) { return i2d_PublicKey(key, out); },
                                     PkeyPtr(EVP_RSA_gen(2048)).get(), "i2d_PublicKey");
  EXPECT_EQ(refusal(block("RSA PUBLIC KEY", pkcs1)), "the key is in PKCS#1 form (BEGIN RSA PUBLIC KEY)");
  EXPECT_NE(refusal(block("PUBLIC KEY", pkcs1)), "accepted");
}

TEST(TA24, DerThatIsNotItsOwnEncoding) {
  Bytes der = ann_spki();
  Bytes trailing = der;
  trailing.push_back(0);
  EXPECT_EQ(refusal(block("PUBLIC KEY", trailing)), "there are bytes behind the key inside the block");
  ASSERT_EQ(der[0], 0x30);
  ASSERT_EQ(der[1], 0x82);
  Bytes longer{0x30, 0x83, 0x00};  // the outer length in three bytes where two will do
  longer.insert(longer.end(), der.begin() + 2, der.end());
  EXPECT_EQ(refusal(block("PUBLIC KEY", longer)), "the key is not in its usual DER form");
  // Parameters left out: NULL (05 00) behind the OID, and the two lengths around it made smaller.
  Bytes bare = der;
  ASSERT_EQ(bare[4], 0x30);
  ASSERT_EQ(bare[5], 13);
  bare.erase(bare.begin() + 17, bare.begin() + 19);
  bare[5] = 11;
  bare[3] = static_cast<std::uint8_t>(bare[3] - 2);
  EXPECT_NE(refusal(block("PUBLIC KEY", bare)), "accepted");
}

TEST(TA24, Numbers) {
  EXPECT_EQ(refusal(ann_pem(), 3072), "the key has 2048 bits, and this network wants 3072 or 4096");
  EXPECT_EQ(refusal(ann_pem(), 4096), "the key has 2048 bits, and this network wants 3072 or 4096");
  for (int bits : {512, 1024, 2047, 2049, 3071, 3073, 4095, 4097, 8192})
    EXPECT_EQ(refusal(pem_of(rsa_key(modulus(bits).get(), 65537)), 3072),
              "the key has " + std::to_string(bits) + " bits, and must have 3072 or 4096");
  EXPECT_EQ(refusal(pem_of(rsa_key(modulus(16'384).get(), 65537))).rfind("the PEM block is ", 0), 0u);
  for (unsigned long e : {1ul, 3ul, 17ul, 65535ul, 65539ul, 0x100000001ul})
    EXPECT_EQ(refusal(pem_of(rsa_key(modulus(3072).get(), e)), 3072), "the public exponent is not 65537") << e;
  Big even = modulus(3072);
  BN_clear_bit(even.get(), 0);
  EXPECT_EQ(refusal(pem_of(rsa_key(even.get(), 65537)), 3072), "the modulus is even");
  Big third = modulus(3070);
  BN_mul_word(third.get(), 3);
  ASSERT_TRUE(BN_num_bits(third.get()) == 3072 || BN_num_bits(third.get()) == 3071);
  while (BN_num_bits(third.get()) != 3072) BN_mul_word(third.get(), 2), BN_add_word(third.get(), 3);
  EXPECT_EQ(refusal(pem_of(rsa_key(third.get(), 65537)), 3072), "the key fails OpenSSL's check");
}

TEST(Import, BothSizesOfANetwork) {
  const std::string pem = crypto::public_pem(crypto::make_key(3072).private_der);
  EXPECT_EQ(import_public(pem, 3072)->bits, 3072);
  EXPECT_EQ(import_public(pem, 4096)->bits, 3072);
}

}  // namespace
}  // namespace gossip::test
