// The database as gossipc opens it, and what every command that changes it does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "db/log.h"
#include "db/peers.h"
#include "db/schema.h"
#include "db/seal.h"
#include "gossipc/commands.h"

namespace gossip::client {

// Where the database is sealed, both open the seal with the passphrase the environment names, in about 0.4 s. A missing file is
// db::Trouble::kMissing.
db::Database open_to_read(const Call& call);
db::Database open_to_write(const Call& call, bool create);
// For what has to do with no name and no key: the passphrase is not asked for.
db::Database open_as_it_is(const Call& call, bool write, bool create = false);
using Passphrase = std::optional<SecretBytes>;
Passphrase read_passphrase(const Call& call);                             // throws Unusable
// Standard input is where the passphrase is. For commands that have no use for it and read a text there: it must not become one.
std::optional<Refusal> input_taken(const Call& call);
std::optional<db::KeyMaker> key_maker(const Passphrase& passphrase);      // REQUIRES the passphrase to outlive it

// What the environment names cannot be used: words for a person, and exit 2.
struct Unusable {
  Refusal refusal;
};

// Size of the network's keys: meta rsa_bits, which gossipd stores, else what is wanted, by GOSSIPD_RSA_BITS.
Result<int> wanted_bits();
int network_bits(db::Database& db, int wanted);

// Rings the daemon's doorbell: false when no daemon answers there.
bool ring(const Call& call);

// Behind a change, what was printed about it goes out. Where it cannot, the change stands all the same: `stands` says so, and what
// now, and the exit code is not 0. A reader who has gone wants none of it, unless it is `needed`.
int put_out(Call& call, const std::string& stands, bool needed = false);

// One transaction, version checked inside it. Nothing of it is stored when it throws.
void append_all(db::Database& db, db::Log& log, const std::vector<Incoming>& messages);

int no_such_peer(db::Database& db, std::string_view name);  // prints, with "did you mean"; gives the exit code
int fail_for(const db::Error& error, const Call& call);     // words and exit code of database trouble

}  // namespace gossip::client
