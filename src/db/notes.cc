// What the daemon noted for status, meta and counters.
#include <charconv>

#include "db/keys.h"
#include "db/migrate.h"
#include "db/peers.h"
#include "db/schema.h"

namespace gossip::db {

// In the caller's transaction.
template <class Value>
static void put(Database& db, std::string_view key, Value value) {
  db.prepare("INSERT INTO meta(k, v) VALUES(?, ?) ON CONFLICT(k) DO UPDATE SET v=excluded.v").bind(1, key).bind(2, value).run();
}

void note_states(Database& db, const std::vector<PeerState>& states) {
  if (states.empty()) return;
  Transaction transaction(db);
  check_version(db);
  Statement note = db.prepare(
      "INSERT INTO peer_state(peer, side, state, reason, since_ms, next_ms, last_up_ms, failures, pq)"
      " SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM peers WHERE id=?"
      " ON CONFLICT(peer, side) DO UPDATE SET state=excluded.state, reason=excluded.reason, since_ms=excluded.since_ms,"
      " next_ms=excluded.next_ms, failures=excluded.failures, pq=excluded.pq,"
      " last_up_ms=CASE excluded.last_up_ms WHEN 0 THEN last_up_ms ELSE excluded.last_up_ms END");
  for (const PeerState& one : states) {
    note.bind(1, one.side).bind(2, std::string_view(one.state)).bind(3, std::string_view(one.reason)).bind(4, one.since_ms);
    note.bind(5, one.next_ms).bind(6, one.last_up_ms).bind(7, std::int64_t{one.failures});
    note.bind(8, one.pq ? 1 : 0).bind(9, signed_of(one.peer)).run();
  }
  transaction.commit();
}

void clear_states(Database& db, int side) {
  Transaction transaction(db);
  check_version(db);
  db.prepare("DELETE FROM peer_state WHERE side=? AND last_up_ms=0").bind(1, side).run();
  db.prepare("UPDATE peer_state SET state='', reason='', since_ms=0, next_ms=0, failures=0 WHERE side=?").bind(1, side).run();
  transaction.commit();
}

std::vector<PeerState> peer_states(Database& db) {
  Statement rows = db.prepare(
      "SELECT peer, side, state, reason, since_ms, next_ms, last_up_ms, failures, pq FROM peer_state ORDER BY peer, side");
  std::vector<PeerState> out;
  while (rows.step()) {
    out.push_back({static_cast<PeerId>(rows.integer(0)), static_cast<int>(rows.integer(1)), std::string(rows.text(2)),
                   std::string(rows.text(3)), rows.integer(4), rows.integer(5), rows.integer(6),
                   static_cast<unsigned>(rows.integer(7)), rows.integer(8) != 0});
  }
  return out;
}

std::vector<PeerSync> peer_syncs(Database& db) {
  Statement rows = db.prepare("SELECT peer, cursor, acked FROM peer_sync ORDER BY peer");
  std::vector<PeerSync> out;
  while (rows.step()) {
    out.push_back({static_cast<PeerId>(rows.integer(0)), static_cast<Seq>(rows.integer(1)), static_cast<Seq>(rows.integer(2))});
  }
  return out;
}

void note_crashes(Database& db, const std::vector<Crash>& fresh) {
  Transaction transaction(db);
  check_version(db);
  Statement note = db.prepare("INSERT INTO crash(at_ms, peer, mark) SELECT ?, id, ? FROM who WHERE id=?");
  for (const Crash& one : fresh) note.bind(1, one.at_ms).bind(2, one.mark).bind(3, signed_of(one.peer)).run();
  db.exec("DELETE FROM crash WHERE rowid <= (SELECT max(rowid) FROM crash) - 1000");
  add_counter(db, "crashes", static_cast<std::int64_t>(fresh.size()));
  bump_peers(db);
  transaction.commit();
}

bool forget_crashes_of_others(Database& db, std::string_view program) {
  if (meta_get(db, "program") == program) return false;
  Transaction transaction(db);
  check_version(db);
  db.exec("DELETE FROM crash");
  if (db.changes() > 0) read_friends_anew(db);
  put(db, "program", program);
  bump_peers(db);
  transaction.commit();
  return true;
}

std::vector<Crash> crashes(Database& db) {
  Statement rows = db.prepare("SELECT peer, mark, at_ms FROM crash ORDER BY rowid");
  std::vector<Crash> out;
  while (rows.step()) {
    Crash one{static_cast<PeerId>(rows.integer(0)), {}, rows.integer(2)};
    const View mark = rows.blob(1);
    std::copy_n(mark.begin(), std::min(mark.size(), one.mark.size()), one.mark.begin());
    out.push_back(one);
  }
  return out;
}

std::optional<std::string> meta_get(Database& db, std::string_view key) {
  Using row(db.kept("SELECT v FROM meta WHERE k=?"));
  if (!row->bind(1, key).step()) return std::nullopt;
  return std::string(row->text(0));
}

void meta_put(Database& db, std::string_view key, std::string_view value) {
  if (meta_get(db, key) == value) return;
  Transaction transaction(db);
  check_version(db);
  put(db, key, value);
  transaction.commit();
}

std::optional<std::int64_t> meta_number(Database& db, std::string_view key) {
  const auto text = meta_get(db, key);
  std::int64_t out = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), out).ec != std::errc()) return std::nullopt;
  return out;
}

void put_number(Database& db, std::string_view key, std::int64_t value) { put(db, key, value); }

void add_counter(Database& db, std::string_view name, std::int64_t delta) {
  db.prepare("INSERT INTO counter(name, n) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET n=n+excluded.n").bind(1, name).bind(2, delta).run();
}

void add_counters(Database& db, const std::vector<std::pair<std::string, std::uint64_t>>& deltas) {
  if (deltas.empty()) return;
  Transaction transaction(db);
  check_version(db);
  for (const auto& [name, delta] : deltas) add_counter(db, name, signed_of(delta));
  transaction.commit();
}

std::vector<std::pair<std::string, std::int64_t>> counters(Database& db) {
  Statement rows = db.prepare("SELECT name, n FROM counter ORDER BY name");
  std::vector<std::pair<std::string, std::int64_t>> out;
  while (rows.step()) out.emplace_back(rows.text(0), rows.integer(1));
  return out;
}

}  // namespace gossip::db
