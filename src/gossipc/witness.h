// Being there: who takes part in a handshake, or makes one up, can tell afterwards what was secret in it. These stand before the
// real primitives and remember that.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "gossip/ports.h"

namespace gossip::client {

// A public key, and what was said under it while we were there. For these ciphertexts that is as good as the private half:
// nobody else can know them, and no other comes up where one makes up both sides of a conversation.
class Overheard final : public PublicKey, public PrivateKey {
 public:
  explicit Overheard(std::shared_ptr<const PublicKey> key) : key_(std::move(key)) {}
  std::size_t size() const override { return key_->size(); }
  void encrypt(View plaintext, View label, MutView out) const override {
    key_->encrypt(plaintext, label, out);
    last_ = Secret32(plaintext);
    said_.insert_or_assign(std::make_pair(Bytes(out.begin(), out.end()), Bytes(label.begin(), label.end())), last_);
  }
  void decrypt(View ciphertext, View label, View fallback, MutView out) const override {
    const auto found = said_.find({Bytes(ciphertext.begin(), ciphertext.end()), Bytes(label.begin(), label.end())});
    const View plaintext = found == said_.end() ? fallback : found->second.view();
    std::copy(plaintext.begin(), plaintext.end(), out.begin());
  }
  const Secret32& last() const { return last_; }  // what was said last

 private:
  std::shared_ptr<const PublicKey> key_;
  mutable std::map<std::pair<Bytes, Bytes>, Secret32> said_;
  mutable Secret32 last_;
};

// A private half of ML-KEM; what it deciphers is noted.
class OverheardKem final : public KemKey {
 public:
  OverheardKem(std::unique_ptr<KemKey> key, Secret32& secret) : key_(std::move(key)), secret_(secret) {}
  void public_key(MutView out) const override { key_->public_key(out); }
  void decapsulate(View ciphertext, MutView secret) const override {
    key_->decapsulate(ciphertext, secret);
    secret_ = Secret32(View{secret});
  }

 private:
  std::unique_ptr<KemKey> key_;
  Secret32& secret_;
};

// The primitives, and what was used last: the X25519 private key, and ML-KEM's secret.
class Witness final : public Crypto, private Kem {
 public:
  explicit Witness(Crypto& real) : real_(real) {}
  Hash sha256(View data) override { return real_.sha256(data); }
  Hash hmac(View key, View data) override { return real_.hmac(key, data); }
  void seal(View key, View nonce, View ad, View plain, MutView out) override { real_.seal(key, nonce, ad, plain, out); }
  bool open(View key, View nonce, View ad, View sealed, MutView out) override { return real_.open(key, nonce, ad, sealed, out); }
  Hash x25519_public(View private_key) override {
    x_ = Secret32(private_key);
    return real_.x25519_public(private_key);
  }
  bool x25519(View private_key, View public_key, MutView out) override { return real_.x25519(private_key, public_key, out); }
  bool equal(View a, View b) override { return real_.equal(a, b); }
  Kem* kem() override { return real_.kem() ? this : nullptr; }
  const Secret32& x() const { return x_; }
  const Secret32& ss_pq() const { return ss_pq_; }

 private:
  std::unique_ptr<KemKey> make_key() override { return std::make_unique<OverheardKem>(real_.kem()->make_key(), ss_pq_); }
  bool encapsulate(View public_key, MutView ciphertext, MutView secret) override {
    return real_.kem()->encapsulate(public_key, ciphertext, secret);
  }
  Crypto& real_;
  Secret32 x_, ss_pq_;
};

}  // namespace gossip::client
