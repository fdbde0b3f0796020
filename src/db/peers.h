// Peers and keys: who our friends are, the pool of unassigned keypairs, and what is known of each friend's state.
// Every changing function is one IMMEDIATE transaction of its own and checks user_version inside it; those that change peers or
// keys bump meta.peers when they did, so that the daemon's processes notice (peers_version()).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

// Where a friend is dialled: a name, an IPv4 or an IPv6 address (without brackets), and a port.
struct Address {
  std::string host;
  int port = 0;
  bool operator==(const Address&) const = default;
};
using Addresses = std::vector<Address>;  // in the order given, at most kMaxAddresses, no two alike; empty: we never dial

struct Peer {
  PeerId id = 0;
  std::uint64_t gen = 0;
  std::string name;
  Addresses addresses;
  std::size_t worked = 0;      // the one of them at which a session opened last; 0 where none did
  std::int64_t key_id = 0;     // row of our keypair for this friend
  Hash key_fp{};               // fingerprint of our public half
  Bytes pub;                   // their public key (SPKI DER); empty until set-peer-key
  Hash pub_fp{};
  bool pq_seen = false;        // a session with these keys was post-quantum: no other will do
  std::int64_t until_ms = 0;   // an invitation is open until then; 0: none is (db/invite.h)
  std::int64_t next_key = 0;   // we join by it: row of our keypair to be, key_id being the invitation's
  Hash next_fp{};
  bool invited() const { return until_ms > 0 && next_key == 0; }  // pub is the invitation's, and theirs is to come
  bool joining() const { return next_key != 0; }
  bool has_their_key() const { return !pub.empty() && !invited(); }
  std::int64_t our_key() const { return joining() ? next_key : key_id; }  // the one made for this friend
  const Hash& our_fp() const { return joining() ? next_fp : key_fp; }
  bool operator==(const Peer&) const = default;
};

std::vector<Peer> list_peers(Database& db);                                 // by name
std::optional<Peer> find_peer(Database& db, std::string_view name);
std::optional<std::int64_t> who_named(Database& db, std::string_view name);  // a friend, or one of before, as name~N
std::int64_t peers_version(Database& db);                                   // changes with every change to peers or their keys
std::vector<std::string> peer_names(Database& db);                          // for "did you mean"

enum class Change { kDone, kSame, kExists, kNoSuch, kNoKey, kFull, kConflict };
// add_peer takes a random unassigned key in its transaction; kNoKey when there is none (make one, add_key, try again), kExists
// when the name is taken, kFull at kMaxPeers.
Change add_peer(Database& db, std::string_view name, const Addresses& addresses = {});
// add-peer --replace: new key, gen + 1, their key, cursor and state forgotten, old key row deleted, all in one transaction.
// No `addresses`: those there are stay.
Change replace_peer(Database& db, std::string_view name, const std::optional<Addresses>& addresses = {});
// In the place of those there were; key, cursor and state stay. kSame: these very ones, in this order.
Change set_addresses(Database& db, std::string_view name, const Addresses& addresses);
// A session opened at this address. Writes only when the one before opened at another; is no change to peers.
void note_worked(Database& db, PeerId peer, const Address& address);
// kSame: this very key is set already. kExists: another key is set and `replace` is false. kConflict: the key is one of ours
// or another friend's. A replaced key bumps gen and resets cursor and state. An invitation that is open ends with it.
Change set_peer_key(Database& db, std::string_view name, View spki_der, const Hash& fp, bool replace);
// A session with the keys of `gen` was post-quantum. Writes, and gives true, only the first time.
bool note_pq_seen(Database& db, PeerId peer, std::uint64_t gen);
Change reset_pq(Database& db, std::string_view name);                        // sessions may be classical again; kSame: they might
Change delete_peer(Database& db, std::string_view name);                     // and its key rows; the who row stays
// What it delivered bears the new name too. kExists: another friend has it; kSame: the very name it has.
Change rename_peer(Database& db, std::string_view name, std::string_view to);

// --- keys. Unassigned keys are spare and decoy at once: one shape, random ids, no mark, no time.
void add_key(Database& db, View private_der, const Hash& fp);
std::int64_t unassigned_keys(Database& db);
std::int64_t assigned_keys(Database& db);
std::optional<Bytes> private_key(Database& db, std::int64_t key_id);        // PKCS#8 DER; the caller wipes it; none: row gone
std::optional<Bytes> random_unassigned_key(Database& db);                   // private DER of one, for the decoy answer

// --- what the daemon noted, for status. side: 0 we dial, 1 they dial.
struct PeerState {
  PeerId peer = 0;
  int side = 0;
  std::string state;            // "up", "waiting", "outage": waiting, and it seems to be our own network; "": not since we started
  std::string reason;           // gossip::why_code()
  std::int64_t since_ms = 0;    // when state and reason became so
  std::int64_t next_ms = 0;     // when the next try is due; 0: none is
  std::int64_t last_up_ms = 0;  // when it was last known to be up, with the keys of today; 0: never
  unsigned failures = 0;        // in a row
  bool pq = false;              // up, and post-quantum
  bool operator==(const PeerState&) const = default;
};
// One transaction. Friends who are gone are left out; last_up_ms 0 leaves what is there.
void note_states(Database& db, const std::vector<PeerState>& states);
void clear_states(Database& db, int side);  // at start and end: nothing is known but when they were up last
std::vector<PeerState> peer_states(Database& db);
struct PeerSync {
  PeerId peer = 0;
  Seq cursor = 0;      // how far we have read their log
  Seq acked = 0;       // how far they say they have read ours
};
std::vector<PeerSync> peer_syncs(Database& db);

// --- what made a process of ours crash
struct Crash {
  PeerId peer = 0;
  Id12 mark{};              // as Desk has it
  std::int64_t at_ms = 0;
};
void note_crashes(Database& db, const std::vector<Crash>& fresh);  // a change to peers; the last 1,000 are kept, and counted
// Whether another program ran on it last (`program`: which version of it). What made that one crash may do no harm any more: it is
// forgotten, and where there was any, every friend lists its messages once more. REQUIRES that no session is open.
bool forget_crashes_of_others(Database& db, std::string_view program);
std::vector<Crash> crashes(Database& db);                         // in the order of their coming

// --- meta and counters
std::optional<std::string> meta_get(Database& db, std::string_view key);
void meta_put(Database& db, std::string_view key, std::string_view value);  // own transaction; no write when it is that already
// A number; nothing where none stands there. put_number and add_counter are for the caller's transaction.
std::optional<std::int64_t> meta_number(Database& db, std::string_view key);
void put_number(Database& db, std::string_view key, std::int64_t value);
void add_counter(Database& db, std::string_view name, std::int64_t delta);
void add_counters(Database& db, const std::vector<std::pair<std::string, std::uint64_t>>& deltas);  // one transaction
std::vector<std::pair<std::string, std::int64_t>> counters(Database& db);   // by name

}  // namespace gossip::db
