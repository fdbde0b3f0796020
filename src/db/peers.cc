#include "db/peers.h"

#include "db/keys.h"
#include "db/schema.h"
#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip::db {

static constexpr char kSelectPeers[] =
    "SELECT p.id, p.gen, p.name, p.key, k.fp, p.pub, p.pub_fp, p.pq_seen FROM peers p JOIN keys k ON k.id=p.key ";

static Hash hash_of(View blob) {
  Hash out{};
  if (blob.size() == out.size()) std::copy(blob.begin(), blob.end(), out.begin());
  return out;
}

static Peer peer_from(const Statement& row) {
  Peer out;
  out.id = static_cast<PeerId>(row.integer(0));
  out.gen = static_cast<std::uint64_t>(row.integer(1));
  out.name = row.text(2);
  out.key_id = row.integer(3);
  out.key_fp = hash_of(row.blob(4));
  View pub = row.blob(5);
  out.pub.assign(pub.begin(), pub.end());
  out.pub_fp = hash_of(row.blob(6));
  out.pq_seen = row.integer(7) != 0;
  return out;
}

static void read_addresses(Statement& rows, Peer& peer) {
  rows.bind(1, signed_of(peer.id));
  while (rows.step()) {
    if (rows.integer(2) != 0) peer.worked = peer.addresses.size();
    peer.addresses.push_back({std::string(rows.text(0)), static_cast<int>(rows.integer(1))});
  }
  rows.reset();
}

static Statement select_addresses(Database& db) {
  return db.prepare("SELECT host, port, worked FROM peer_address WHERE peer=? ORDER BY place");
}

std::vector<Peer> list_peers(Database& db) {
  Statement rows = db.prepare(std::string(kSelectPeers) + "ORDER BY p.name");
  std::vector<Peer> out;
  while (rows.step()) out.push_back(peer_from(rows));
  Statement addresses = select_addresses(db);
  for (Peer& peer : out) read_addresses(addresses, peer);
  return out;
}

std::optional<Peer> find_peer(Database& db, std::string_view name) {
  Statement row = db.prepare(std::string(kSelectPeers) + "WHERE p.name=?");
  if (!row.bind(1, name).step()) return std::nullopt;
  Peer peer = peer_from(row);
  Statement addresses = select_addresses(db);
  read_addresses(addresses, peer);
  return peer;
}

std::vector<std::string> peer_names(Database& db) {
  Statement rows = db.prepare("SELECT name FROM peers ORDER BY name");
  std::vector<std::string> out;
  while (rows.step()) out.emplace_back(rows.text(0));
  return out;
}

std::int64_t peers_version(Database& db) {
  Statement row = db.prepare("SELECT v FROM meta WHERE k='peers'");
  return row.step() ? row.integer(0) : 0;
}

// Cursor, acknowledgement and state belong to one key and one friend: with either they go.
static void forget_sync(Database& db, PeerId peer) {
  db.prepare("DELETE FROM peer_sync WHERE peer=?").bind(1, signed_of(peer)).run();
  db.prepare("DELETE FROM peer_state WHERE peer=?").bind(1, signed_of(peer)).run();
}

static void delete_key(Database& db, std::int64_t key) { db.prepare("DELETE FROM keys WHERE id=?").bind(1, key).run(); }

// In the caller's transaction.
static std::optional<std::int64_t> pick_key(Database& db) {
  Statement row = db.prepare("SELECT id FROM keys WHERE id NOT IN (SELECT key FROM peers) ORDER BY random() LIMIT 1");
  if (!row.step()) return std::nullopt;
  return row.integer(0);
}

static Change finish(Database& db, Transaction& transaction) {
  bump_peers(db);
  transaction.commit();
  return Change::kDone;
}

// In the caller's transaction. Where the one that worked last stays, that is not forgotten.
static void put_addresses(Database& db, PeerId peer, const Addresses& addresses, const std::optional<Address>& worked) {
  GOSSIP_CHECK(addresses.size() <= kMaxAddresses);
  db.prepare("DELETE FROM peer_address WHERE peer=?").bind(1, signed_of(peer)).run();
  Statement put = db.prepare("INSERT INTO peer_address(peer, place, host, port, worked) VALUES(?, ?, ?, ?, ?)");
  std::int64_t place = 0;
  for (const Address& one : addresses) {
    put.bind(1, signed_of(peer)).bind(2, place++).bind(3, std::string_view(one.host)).bind(4, one.port);
    put.bind(5, worked == one ? 1 : 0).run();
  }
}

Change add_peer(Database& db, std::string_view name, const Addresses& addresses) {
  Transaction transaction(db);
  check_version(db);
  if (find_peer(db, name)) return Change::kExists;
  if (peer_names(db).size() >= kMaxPeers) return Change::kFull;
  auto key = pick_key(db);
  if (!key) return Change::kNoKey;
  db.prepare("INSERT INTO who(name) VALUES(?)").bind(1, name).run();
  const std::int64_t id = db.last_rowid();
  db.prepare("INSERT INTO peers(id, name, key, gen) VALUES(?, ?, ?, 1)").bind(1, id).bind(2, name).bind(3, *key).run();
  put_addresses(db, static_cast<PeerId>(id), addresses, {});
  return finish(db, transaction);
}

Change replace_peer(Database& db, std::string_view name, const std::optional<Addresses>& addresses) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  auto key = pick_key(db);
  if (!key) return Change::kNoKey;
  db.prepare("UPDATE peers SET key=?, gen=gen+1, pub=NULL, pub_fp=NULL, pq_seen=0 WHERE id=?")
      .bind(1, *key)
      .bind(2, signed_of(peer->id))
      .run();
  if (addresses) put_addresses(db, peer->id, *addresses, {});
  delete_key(db, peer->key_id);
  forget_sync(db, peer->id);
  return finish(db, transaction);
}

Change set_addresses(Database& db, std::string_view name, const Addresses& addresses) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  if (peer->addresses == addresses) return Change::kSame;
  Statement row = db.prepare("SELECT host, port FROM peer_address WHERE peer=? AND worked=1");
  std::optional<Address> worked;
  if (row.bind(1, signed_of(peer->id)).step()) worked = Address{std::string(row.text(0)), static_cast<int>(row.integer(1))};
  row.reset();
  put_addresses(db, peer->id, addresses, worked);
  return finish(db, transaction);
}

void note_worked(Database& db, PeerId peer, const Address& address) {
  Statement row = db.prepare("SELECT 1 FROM peer_address WHERE peer=? AND host=? AND port=? AND worked=0");
  const bool news = row.bind(1, signed_of(peer)).bind(2, std::string_view(address.host)).bind(3, address.port).step();
  row.reset();
  if (!news) return;
  Transaction transaction(db);
  check_version(db);
  db.prepare("UPDATE peer_address SET worked = (host=?2 AND port=?3) WHERE peer=?1 AND"
             " EXISTS(SELECT 1 FROM peer_address WHERE peer=?1 AND host=?2 AND port=?3)")
      .bind(1, signed_of(peer))
      .bind(2, std::string_view(address.host))
      .bind(3, address.port)
      .run();
  transaction.commit();
}

static bool key_taken(Database& db, const Hash& fp) {
  Statement row = db.prepare("SELECT 1 FROM keys WHERE fp=?1 UNION ALL SELECT 1 FROM peers WHERE pub_fp=?1");
  return row.bind(1, fp).step();
}

Change set_peer_key(Database& db, std::string_view name, View spki_der, const Hash& fp, bool replace) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  const bool had_key = !peer->pub.empty();
  if (had_key && peer->pub_fp == fp) return Change::kSame;
  if (key_taken(db, fp)) return Change::kConflict;
  if (had_key && !replace) return Change::kExists;
  db.prepare("UPDATE peers SET pub=?, pub_fp=?, gen=gen+?, pq_seen=0 WHERE id=?")
      .bind(1, spki_der)
      .bind(2, fp)
      .bind(3, had_key ? 1 : 0)
      .bind(4, signed_of(peer->id))
      .run();
  if (had_key) forget_sync(db, peer->id);
  return finish(db, transaction);
}

bool note_pq_seen(Database& db, PeerId peer, std::uint64_t gen) {
  Statement row = db.prepare("SELECT 1 FROM peers WHERE id=? AND gen=? AND pq_seen=0");
  const bool news = row.bind(1, signed_of(peer)).bind(2, signed_of(gen)).step();
  row.reset();
  if (!news) return false;
  Transaction transaction(db);
  check_version(db);
  db.prepare("UPDATE peers SET pq_seen=1 WHERE id=? AND gen=?").bind(1, signed_of(peer)).bind(2, signed_of(gen)).run();
  return finish(db, transaction) == Change::kDone;
}

Change reset_pq(Database& db, std::string_view name) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  if (!peer->pq_seen) return Change::kSame;
  db.prepare("UPDATE peers SET pq_seen=0 WHERE id=?").bind(1, signed_of(peer->id)).run();
  return finish(db, transaction);
}

Change delete_peer(Database& db, std::string_view name) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  db.prepare("DELETE FROM peers WHERE id=?").bind(1, signed_of(peer->id)).run();  // sync and state rows go with it
  delete_key(db, peer->key_id);
  // What it delivered keeps its name, told apart from a later friend of the same name; '~' is in no peer's name.
  db.prepare("UPDATE who SET name=name || '~' || id WHERE id=?").bind(1, signed_of(peer->id)).run();
  return finish(db, transaction);
}

}  // namespace gossip::db
