#include "db/ping.h"

#include "db/schema.h"

namespace gossip::db {

std::int64_t ask_ping(Database& db, PeerId peer, std::int64_t now_ms) {
  constexpr std::int64_t kMinuteMs = 60'000;
  Transaction transaction(db);
  check_version(db);
  db.prepare("DELETE FROM ping WHERE asked_ms NOT BETWEEN ?1 AND ?2").bind(1, now_ms - kMinuteMs).bind(2, now_ms + kMinuteMs).run();
  db.prepare("INSERT INTO ping(peer, asked_ms) VALUES(?, ?)").bind(1, signed_of(peer)).bind(2, now_ms).run();
  const std::int64_t id = db.last_rowid();
  transaction.commit();
  return id;
}

std::vector<Ping> open_pings(Database& db) {
  Using rows(db.kept("SELECT id, peer FROM ping WHERE took_us IS NULL"));
  std::vector<Ping> out;
  while (rows->step()) out.push_back({rows->integer(0), static_cast<PeerId>(rows->integer(1))});
  return out;
}

void answer_ping(Database& db, std::int64_t id, std::int64_t took_us) {
  Transaction transaction(db);
  check_version(db);
  db.prepare("UPDATE ping SET took_us=?2 WHERE id=?1 AND took_us IS NULL").bind(1, id).bind(2, took_us).run();
  transaction.commit();
}

std::optional<std::int64_t> ping_answer(Database& db, std::int64_t id) {
  Statement row = db.prepare("SELECT took_us FROM ping WHERE id=? AND took_us IS NOT NULL");
  if (!row.bind(1, id).step()) return std::nullopt;
  return row.integer(0);
}

void forget_ping(Database& db, std::int64_t id) {
  Transaction transaction(db);
  check_version(db);
  db.prepare("DELETE FROM ping WHERE id=?").bind(1, id).run();
  transaction.commit();
}

}  // namespace gossip::db
