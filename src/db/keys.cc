#include "db/keys.h"

#include "db/peers.h"
#include "db/schema.h"
#include "db/sealed.h"

namespace gossip::db {

void bump_peers(Database& db) { db.exec("UPDATE meta SET v=v+1 WHERE k='peers'"); }

// The row id says nothing about when it was made; two of 2^63 do not meet.
std::int64_t insert_key(Database& db, View private_der, const Hash& fp) {
  const Columns columns(db);
  const std::int64_t id = db.number("SELECT max(1, random() & 0x7fffffffffffffff)");
  const Stored stored_fp = columns.fp("keys.fp", fp);
  Stored stored = columns.private_key(id, fp, private_der);
  Statement row = db.prepare("INSERT INTO keys(id, fp, private) VALUES(?, ?, ?)");
  put(row.bind(1, id), 2, stored_fp);
  put(row, 3, stored).run();
  wipe(stored.bytes);
  return id;
}

void add_key(Database& db, View private_der, const Hash& fp) {
  Transaction transaction(db);
  check_version(db);
  insert_key(db, private_der, fp);
  finish(db, transaction);
}

std::int64_t unassigned_keys(Database& db) {
  static const std::string sql = std::string("SELECT count(*) FROM keys WHERE ") + kUnassigned;
  Using row(db.kept(sql.c_str()));
  row->step();
  return row->integer(0);
}

std::int64_t assigned_keys(Database& db) { return db.number("SELECT count(*) + count(next) FROM peers"); }

static std::optional<Bytes> read_key(Database& db, Statement row) {
  const Columns columns(db);
  if (!row.step()) return std::nullopt;
  return columns.private_key(row.integer(0), columns.fp("keys.fp", row, 1), row, 2);
}

std::optional<Bytes> private_key(Database& db, std::int64_t key_id) {
  Statement row = db.prepare("SELECT id, fp, private FROM keys WHERE id=?");
  row.bind(1, key_id);
  return read_key(db, std::move(row));
}

std::optional<Bytes> random_unassigned_key(Database& db) {
  return read_key(db, db.prepare(std::string("SELECT id, fp, private FROM keys WHERE id=(SELECT id FROM keys WHERE ") + kUnassigned +
                                 " ORDER BY random() LIMIT 1)"));
}

}  // namespace gossip::db
