// ManyKeys: distinct RSA-2048 keypairs by the hundred within seconds: each is another two of a few primes. They protect nothing.
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <memory>
#include <vector>

#include "crypto/openssl.h"
#include "crypto/raii.h"
#include "gossip/check.h"
#include "gossip/pair.h"

namespace gossip::test {

struct TestKey {
  Bytes private_der, spki_der;
  Hash fp{};
};

class ManyKeys {
 public:
  explicit ManyKeys(std::size_t wanted) {
    while (primes_.size() * (primes_.size() - 1) / 2 < wanted) add_prime();
    GOSSIP_CHECK(BN_set_word(e_.get(), 65537));
  }
  // Key number i, always the same.
  TestKey key(std::size_t i) const {
    std::size_t low = 0, high = 1;
    for (; i >= high; ++high) i -= high;
    low = i;
    const Key key = make(primes_.at(low).get(), primes_.at(high).get());
    const std::unique_ptr<PKCS8_PRIV_KEY_INFO, Free<PKCS8_PRIV_KEY_INFO_free>> info(EVP_PKEY2PKCS8(key.get()));
    TestKey out;
    out.private_der = der(i2d_PKCS8_PRIV_KEY_INFO, info.get());
    out.spki_der = der(i2d_PUBKEY, key.get());
    out.fp = fingerprint(*crypto_, out.spki_der);
    return out;
  }

 private:
  template <auto kFree>
  using Free = crypto::Free<kFree>;
  using Big = std::unique_ptr<BIGNUM, Free<BN_free>>;
  using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
  using Ctx = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;

  void add_prime() {
    Big prime(BN_new());
    do {
      GOSSIP_CHECK(BN_generate_prime_ex(prime.get(), 1024, 0, nullptr, nullptr, nullptr));
    } while (BN_mod_word(prime.get(), 65537) == 1);  // e would have no inverse
    primes_.push_back(std::move(prime));
  }
  template <class Function, class T>
  static Bytes der(Function i2d, const T* object) {
    Bytes out(static_cast<std::size_t>(i2d(object, nullptr)));
    std::uint8_t* to = out.data();
    GOSSIP_CHECK(i2d(object, &to) > 0);
    return out;
  }
  Key make(const BIGNUM* p, const BIGNUM* q) const {
    const Ctx ctx(BN_CTX_new());
    Big p1(BN_dup(p)), q1(BN_dup(q)), n(BN_new()), phi(BN_new()), d(BN_new()), dp(BN_new()), dq(BN_new());
    bool fine = BN_sub_word(p1.get(), 1) && BN_sub_word(q1.get(), 1) && BN_mul(n.get(), p, q, ctx.get()) &&
                BN_mul(phi.get(), p1.get(), q1.get(), ctx.get()) && BN_mod_inverse(d.get(), e_.get(), phi.get(), ctx.get()) &&
                BN_mod(dp.get(), d.get(), p1.get(), ctx.get()) && BN_mod(dq.get(), d.get(), q1.get(), ctx.get());
    const Big qinv(BN_mod_inverse(nullptr, q, p, ctx.get()));
    const std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>> all(OSSL_PARAM_BLD_new());
    auto put = [&](const char* name, const BIGNUM* value) { fine = fine && OSSL_PARAM_BLD_push_BN(all.get(), name, value); };
    put(OSSL_PKEY_PARAM_RSA_N, n.get());
    put(OSSL_PKEY_PARAM_RSA_E, e_.get());
    put(OSSL_PKEY_PARAM_RSA_D, d.get());
    put(OSSL_PKEY_PARAM_RSA_FACTOR1, p);
    put(OSSL_PKEY_PARAM_RSA_FACTOR2, q);
    put(OSSL_PKEY_PARAM_RSA_EXPONENT1, dp.get());
    put(OSSL_PKEY_PARAM_RSA_EXPONENT2, dq.get());
    put(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qinv.get());
    GOSSIP_CHECK(fine);
    const std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>> params(OSSL_PARAM_BLD_to_param(all.get()));
    const std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>> maker(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* made = nullptr;
    GOSSIP_CHECK(EVP_PKEY_fromdata_init(maker.get()) == 1 &&
                 EVP_PKEY_fromdata(maker.get(), &made, EVP_PKEY_KEYPAIR, params.get()) == 1);
    return Key(made);
  }

  std::unique_ptr<Crypto> crypto_ = crypto::make_crypto();
  std::vector<Big> primes_;
  Big e_{BN_new()};
};

}  // namespace gossip::test
