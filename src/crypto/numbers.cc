// Keys by their numbers alone, as an invitation holds them.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <array>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "crypto/rsa.h"
#include "gossip/pair.h"

namespace gossip::crypto {
namespace {

using Big = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;
using BnCtx = std::unique_ptr<BN_CTX, Free<BN_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;

Big big(View bytes) {
  Big out = own<Big>(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr), "BN_bin2bn");
  BN_set_flags(out.get(), BN_FLG_CONSTTIME);
  return out;
}

Big fresh() { return big({}); }

Big number(const PkeyPtr& key, const char* which) {
  BIGNUM* value = nullptr;
  need(EVP_PKEY_get_bn_param(key.get(), which, &value) == 1, "EVP_PKEY_get_bn_param");
  return Big(value);
}

void append(Bytes& out, const Big& value, std::size_t size) {
  Bytes bytes(size);
  need(BN_bn2binpad(value.get(), bytes.data(), static_cast<int>(size)) == static_cast<int>(size), "BN_bn2binpad");
  out.insert(out.end(), bytes.begin(), bytes.end());
  wipe(bytes);
}

struct Named {
  const char* name;
  const BIGNUM* value;
};

PkeyPtr assemble(std::initializer_list<Named> numbers, int selection) {
  const auto builder = own<Builder>(OSSL_PARAM_BLD_new(), "OSSL_PARAM_BLD_new");
  for (const Named& one : numbers) need(OSSL_PARAM_BLD_push_BN(builder.get(), one.name, one.value) == 1, "OSSL_PARAM_BLD_push_BN");
  const auto params = own<Params>(OSSL_PARAM_BLD_to_param(builder.get()), "OSSL_PARAM_BLD_to_param");
  const auto ctx = own<PkeyCtxPtr>(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), "EVP_PKEY_CTX_new_from_name");
  EVP_PKEY* key = nullptr;
  need(EVP_PKEY_fromdata_init(ctx.get()) == 1, "EVP_PKEY_fromdata_init");
  const bool made = EVP_PKEY_fromdata(ctx.get(), &key, selection, params.get()) == 1;
  ERR_clear_error();
  return PkeyPtr(made ? key : nullptr);
}

// Null where the numbers are no key's: an inverse that is not there, or a product of another length.
PkeyPtr from_p_and_q(const Big& p, const Big& q, int bits) {
  const auto ctx = own<BnCtx>(BN_CTX_secure_new(), "BN_CTX_secure_new");
  const Big e = fresh(), n = fresh(), p1 = fresh(), q1 = fresh(), phi = fresh(), d = fresh(), dp = fresh(), dq = fresh(), qinv = fresh();
  const bool fine = BN_set_word(e.get(), 65537) && BN_is_odd(p.get()) && BN_is_odd(q.get()) && BN_cmp(p.get(), q.get()) != 0 &&
                    BN_mul(n.get(), p.get(), q.get(), ctx.get()) && BN_num_bits(n.get()) == bits &&
                    BN_sub(p1.get(), p.get(), BN_value_one()) && BN_sub(q1.get(), q.get(), BN_value_one()) &&
                    BN_mul(phi.get(), p1.get(), q1.get(), ctx.get()) &&
                    BN_mod_inverse(d.get(), e.get(), phi.get(), ctx.get()) && BN_mod(dp.get(), d.get(), p1.get(), ctx.get()) &&
                    BN_mod(dq.get(), d.get(), q1.get(), ctx.get()) && BN_mod_inverse(qinv.get(), q.get(), p.get(), ctx.get());
  ERR_clear_error();
  if (!fine) return nullptr;
  return assemble({{OSSL_PKEY_PARAM_RSA_N, n.get()},
                   {OSSL_PKEY_PARAM_RSA_E, e.get()},
                   {OSSL_PKEY_PARAM_RSA_D, d.get()},
                   {OSSL_PKEY_PARAM_RSA_FACTOR1, p.get()},
                   {OSSL_PKEY_PARAM_RSA_FACTOR2, q.get()},
                   {OSSL_PKEY_PARAM_RSA_EXPONENT1, dp.get()},
                   {OSSL_PKEY_PARAM_RSA_EXPONENT2, dq.get()},
                   {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qinv.get()}},
                  EVP_PKEY_KEYPAIR);
}

bool sound(const PkeyPtr& key) {
  const auto ctx = own<PkeyCtxPtr>(EVP_PKEY_CTX_new(key.get(), nullptr), "EVP_PKEY_CTX_new");
  const bool passes = EVP_PKEY_check(ctx.get()) == 1;
  ERR_clear_error();
  return passes;
}

}  // namespace

Bytes modulus_of(View private_der) {
  const PkeyPtr key = parse_private(private_der);
  Bytes out;
  append(out, number(key, OSSL_PKEY_PARAM_RSA_N), static_cast<std::size_t>(EVP_PKEY_get_size(key.get())));
  return out;
}

SecretBytes primes_of(View private_der) {
  const PkeyPtr key = parse_private(private_der);
  const auto half = static_cast<std::size_t>(EVP_PKEY_get_size(key.get())) / 2;
  Bytes out;
  out.reserve(2 * half);
  append(out, number(key, OSSL_PKEY_PARAM_RSA_FACTOR1), half);
  append(out, number(key, OSSL_PKEY_PARAM_RSA_FACTOR2), half);
  return SecretBytes(std::move(out));
}

Result<ImportedKey> import_modulus(View modulus, int network_bits) {
  const Big n = big(modulus), e = fresh();
  need(BN_set_word(e.get(), 65537) == 1, "BN_set_word");
  const PkeyPtr key = assemble({{OSSL_PKEY_PARAM_RSA_N, n.get()}, {OSSL_PKEY_PARAM_RSA_E, e.get()}}, EVP_PKEY_PUBLIC_KEY);
  if (!key) return Refusal{"the numbers are no key's"};
  return import_der(to_der(i2d_PUBKEY, key.get(), "i2d_PUBKEY"), network_bits);
}

Result<NewKey> key_from_primes(View primes) {
  const Big p = big(primes.first(primes.size() / 2)), q = big(primes.last(primes.size() / 2));
  const PkeyPtr key = from_p_and_q(p, q, static_cast<int>(primes.size() * 8));
  if (!key || !sound(key)) return Refusal{"the one-use key in it is no key"};
  return stored_form(key);
}

}  // namespace gossip::crypto
