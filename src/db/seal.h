// Sealing the store at rest: names and addresses of friends, deleted ones too, the public keys of the pairs and their fingerprints,
// and every private key, under a key made from a passphrase. Texts, times and counts are not sealed
// (gossipd(8), SECURITY CONSIDERATIONS).
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "db/sqlite.h"
#include "gossip/ports.h"
#include "gossip/result.h"
#include "gossip/secret.h"

namespace gossip::db {

// What the programs bring from the floor of cryptography. `kdf`: how the key is made, kept in meta beside what it seals.
struct KeyMaker {
  std::shared_ptr<Crypto> crypto;
  std::shared_ptr<Rng> rng;
  std::function<Bytes()> fresh_kdf;
  std::function<Result<Secret32>(View kdf)> derive;  // from the passphrase; slow
};

std::optional<Bytes> seal_kdf(Database& db);  // none: the store is not sealed

// Makes `db` able to read and write what is sealed. `maker`: there is a passphrase. A store that holds no name and no key yet is
// sealed with it, where `db` may write. Gives the key, for unlock_with(); none: the store is not sealed.
// Throws Error(kLocked): no passphrase, the wrong one, or one for a store that holds names or keys unsealed. Nothing is changed.
std::optional<Secret32> unlock(Database& db, const std::optional<KeyMaker>& maker, bool may_write);
void unlock_with(Database& db, std::shared_ptr<Crypto> crypto, std::shared_ptr<Rng> rng, View key);

// Seals everything under a new key, or with no `maker` opens everything. REQUIRES `db` unlocked, and no daemon on this store
// (its lock is held). In one transaction, with the file to ourselves: Error(kBusy) while another program has it open. Afterwards
// file and -wal hold nothing of what was there in the old form.
void reseal(Database& db, const std::optional<KeyMaker>& maker);

}  // namespace gossip::db
