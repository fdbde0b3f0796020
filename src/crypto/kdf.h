// The key that seals a database, made from a passphrase by scrypt (RFC 7914).
// Rationale: always scrypt, though newer OpenSSL has Argon2id: a database sealed anywhere opens everywhere.
#pragma once

#include <string>

#include "gossip/bytes.h"
#include "gossip/result.h"
#include "gossip/secret.h"

namespace gossip::crypto {

// How the key is made, as it is kept beside what it seals: algorithm u8 = 1 (scrypt) | log2 N u8 | r u8 | p u8 | salt 16.
constexpr std::size_t kKdfSize = 20;
Bytes fresh_kdf();                   // N = 2^17, r = 8, p = 1 (128 MiB, about 0.4 s), a new salt
std::string kdf_words(View kdf);     // "scrypt, N 131072, r 8, p 1"
// Refused before any work: other algorithms and sizes, and what is weaker than fresh_kdf() or takes more than 1 GiB: a file
// somebody prepared can neither weaken the key nor take the machine's memory. Throws std::runtime_error when memory is short.
Result<Secret32> derive_key(View passphrase, View kdf);

}  // namespace gossip::crypto
