// Vault: seals single values of the database under one key (gossipd(8), SECURITY CONSIDERATIONS).
//   sealed := nonce 12 | ChaCha20-Poly1305 of the value | tag 16
// The associated data names table, column and row, and what must go with it in that row: no value can be put elsewhere, or beside
// another. Nonces are random; those of fingerprints follow from the value, so that equal ones are sealed to equal bytes, can be
// looked up and be UNIQUE.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

struct Place {
  std::string_view column;  // "keys.private"
  std::int64_t row = 0;
  View beside = {};
};

class Vault {
 public:
  static constexpr std::size_t kAdds = 12 + 16;
  static constexpr std::size_t kText = 96;  // every text is as long as the longest: 64 bytes, '~' and a number

  // `mark`: what the store keeps of how the key was made, so that it shows when that changes. One thread only.
  Vault(std::shared_ptr<Crypto> crypto, std::shared_ptr<Rng> rng, View key, Bytes mark);
  const Bytes& mark() const { return mark_; }

  Bytes seal(const Place& place, View plain);
  Bytes seal_text(const Place& place, std::string_view text);  // REQUIRES no NUL in it, and at most kText bytes
  Bytes seal_fp(std::string_view column, const Hash& fp);
  // Throws Error(kDamaged), which names the column, when the bytes are not what was sealed there.
  Bytes open(const Place& place, View sealed);
  std::string open_text(const Place& place, View sealed);
  Hash open_fp(std::string_view column, View sealed);

 private:
  Bytes seal_with(View key, View nonce, const Place& place, View plain);
  Bytes open_with(View key, const Place& place, View sealed);

  std::shared_ptr<Crypto> crypto_;
  std::shared_ptr<Rng> rng_;
  Secret32 rows_, fps_, nonces_;  // keys
  Bytes mark_;
};

}  // namespace gossip::db
