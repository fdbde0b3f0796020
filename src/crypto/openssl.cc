#include "crypto/openssl.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "crypto/ml_kem.h"
#include "crypto/raii.h"
#include "gossip/check.h"
#include "gossip/secret.h"

namespace gossip::crypto {
namespace {

constexpr int kTag = 16;
constexpr std::size_t kScratch = 2048;  // more than any handshake message

// Rationale: every algorithm is fetched once and every context used again; a fetch costs as much as the work itself.
class OpenSsl final : public Crypto {
 public:
  explicit OpenSsl(bool with_kem);
  Hash sha256(View data) override;
  Hash hmac(View key, View data) override;
  void seal(View key, View nonce, View ad, View plain, MutView out) override;
  bool open(View key, View nonce, View ad, View sealed, MutView out) override;
  Hash x25519_public(View private_key) override;
  bool x25519(View private_key, View public_key, MutView out) override;
  bool equal(View a, View b) override;
  Kem* kem() override { return kem_.get(); }

 private:
  MdPtr sha_;
  MdCtxPtr sha_ctx_;
  MacPtr hmac_;
  MacCtxPtr hmac_ctx_;
  CipherPtr aead_;
  CipherCtxPtr seal_ctx_, open_ctx_;
  std::unique_ptr<Kem> kem_;
};

OpenSsl::OpenSsl(bool with_kem)
    : sha_(own<MdPtr>(EVP_MD_fetch(nullptr, "SHA256", nullptr), "EVP_MD_fetch")),
      sha_ctx_(own<MdCtxPtr>(EVP_MD_CTX_new(), "EVP_MD_CTX_new")),
      hmac_(own<MacPtr>(EVP_MAC_fetch(nullptr, "HMAC", nullptr), "EVP_MAC_fetch")),
      hmac_ctx_(own<MacCtxPtr>(EVP_MAC_CTX_new(hmac_.get()), "EVP_MAC_CTX_new")),
      aead_(own<CipherPtr>(EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr), "EVP_CIPHER_fetch")),
      seal_ctx_(own<CipherCtxPtr>(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")),
      open_ctx_(own<CipherCtxPtr>(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")),
      kem_(with_kem ? make_kem() : nullptr) {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  need(EVP_MAC_CTX_set_params(hmac_ctx_.get(), params) == 1, "EVP_MAC_CTX_set_params");
  need(EVP_EncryptInit_ex2(seal_ctx_.get(), aead_.get(), nullptr, nullptr, nullptr) == 1, "EVP_EncryptInit_ex2");
  need(EVP_DecryptInit_ex2(open_ctx_.get(), aead_.get(), nullptr, nullptr, nullptr) == 1, "EVP_DecryptInit_ex2");
}

Hash OpenSsl::sha256(View data) {
  Hash out;
  need(EVP_DigestInit_ex2(sha_ctx_.get(), sha_.get(), nullptr) == 1, "EVP_DigestInit_ex2");
  need(EVP_DigestUpdate(sha_ctx_.get(), data.data(), data.size()) == 1, "EVP_DigestUpdate");
  need(EVP_DigestFinal_ex(sha_ctx_.get(), out.data(), nullptr) == 1, "EVP_DigestFinal_ex");
  return out;
}

Hash OpenSsl::hmac(View key, View data) {
  Hash out;
  std::size_t size = 0;
  need(EVP_MAC_init(hmac_ctx_.get(), key.data(), key.size(), nullptr) == 1, "EVP_MAC_init");
  need(EVP_MAC_update(hmac_ctx_.get(), data.data(), data.size()) == 1, "EVP_MAC_update");
  need(EVP_MAC_final(hmac_ctx_.get(), out.data(), &size, out.size()) == 1 && size == out.size(), "EVP_MAC_final");
  return out;
}

void OpenSsl::seal(View key, View nonce, View ad, View plain, MutView out) {
  GOSSIP_CHECK(key.size() == 32 && nonce.size() == 12 && out.size() == plain.size() + kTag);
  EVP_CIPHER_CTX* ctx = seal_ctx_.get();
  int n = 0;
  need(EVP_EncryptInit_ex2(ctx, nullptr, key.data(), nonce.data(), nullptr) == 1, "EVP_EncryptInit_ex2");
  if (!ad.empty()) need(EVP_EncryptUpdate(ctx, nullptr, &n, ad.data(), static_cast<int>(ad.size())) == 1, "EVP_EncryptUpdate");
  need(EVP_EncryptUpdate(ctx, out.data(), &n, plain.data(), static_cast<int>(plain.size())) == 1, "EVP_EncryptUpdate");
  need(EVP_EncryptFinal_ex(ctx, out.data() + plain.size(), &n) == 1, "EVP_EncryptFinal_ex");
  need(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, kTag, out.data() + plain.size()) == 1, "EVP_CIPHER_CTX_ctrl");
}

bool OpenSsl::open(View key, View nonce, View ad, View sealed, MutView out) {
  GOSSIP_CHECK(key.size() == 32 && nonce.size() == 12 && sealed.size() == out.size() + kTag);
  EVP_CIPHER_CTX* ctx = open_ctx_.get();
  std::array<std::uint8_t, kTag> tag;
  std::copy_n(sealed.end() - kTag, kTag, tag.begin());
  int n = 0;
  need(EVP_DecryptInit_ex2(ctx, nullptr, key.data(), nonce.data(), nullptr) == 1, "EVP_DecryptInit_ex2");
  need(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1, "EVP_CIPHER_CTX_ctrl");
  if (!ad.empty()) need(EVP_DecryptUpdate(ctx, nullptr, &n, ad.data(), static_cast<int>(ad.size())) == 1, "EVP_DecryptUpdate");
  bool fine = EVP_DecryptUpdate(ctx, out.data(), &n, sealed.data(), static_cast<int>(out.size())) == 1;
  std::uint8_t none[1];
  fine = EVP_DecryptFinal_ex(ctx, none, &n) == 1 && fine;
  // Rationale: whether it opened must not show in the time it took, so both ways clean up as much.
  std::array<std::uint8_t, kScratch> scratch;
  MutView spare = out.size() <= scratch.size() ? MutView(scratch).first(out.size()) : out.first(0);
  MutView dirty = fine ? spare : out;
  OPENSSL_cleanse(dirty.data(), dirty.size());
  ERR_clear_error();
  return fine;
}

PkeyPtr private_x25519(View key) {
  GOSSIP_CHECK(key.size() == 32);
  return own<PkeyPtr>(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, key.data(), key.size()),
                      "EVP_PKEY_new_raw_private_key");
}

Hash OpenSsl::x25519_public(View private_key) {
  const PkeyPtr key = private_x25519(private_key);
  Hash out;
  std::size_t size = out.size();
  need(EVP_PKEY_get_raw_public_key(key.get(), out.data(), &size) == 1, "EVP_PKEY_get_raw_public_key");
  return out;
}

bool OpenSsl::x25519(View private_key, View public_key, MutView out) {
  GOSSIP_CHECK(public_key.size() == 32 && out.size() == 32);
  const PkeyPtr ours = private_x25519(private_key);
  const auto theirs =
      own<PkeyPtr>(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, public_key.data(), 32), "EVP_PKEY_new_raw_public_key");
  const auto ctx = own<PkeyCtxPtr>(EVP_PKEY_CTX_new(ours.get(), nullptr), "EVP_PKEY_CTX_new");
  need(EVP_PKEY_derive_init(ctx.get()) == 1, "EVP_PKEY_derive_init");
  need(EVP_PKEY_derive_set_peer(ctx.get(), theirs.get()) == 1, "EVP_PKEY_derive_set_peer");
  std::size_t size = out.size();
  const bool fine = EVP_PKEY_derive(ctx.get(), out.data(), &size) == 1 && size == 32;  // 0 when the result is all zero
  if (!fine) {
    wipe(out);
    ERR_clear_error();
  }
  return fine;
}

bool OpenSsl::equal(View a, View b) {
  GOSSIP_CHECK(a.size() == b.size());
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

class SystemRng final : public Rng {
 public:
  // Rationale: the system's own source never fails, so what is wanting is memory for the generator on top of it.
  void fill(MutView out) override {
    if (RAND_bytes_ex(nullptr, out.data(), out.size(), 0) == 1) return;
    ERR_clear_error();
    throw std::bad_alloc();
  }
};

}  // namespace

std::unique_ptr<Crypto> make_crypto(bool with_kem) { return std::make_unique<OpenSsl>(with_kem); }
std::unique_ptr<Rng> make_rng() { return std::make_unique<SystemRng>(); }

std::string library_name() { return OpenSSL_version(OPENSSL_VERSION); }
namespace {

// OpenSSL frees some buffers that held a private key in DER without wiping them (decoder, i2d to a BIO). So whatever it frees is
// wiped here: the size stands before the bytes.
constexpr std::size_t kBefore = 16;  // keeps the alignment of malloc

void* wiping_malloc(std::size_t size, const char*, int) {
  if (size == 0 || size > SIZE_MAX - kBefore) return nullptr;
  auto* block = static_cast<std::uint8_t*>(std::malloc(size + kBefore));
  if (!block) return nullptr;
  std::memcpy(block, &size, sizeof size);
  return block + kBefore;
}

void wiping_free(void* data, const char*, int) {
  if (!data) return;
  auto* block = static_cast<std::uint8_t*>(data) - kBefore;
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  wipe({block, size + kBefore});
  std::free(block);
}

void* wiping_realloc(void* data, std::size_t size, const char* file, int line) {
  if (!data) return wiping_malloc(size, file, line);
  std::size_t before = 0;
  std::memcpy(&before, static_cast<std::uint8_t*>(data) - kBefore, sizeof before);
  void* out = size == 0 ? nullptr : wiping_malloc(size, file, line);
  if (!out && size != 0) return nullptr;
  if (out) std::memcpy(out, data, std::min(before, size));
  wiping_free(data, file, line);
  return out;
}

}  // namespace

bool protect_private_keys() {
  CRYPTO_set_mem_functions(wiping_malloc, wiping_realloc, wiping_free);
  constexpr std::size_t kHeap = 4 << 20;  // 8 KiB for each of 512 friends; one of 4096 bits takes less than 4
  const bool locked = CRYPTO_secure_malloc_init(kHeap, 32) == 1;
  if (OSSL_LIB_CTX_get0_global_default() == nullptr) throw std::bad_alloc();  // who asked for an algorithm now would crash
  return locked;
}

void require_openssl() {
  constexpr unsigned long kLeast = 0x30000080;  // 3.0.8: RSA timing (CVE-2022-4304) mended
  if (OpenSSL_version_num() >= kLeast) return;
  throw std::runtime_error("OpenSSL 3.0.8 or later is needed, and this is " + library_name());
}

}  // namespace gossip::crypto
