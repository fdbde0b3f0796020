// RSA keypairs: making, loading, and the strict import of a friend's public key (gossip(7), PAIRING).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gossip/ports.h"
#include "gossip/result.h"
#include "gossip/secret.h"

namespace gossip::crypto {

// A new keypair: PKCS#8 DER of the private half (the caller wipes it) and the fingerprint of the public half.
struct NewKey {
  Bytes private_der;
  Hash fp{};
};
// 0.2 to 4 s; safe in a thread of its own. `tick` is called many times a second meanwhile, and must not throw.
NewKey make_key(int bits, const std::function<void()>& tick = {});

// REQUIRE der as made by make_key; throw std::runtime_error when it does not parse (a damaged database).
std::shared_ptr<const PrivateKey> load_private(View private_der);
std::shared_ptr<const PublicKey> load_public(View spki_der);       // used once here, so that no caller sees a slow first time
std::shared_ptr<const PublicKey> public_half(View private_der);
Bytes public_der(View private_der);                                // SPKI
std::string public_pem(View private_der);                          // "-----BEGIN PUBLIC KEY-----" ... with a line end

struct ImportedKey {
  Bytes spki_der;  // re-encoded
  Hash fp{};
  int bits = 0;
};
constexpr std::size_t kMaxPem = 2048;            // of the block
constexpr std::size_t kMaxKeyText = 64 * 1024;   // with a letter around it
// Exactly one BEGIN PUBLIC KEY block in at most 2 KiB, text around it ignored; RSA of exactly 3072 or 4096 bits (2048 as well
// where `network_bits` is 2048), e = 65537, odd n, DER equal to its re-encoding, public check. Not checked here: that it is
// nobody else's (the store knows).
Result<ImportedKey> import_public(std::string_view pem, int network_bits);

// The same of the DER alone, as a KEY frame brings it.
Result<ImportedKey> import_der(View spki_der, int network_bits);

// --- a key by its numbers, big-endian; e = 65537 (gossip(7), INVITATIONS)
Bytes modulus_of(View private_der);                     // as long as a ciphertext
SecretBytes primes_of(View private_der);                // p | q, together as long
Result<ImportedKey> import_modulus(View modulus, int network_bits);
Result<NewKey> key_from_primes(View primes);            // refused where they are not two primes that make a sound key

}  // namespace gossip::crypto
