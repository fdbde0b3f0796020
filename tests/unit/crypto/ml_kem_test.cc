// ML-KEM-768 where the OpenSSL of this machine has it. Where it has not, that is said and nothing asked.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "crypto/ml_kem.h"
#include "crypto/openssl.h"

namespace gossip::crypto {
namespace {

class MlKem : public testing::Test {
 protected:
  void SetUp() override {
    if (!crypto_->kem()) GTEST_SKIP() << library_name() << " has no ML-KEM-768";
  }
  std::unique_ptr<Crypto> crypto_ = make_crypto(true);
};

// 3.5 brought it; and it is there only for who asked.
TEST(WithoutMlKem, IsSaid) {
  const bool has = make_crypto(true)->kem() != nullptr;
  EXPECT_EQ(has, OPENSSL_version_major() > 3 || OPENSSL_version_minor() >= 5) << library_name();
  EXPECT_EQ(make_crypto()->kem(), nullptr);
}

TEST_F(MlKem, BothSidesShareASecret) {
  Bytes ek(kKemPublic), ct(kKemCiphertext), other(kKemPublic);
  Secret32 sent, got, wrong;
  const auto key = crypto_->kem()->make_key(), another = crypto_->kem()->make_key();
  key->public_key(ek);
  another->public_key(other);
  EXPECT_NE(ek, other);
  ASSERT_TRUE(crypto_->kem()->encapsulate(ek, ct, sent.mut()));
  key->decapsulate(ct, got.mut());
  EXPECT_EQ(to_hex(sent), to_hex(got));
  another->decapsulate(ct, wrong.mut());
  EXPECT_NE(to_hex(sent), to_hex(wrong)) << "and no error: implicit rejection";
  ct[77] ^= 1;
  key->decapsulate(ct, wrong.mut());
  EXPECT_NE(to_hex(sent), to_hex(wrong));
}

TEST_F(MlKem, NumbersBeyondTheModulusAreNoKey) {
  Bytes ek(kKemPublic), ct(kKemCiphertext);
  Secret32 secret;
  crypto_->kem()->make_key()->public_key(ek);
  ek[0] = 0x01;  // 3329, the modulus itself, in the first 12 bits
  ek[1] = static_cast<std::uint8_t>((ek[1] & 0xf0) | 0x0d);
  EXPECT_FALSE(crypto_->kem()->encapsulate(ek, ct, secret.mut()));
  std::fill(ek.begin(), ek.end(), std::uint8_t{0xff});
  EXPECT_FALSE(crypto_->kem()->encapsulate(ek, ct, secret.mut()));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

Bytes shake128(View data, std::size_t size) {
  Bytes out(size);
  const auto ctx = own<MdCtxPtr>(EVP_MD_CTX_new(), "EVP_MD_CTX_new");
  need(EVP_DigestInit_ex2(ctx.get(), EVP_shake128(), nullptr) == 1, "EVP_DigestInit_ex2");
  need(EVP_DigestUpdate(ctx.get(), data.data(), data.size()) == 1, "EVP_DigestUpdate");
  need(EVP_DigestFinalXOF(ctx.get(), out.data(), out.size()) == 1, "EVP_DigestFinalXOF");
  return out;
}

PkeyPtr key_from(Bytes seed) {
  const auto ctx = own<PkeyCtxPtr>(EVP_PKEY_CTX_new_from_name(nullptr, "ML-KEM-768", nullptr), "EVP_PKEY_CTX_new_from_name");
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string("seed", seed.data(), seed.size()), OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  need(EVP_PKEY_keygen_init(ctx.get()) == 1, "EVP_PKEY_keygen_init");
  need(EVP_PKEY_CTX_set_params(ctx.get(), params) == 1 && EVP_PKEY_generate(ctx.get(), &key) == 1, "EVP_PKEY_generate");
  return PkeyPtr(key);
}

// Ciphertext and secret, made of these 32 bytes instead of random ones.
std::pair<Bytes, Bytes> encapsulate(EVP_PKEY* key, Bytes from) {
  const auto ctx = own<PkeyCtxPtr>(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr), "EVP_PKEY_CTX_new_from_pkey");
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string("ikme", from.data(), from.size()), OSSL_PARAM_construct_end()};
  Bytes ct(kKemCiphertext), secret(32);
  std::size_t size = ct.size(), secret_size = secret.size();
  need(EVP_PKEY_encapsulate_init(ctx.get(), params) == 1, "EVP_PKEY_encapsulate_init");
  need(EVP_PKEY_encapsulate(ctx.get(), ct.data(), &size, secret.data(), &secret_size) == 1, "EVP_PKEY_encapsulate");
  return {ct, secret};
}

// The accumulated vectors of C2SP/CCTV, ML-KEM-768, 100 of them: keys, ciphertexts and secrets of FIPS 203, valid and rejected.
TEST_F(MlKem, HundredVectors) {
  constexpr std::size_t kEach = 64 + 32 + kKemCiphertext;
  const Bytes random = shake128({}, 100 * kEach);
  Bytes all;
  for (std::size_t i = 0; i < 100; ++i) {
    auto next = [&, at = i * kEach](std::size_t n) mutable {
      const View piece = View{random}.subspan(at, n);
      at += n;
      return Bytes(piece.begin(), piece.end());
    };
    PkeyPtr pair = key_from(next(64));
    const auto [ct, secret] = encapsulate(pair.get(), next(32));
    const auto key = kem_key_of(std::move(pair));
    Bytes ek(kKemPublic), got(32), rejected(32);
    key->public_key(ek);
    key->decapsulate(ct, got);
    EXPECT_EQ(got, secret);
    key->decapsulate(next(kKemCiphertext), rejected);
    for (const Bytes& part : {ek, ct, secret, rejected}) all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(to_hex(shake128(all, 32)), "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415");
}

}  // namespace
}  // namespace gossip::crypto
