// Shared by peers.cc, keys.cc and invite.cc: steps of a change, in the caller's transaction.
#pragma once

#include "db/peers.h"

namespace gossip::db {

constexpr char kUnassigned[] = "id NOT IN (SELECT key FROM peers) AND id NOT IN (SELECT next FROM peers WHERE next IS NOT NULL)";

void bump_peers(Database& db);  // meta.peers + 1
Change finish(Database& db, Transaction& transaction);  // bumps and commits; kDone

std::optional<std::int64_t> pick_key(Database& db);     // a random unassigned one
std::int64_t insert_key(Database& db, View private_der, const Hash& fp);
void delete_key(Database& db, std::int64_t key);
bool key_taken(Database& db, const Hash& fp);           // one of ours, or another friend's

Change insert_peer(Database& db, std::string_view name, const Addresses& addresses);                // as add_peer
Change renew_peer(Database& db, std::string_view name, const std::optional<Addresses>& addresses);  // as replace_peer
void put_addresses(Database& db, PeerId peer, const Addresses& addresses, const std::optional<Address>& worked);
void forget_sync(Database& db, PeerId peer);
// `key` is ours from now on and `spki_der` theirs; an invitation ends, and our other key goes. Where there was a key of theirs,
// gen rises, and cursor and state go.
void set_keys(Database& db, const Peer& peer, std::int64_t key, View spki_der, const Hash& fp);

}  // namespace gossip::db
