// Pairing by invitation: what each step of it does to a friend (gossip(7), INVITATIONS). Each is one IMMEDIATE transaction, as in
// db/peers.h.
//   inviter:  invite -> [invited()] -> store_invited_key        expire: their key is forgotten, the friend stays
//   invited:  join   -> [joining()] -> finish_joining           expire: the same as finish_joining
// Keys made by hand end it on either side (set_peer_key, replace_peer, delete_peer).
#pragma once

#include "db/peers.h"
#include "gossip/secret.h"

namespace gossip::db {

// A public key and its fingerprint.
struct Public {
  Bytes spki_der;
  Hash fp{};
};
// A friend, new or without a key of theirs; `one_use` stands for theirs until `until_ms`. kExists: there is one whose key is set,
// or who is invited already, and `replace` is false: with it everything is new, as in replace_peer. kNoKey, kFull: as add_peer.
Change invite(Database& db, std::string_view name, const std::optional<Addresses>& addresses, const Public& one_use,
              std::int64_t until_ms, bool replace);
// The friend's own key came, in a session with the keys of `gen`. kSame: it is stored already. kNoSuch: no invitation is open for
// these keys (any more). kConflict: as set_peer_key.
Change store_invited_key(Database& db, PeerId peer, std::uint64_t gen, const Public& theirs, std::int64_t now_ms);

struct Joining {
  Public theirs;
  SecretBytes one_use;  // private DER
  Hash one_use_fp{};
  std::int64_t until_ms = 0;
};
// A friend, new or without a key of theirs: `one_use` is our key for now. kExists: there is one whose key is set. kConflict: the
// invitation was taken already, or is our own. kNoKey, kFull: as add_peer.
Change join(Database& db, std::string_view name, const std::optional<Addresses>& addresses, const Joining& joining);
// They have our key, or may have it and there is no other way: it is the one for this friend, the one-use key goes, gen rises.
// False: that was done already, or `gen` is not that of the one-use key any more.
bool finish_joining(Database& db, PeerId peer, std::uint64_t gen);

bool expire_invitations(Database& db, std::int64_t now_ms);  // true, and a write, only where one was due
std::optional<std::int64_t> next_expiry(Database& db);       // milliseconds since 1970

}  // namespace gossip::db
