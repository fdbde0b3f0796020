#include "crypto/ml_kem.h"

#include "gossip/check.h"

namespace gossip::crypto {
namespace {

constexpr const char* kName = "ML-KEM-768";
using KeymgmtPtr = std::unique_ptr<EVP_KEYMGMT, Free<EVP_KEYMGMT_free>>;

PkeyCtxPtr context(EVP_PKEY* key) {
  return own<PkeyCtxPtr>(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr), "EVP_PKEY_CTX_new_from_pkey");
}

class MlKemKey final : public KemKey {
 public:
  explicit MlKemKey(PkeyPtr key) : key_(std::move(key)) {}
  void public_key(MutView out) const override;
  void decapsulate(View ciphertext, MutView secret) const override;

 private:
  PkeyPtr key_;  // OpenSSL wipes the private half when it goes
};

void MlKemKey::public_key(MutView out) const {
  GOSSIP_CHECK(out.size() == kKemPublic);
  std::size_t size = out.size();
  const int done = EVP_PKEY_get_raw_public_key(key_.get(), out.data(), &size);
  need(done == 1 && size == out.size(), "EVP_PKEY_get_raw_public_key");
}

void MlKemKey::decapsulate(View ciphertext, MutView secret) const {
  GOSSIP_CHECK(ciphertext.size() == kKemCiphertext && secret.size() == 32);
  const PkeyCtxPtr ctx = context(key_.get());
  need(EVP_PKEY_decapsulate_init(ctx.get(), nullptr) == 1, "EVP_PKEY_decapsulate_init");
  std::size_t size = secret.size();
  const int done = EVP_PKEY_decapsulate(ctx.get(), secret.data(), &size, ciphertext.data(), ciphertext.size());
  need(done == 1 && size == secret.size(), "EVP_PKEY_decapsulate");
}

// Rationale: the fetched method is only kept so that the library does not look for it anew each time.
class MlKem final : public Kem {
 public:
  explicit MlKem(KeymgmtPtr method) : method_(std::move(method)) {}
  std::unique_ptr<KemKey> make_key() override;
  bool encapsulate(View public_key, MutView ciphertext, MutView secret) override;

 private:
  KeymgmtPtr method_;
};

std::unique_ptr<KemKey> MlKem::make_key() {
  return kem_key_of(own<PkeyPtr>(EVP_PKEY_Q_keygen(nullptr, nullptr, kName), "EVP_PKEY_Q_keygen"));
}

bool MlKem::encapsulate(View public_key, MutView ciphertext, MutView secret) {
  GOSSIP_CHECK(public_key.size() == kKemPublic && ciphertext.size() == kKemCiphertext && secret.size() == 32);
  const PkeyPtr key(EVP_PKEY_new_raw_public_key_ex(nullptr, kName, nullptr, public_key.data(), public_key.size()));
  if (!key) {
    ERR_clear_error();
    return false;
  }
  const PkeyCtxPtr ctx = context(key.get());
  need(EVP_PKEY_encapsulate_init(ctx.get(), nullptr) == 1, "EVP_PKEY_encapsulate_init");
  std::size_t size = ciphertext.size(), secret_size = secret.size();
  const int done = EVP_PKEY_encapsulate(ctx.get(), ciphertext.data(), &size, secret.data(), &secret_size);
  need(done == 1 && size == ciphertext.size() && secret_size == secret.size(), "EVP_PKEY_encapsulate");
  return true;
}

}  // namespace

std::unique_ptr<KemKey> kem_key_of(PkeyPtr keypair) { return std::make_unique<MlKemKey>(std::move(keypair)); }

std::unique_ptr<Kem> make_kem() {
  KeymgmtPtr method(EVP_KEYMGMT_fetch(nullptr, kName, nullptr));
  ERR_clear_error();
  return method ? std::make_unique<MlKem>(std::move(method)) : nullptr;
}

}  // namespace gossip::crypto
