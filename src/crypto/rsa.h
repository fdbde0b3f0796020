// RSAES-OAEP on OpenSSL. Private to the floor.
#pragma once

#include "crypto/keys.h"
#include "crypto/raii.h"
#include "gossip/ports.h"

namespace gossip::crypto {

PkeyPtr parse_private(View private_der);   // as load_private
NewKey stored_form(const PkeyPtr& keypair);

class RsaPublic final : public PublicKey {
 public:
  explicit RsaPublic(PkeyPtr key);  // used once here: a freshly parsed key is slower the first time, and a caller would see it
  std::size_t size() const override { return size_; }
  void encrypt(View plaintext, View label, MutView out) const override;

 private:
  PkeyPtr key_;
  std::size_t size_;
};

class RsaPrivate final : public PrivateKey {
 public:
  explicit RsaPrivate(PkeyPtr key);
  std::size_t size() const override { return size_; }
  void decrypt(View ciphertext, View label, View fallback, MutView out) const override;

 private:
  PkeyPtr key_;
  std::size_t size_;
};

}  // namespace gossip::crypto
