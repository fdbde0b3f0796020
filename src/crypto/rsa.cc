#include "crypto/rsa.h"

#include <openssl/crypto.h>
#include <openssl/rsa.h>

#include "gossip/check.h"
#include "gossip/secret.h"

namespace gossip::crypto {
namespace {

std::size_t size_of(const PkeyPtr& key) { return static_cast<std::size_t>(EVP_PKEY_get_size(key.get())); }

void set_oaep(EVP_PKEY_CTX* ctx, View label) {
  need(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1, "EVP_PKEY_CTX_set_rsa_padding");
  need(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1, "EVP_PKEY_CTX_set_rsa_oaep_md");
  need(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1, "EVP_PKEY_CTX_set_rsa_mgf1_md");
  void* copy = OPENSSL_memdup(label.data(), label.size());
  need(copy != nullptr, "OPENSSL_memdup");
  if (EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, static_cast<int>(label.size())) == 1) return;
  OPENSSL_free(copy);
  fail("EVP_PKEY_CTX_set0_rsa_oaep_label");
}

PkeyCtxPtr context(const PkeyPtr& key) { return own<PkeyCtxPtr>(EVP_PKEY_CTX_new(key.get(), nullptr), "EVP_PKEY_CTX_new"); }

}  // namespace

RsaPublic::RsaPublic(PkeyPtr key) : key_(std::move(key)), size_(size_of(key_)) {
  Bytes out(size_);
  const Hash nothing{};
  encrypt(nothing, nothing, out);
}

void RsaPublic::encrypt(View plaintext, View label, MutView out) const {
  GOSSIP_CHECK(plaintext.size() == 32 && label.size() == 32 && out.size() == size_);
  const PkeyCtxPtr ctx = context(key_);
  need(EVP_PKEY_encrypt_init(ctx.get()) == 1, "EVP_PKEY_encrypt_init");
  set_oaep(ctx.get(), label);
  std::size_t size = out.size();
  const int done = EVP_PKEY_encrypt(ctx.get(), out.data(), &size, plaintext.data(), plaintext.size());
  need(done == 1 && size == out.size(), "EVP_PKEY_encrypt");
}

RsaPrivate::RsaPrivate(PkeyPtr key) : key_(std::move(key)), size_(size_of(key_)) {}

void RsaPrivate::decrypt(View ciphertext, View label, View fallback, MutView out) const {
  GOSSIP_CHECK(ciphertext.size() == size_ && label.size() == 32 && fallback.size() == 32 && out.size() == 32 && size_ <= 512);
  const PkeyCtxPtr ctx = context(key_);
  need(EVP_PKEY_decrypt_init(ctx.get()) == 1, "EVP_PKEY_decrypt_init");
  set_oaep(ctx.get(), label);
  Secret<512> plain;
  std::size_t size = size_;
  const int done = EVP_PKEY_decrypt(ctx.get(), plain.mut().data(), &size, ciphertext.data(), ciphertext.size());
  // All ones when done == 1 and size == 32, else all zeros; no branch.
  const std::uint32_t wrong = (static_cast<std::uint32_t>(done) ^ 1u) | (static_cast<std::uint32_t>(size) ^ 32u);
  const auto mask = static_cast<std::uint8_t>(((wrong | (0u - wrong)) >> 31) - 1u);
  for (std::size_t i = 0; i < 32; ++i)
    out[i] = static_cast<std::uint8_t>((plain.view()[i] & mask) | (fallback[i] & static_cast<std::uint8_t>(~mask)));
  ERR_clear_error();
}

}  // namespace gossip::crypto
