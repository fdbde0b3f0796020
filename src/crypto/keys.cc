#include "crypto/keys.h"

#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypto/openssl.h"
#include "crypto/rsa.h"
#include "gossip/pair.h"
#include "gossip/secret.h"

namespace gossip::crypto {
namespace {

Hash fp_of(View spki_der) { return fingerprint(*make_crypto(), spki_der); }

Bytes spki_of(const PkeyPtr& key) { return to_der(i2d_PUBKEY, key.get(), "i2d_PUBKEY"); }

PkeyPtr parse_public(View der) {
  const std::uint8_t* at = der.data();
  PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size()) return nullptr;
  return key;
}

}  // namespace

PkeyPtr parse_private(View der) {
  const std::uint8_t* at = der.data();
  Pkcs8Ptr info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  PkeyPtr key(info && at == der.data() + der.size() ? EVP_PKCS82PKEY(info.get()) : nullptr);
  if (!key || EVP_PKEY_is_a(key.get(), "RSA") != 1) {
    ERR_clear_error();
    throw std::runtime_error("a private key in the database does not parse: it is damaged");
  }
  return key;
}

NewKey make_key(int bits, const std::function<void()>& tick) {
  const auto context = own<PkeyCtxPtr>(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), "EVP_PKEY_CTX_new_from_name");
  need(EVP_PKEY_keygen_init(context.get()) == 1, "EVP_PKEY_keygen_init");
  need(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) == 1, "EVP_PKEY_CTX_set_rsa_keygen_bits");
  if (tick) {
    EVP_PKEY_CTX_set_app_data(context.get(), const_cast<std::function<void()>*>(&tick));
    EVP_PKEY_CTX_set_cb(context.get(), [](EVP_PKEY_CTX* c) {
      (*static_cast<const std::function<void()>*>(EVP_PKEY_CTX_get_app_data(c)))();
      return 1;
    });
  }
  EVP_PKEY* made = nullptr;
  need(EVP_PKEY_generate(context.get(), &made) == 1, "EVP_PKEY_generate");
  return stored_form(PkeyPtr(made));
}

NewKey stored_form(const PkeyPtr& key) {
  const auto info = own<Pkcs8Ptr>(EVP_PKEY2PKCS8(key.get()), "EVP_PKEY2PKCS8");
  return {to_der(i2d_PKCS8_PRIV_KEY_INFO, info.get(), "i2d_PKCS8_PRIV_KEY_INFO"), fp_of(spki_of(key))};
}

std::shared_ptr<const PrivateKey> load_private(View private_der) {
  return std::make_shared<RsaPrivate>(parse_private(private_der));
}

std::shared_ptr<const PublicKey> load_public(View spki_der) {
  PkeyPtr key = parse_public(spki_der);
  if (!key || EVP_PKEY_is_a(key.get(), "RSA") != 1) {
    ERR_clear_error();
    throw std::runtime_error("a public key in the database does not parse: it is damaged");
  }
  return std::make_shared<RsaPublic>(std::move(key));
}

std::shared_ptr<const PublicKey> public_half(View private_der) { return load_public(spki_of(parse_private(private_der))); }

Bytes public_der(View private_der) { return spki_of(parse_private(private_der)); }

std::string public_pem(View private_der) {
  const PkeyPtr key = parse_private(private_der);
  const auto bio = own<BioPtr>(BIO_new(BIO_s_mem()), "BIO_new");
  need(PEM_write_bio_PUBKEY(bio.get(), key.get()) == 1, "PEM_write_bio_PUBKEY");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace gossip::crypto
