#include "db/peers.h"

#include <algorithm>

#include "db/keys.h"
#include "db/schema.h"
#include "db/sealed.h"
#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip::db {

static constexpr char kSelectPeers[] =
    "SELECT p.id, p.gen, p.name, p.key, k.fp, p.pub, p.pub_fp, p.pq_seen, p.until_ms, p.next, n.fp"
    " FROM peers p JOIN keys k ON k.id=p.key LEFT JOIN keys n ON n.id=p.next ";

static Peer peer_from(const Columns& columns, const Statement& row) {
  Peer out;
  const std::int64_t id = row.integer(0);
  out.id = static_cast<PeerId>(id);
  out.gen = static_cast<std::uint64_t>(row.integer(1));
  out.name = columns.name("peers.name", id, row, 2);
  out.key_id = row.integer(3);
  out.key_fp = columns.fp("keys.fp", row, 4);
  out.pub_fp = columns.fp("peers.pub_fp", row, 6);
  out.pub = columns.pub(id, out.key_id, out.pub_fp, row, 5);
  out.pq_seen = row.integer(7) != 0;
  out.until_ms = row.integer(8);
  out.next_key = row.integer(9);
  out.next_fp = columns.fp("keys.fp", row, 10);
  return out;
}

static void read_addresses(const Columns& columns, Statement& rows, Peer& peer) {
  const std::int64_t id = signed_of(peer.id);
  rows.bind(1, id);
  while (rows.step()) {
    if (rows.integer(2) != 0) peer.worked = peer.addresses.size();
    peer.addresses.push_back(columns.address(id, rows.integer(3), rows, 0, 1));
  }
  rows.reset();
}

static Statement select_addresses(Database& db) {
  return db.prepare("SELECT host, port, worked, place FROM peer_address WHERE peer=? ORDER BY place");
}

std::vector<Peer> list_peers(Database& db) {
  const Columns columns(db);
  Statement rows = db.prepare(kSelectPeers);
  std::vector<Peer> out;
  while (rows.step()) out.push_back(peer_from(columns, rows));
  Statement addresses = select_addresses(db);
  for (Peer& peer : out) read_addresses(columns, addresses, peer);
  std::sort(out.begin(), out.end(), [](const Peer& a, const Peer& b) { return a.name < b.name; });
  return out;
}

std::optional<Peer> find_peer(Database& db, std::string_view name) {
  const Columns columns(db);
  Statement row = db.prepare(kSelectPeers + ("WHERE " + columns.name_sql("peers.name", "p.id", "p.name")) + "=?");
  if (!row.bind(1, name).step()) return std::nullopt;
  Peer peer = peer_from(columns, row);
  Statement addresses = select_addresses(db);
  read_addresses(columns, addresses, peer);
  return peer;
}

std::optional<std::int64_t> who_named(Database& db, std::string_view name) {
  Statement row = db.prepare("SELECT id FROM who WHERE " + Columns(db).name_sql("who.name", "id", "name") + "=?");
  return row.bind(1, name).step() ? std::optional(row.integer(0)) : std::nullopt;
}

std::vector<std::string> peer_names(Database& db) {
  const Columns columns(db);
  Statement rows = db.prepare("SELECT id, name FROM peers");
  std::vector<std::string> out;
  while (rows.step()) out.push_back(columns.name("peers.name", rows.integer(0), rows, 1));
  std::sort(out.begin(), out.end());
  return out;
}

std::int64_t peers_version(Database& db) { return meta_number(db, "peers").value_or(0); }

// Cursor, acknowledgement and state belong to one key and one friend: with either they go.
void forget_sync(Database& db, PeerId peer) {
  db.prepare("DELETE FROM peer_sync WHERE peer=?").bind(1, signed_of(peer)).run();
  db.prepare("DELETE FROM peer_state WHERE peer=?").bind(1, signed_of(peer)).run();
}

void delete_key(Database& db, std::int64_t key) { db.prepare("DELETE FROM keys WHERE id=?").bind(1, key).run(); }

static void delete_keys(Database& db, const Peer& peer) {
  delete_key(db, peer.key_id);
  if (peer.joining()) delete_key(db, peer.next_key);
}

std::optional<std::int64_t> pick_key(Database& db) {
  Statement row = db.prepare(std::string("SELECT id FROM keys WHERE ") + kUnassigned + " ORDER BY random() LIMIT 1");
  if (!row.step()) return std::nullopt;
  return row.integer(0);
}

Change finish(Database& db, Transaction& transaction) {
  bump_peers(db);
  transaction.commit();
  return Change::kDone;
}

// Where the one that worked last stays, that is not forgotten.
void put_addresses(Database& db, PeerId peer, const Addresses& addresses, const std::optional<Address>& worked) {
  GOSSIP_CHECK(addresses.size() <= kMaxAddresses);
  const Columns columns(db);
  db.prepare("DELETE FROM peer_address WHERE peer=?").bind(1, signed_of(peer)).run();
  Statement row = db.prepare("INSERT INTO peer_address(peer, place, host, port, worked) VALUES(?, ?, ?, ?, ?)");
  std::int64_t place = 0;
  for (const Address& one : addresses) {
    const Columns::Place stored = columns.address(signed_of(peer), place, one);
    put(row.bind(1, signed_of(peer)).bind(2, place++), 3, stored.host).bind(4, stored.port);
    row.bind(5, worked == one ? 1 : 0).run();
  }
}

static void name_who(Database& db, std::int64_t id, std::string_view name) {
  const Stored stored = Columns(db).name("who.name", id, name);
  Statement row = db.prepare("UPDATE who SET name=? WHERE id=?");
  put(row, 1, stored).bind(2, id).run();
}

Change insert_peer(Database& db, std::string_view name, const Addresses& addresses) {
  if (find_peer(db, name)) return Change::kExists;
  if (peer_names(db).size() >= kMaxPeers) return Change::kFull;
  auto key = pick_key(db);
  if (!key) return Change::kNoKey;
  db.exec("INSERT INTO who(name) VALUES('')");  // the name is sealed for its row
  const std::int64_t id = db.last_rowid();
  name_who(db, id, name);
  const Stored stored = Columns(db).name("peers.name", id, name);
  Statement row = db.prepare("INSERT INTO peers(id, name, key, gen) VALUES(?, ?, ?, 1)");
  put(row, 2, stored).bind(1, id).bind(3, *key).run();
  put_addresses(db, static_cast<PeerId>(id), addresses, {});
  return Change::kDone;
}

Change add_peer(Database& db, std::string_view name, const Addresses& addresses) {
  Transaction transaction(db);
  check_version(db);
  const Change change = insert_peer(db, name, addresses);
  return change == Change::kDone ? finish(db, transaction) : change;
}

Change renew_peer(Database& db, std::string_view name, const std::optional<Addresses>& addresses) {
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  auto key = pick_key(db);
  if (!key) return Change::kNoKey;
  db.prepare("UPDATE peers SET key=?, gen=gen+1, pub=NULL, pub_fp=NULL, pq_seen=0, until_ms=0, next=NULL WHERE id=?")
      .bind(1, *key)
      .bind(2, signed_of(peer->id))
      .run();
  if (addresses) put_addresses(db, peer->id, *addresses, {});
  delete_keys(db, *peer);
  forget_sync(db, peer->id);
  return Change::kDone;
}

Change replace_peer(Database& db, std::string_view name, const std::optional<Addresses>& addresses) {
  Transaction transaction(db);
  check_version(db);
  const Change change = renew_peer(db, name, addresses);
  return change == Change::kDone ? finish(db, transaction) : change;
}

Change set_addresses(Database& db, std::string_view name, const Addresses& addresses) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  if (peer->addresses == addresses) return Change::kSame;
  Statement row = db.prepare("SELECT 1 FROM peer_address WHERE peer=? AND worked=1");
  std::optional<Address> worked;
  if (row.bind(1, signed_of(peer->id)).step()) worked = peer->addresses[peer->worked];
  row.reset();
  put_addresses(db, peer->id, addresses, worked);
  return finish(db, transaction);
}

// Where the address stands among the friend's, unless it is noted already, or not there any more.
static std::optional<std::int64_t> place_to_note(Database& db, PeerId peer, const Address& address) {
  const Columns columns(db);
  Statement rows = select_addresses(db);
  rows.bind(1, signed_of(peer));
  while (rows.step()) {
    const std::int64_t place = rows.integer(3);
    if (columns.address(signed_of(peer), place, rows, 0, 1) != address) continue;
    return rows.integer(2) == 0 ? std::optional(place) : std::nullopt;
  }
  return std::nullopt;
}

void note_worked(Database& db, PeerId peer, const Address& address) {
  if (!place_to_note(db, peer, address)) return;
  Transaction transaction(db);
  check_version(db);
  const std::optional<std::int64_t> place = place_to_note(db, peer, address);
  if (!place) return;
  db.prepare("UPDATE peer_address SET worked = (place=?2) WHERE peer=?1").bind(1, signed_of(peer)).bind(2, *place).run();
  transaction.commit();
}

bool key_taken(Database& db, const Hash& fp) {
  const Columns columns(db);
  const Stored ours = columns.fp("keys.fp", fp), theirs = columns.fp("peers.pub_fp", fp);
  Statement row = db.prepare("SELECT 1 FROM keys WHERE fp=?1 UNION ALL SELECT 1 FROM peers WHERE pub_fp=?2");
  put(row, 1, ours);
  return put(row, 2, theirs).step();
}

void set_keys(Database& db, const Peer& peer, std::int64_t key, View spki_der, const Hash& fp) {
  const Columns columns(db);
  const Stored pub = columns.pub(signed_of(peer.id), key, fp, spki_der), pub_fp = columns.fp("peers.pub_fp", fp);
  const bool had_key = !peer.pub.empty();
  Statement row = db.prepare("UPDATE peers SET key=?, pub=?, pub_fp=?, gen=gen+?, pq_seen=0, until_ms=0, next=NULL WHERE id=?");
  put(row.bind(1, key), 2, pub);
  put(row, 3, pub_fp).bind(4, had_key ? 1 : 0).bind(5, signed_of(peer.id)).run();
  if (key != peer.key_id) delete_key(db, peer.key_id);
  if (had_key) forget_sync(db, peer.id);
}

Change set_peer_key(Database& db, std::string_view name, View spki_der, const Hash& fp, bool replace) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  if (peer->has_their_key() && peer->pub_fp == fp) return Change::kSame;
  if (key_taken(db, fp)) return Change::kConflict;
  if (peer->has_their_key() && !replace) return Change::kExists;
  set_keys(db, *peer, peer->our_key(), spki_der, fp);
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

Change rename_peer(Database& db, std::string_view name, std::string_view to) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  if (name == to) return Change::kSame;
  if (find_peer(db, to)) return Change::kExists;
  const std::int64_t id = signed_of(peer->id);
  const Stored stored = Columns(db).name("peers.name", id, to);
  Statement row = db.prepare("UPDATE peers SET name=? WHERE id=?");
  put(row, 1, stored).bind(2, id).run();
  name_who(db, id, to);
  return finish(db, transaction);
}

Change delete_peer(Database& db, std::string_view name) {
  Transaction transaction(db);
  check_version(db);
  auto peer = find_peer(db, name);
  if (!peer) return Change::kNoSuch;
  db.prepare("DELETE FROM peers WHERE id=?").bind(1, signed_of(peer->id)).run();  // sync and state rows go with it
  delete_keys(db, *peer);
  // What it delivered keeps its name, told apart from a later friend of the same name; '~' is in no peer's name.
  name_who(db, signed_of(peer->id), peer->name + "~" + std::to_string(peer->id));
  return finish(db, transaction);
}

}  // namespace gossip::db
