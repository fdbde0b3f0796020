#include "db/keys.h"

#include "db/peers.h"
#include "db/schema.h"

namespace gossip::db {

static Bytes bytes_of(View blob) { return {blob.begin(), blob.end()}; }

void bump_peers(Database& db) { db.exec("UPDATE meta SET v=v+1 WHERE k='peers'"); }

// The row id says nothing about when it was made; two of 2^63 do not meet.
void add_key(Database& db, View private_der, const Hash& fp) {
  Transaction transaction(db);
  check_version(db);
  db.prepare("INSERT INTO keys(id, fp, private) VALUES(max(1, random() & 0x7fffffffffffffff), ?, ?)")
      .bind(1, fp)
      .bind(2, private_der)
      .run();
  bump_peers(db);
  transaction.commit();
}

static std::int64_t count(Database& db, const char* sql) {
  Statement row = db.prepare(sql);
  row.step();
  return row.integer(0);
}

std::int64_t unassigned_keys(Database& db) {
  return count(db, "SELECT count(*) FROM keys WHERE id NOT IN (SELECT key FROM peers)");
}

std::int64_t assigned_keys(Database& db) { return count(db, "SELECT count(*) FROM peers"); }

std::optional<Bytes> private_key(Database& db, std::int64_t key_id) {
  Statement row = db.prepare("SELECT private FROM keys WHERE id=?");
  if (!row.bind(1, key_id).step()) return std::nullopt;
  return bytes_of(row.blob(0));
}

std::optional<Bytes> random_unassigned_key(Database& db) {
  Statement row = db.prepare(
      "SELECT private FROM keys WHERE id="
      "(SELECT id FROM keys WHERE id NOT IN (SELECT key FROM peers) ORDER BY random() LIMIT 1)");
  if (!row.step()) return std::nullopt;
  return bytes_of(row.blob(0));
}

}  // namespace gossip::db
