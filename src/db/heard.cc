#include "db/heard.h"

#include "db/sealed.h"

namespace gossip::db {

std::vector<Teller> tellers(Database& db, Seq seq) {
  const std::string name = Columns(db).name_sql("who.name", "w.id", "w.name");
  Statement rows = db.prepare("SELECT " + name + ", t.at_ms, t.delivered FROM (SELECT via AS peer, heard_ms AS at_ms, 1 AS delivered"
                              " FROM log WHERE seq=?1 UNION ALL SELECT peer, at_ms, 0 FROM heard WHERE seq=?1) t"
                              " JOIN who w ON w.id=t.peer ORDER BY t.delivered DESC, t.at_ms, t.peer");
  rows.bind(1, signed_of(seq));
  std::vector<Teller> out;
  while (rows.step()) out.push_back({std::string(rows.text(0)), rows.integer(1), rows.integer(2) != 0});
  return out;
}

// Rationale: seq grows with time, so the eldest lie at the beginning; a clock that was wrong for a while makes some wait.
bool trim_heard(Database& db, std::int64_t before_ms) {
  static constexpr char kWhich[] =
      " FROM heard WHERE seq<=(SELECT max(seq) FROM (SELECT seq FROM heard ORDER BY seq LIMIT 1000))"
      " AND (SELECT heard_ms FROM log WHERE log.seq=heard.seq)<?1";
  Statement some = db.prepare(std::string("SELECT 1") + kWhich + " LIMIT 1");
  if (!some.bind(1, before_ms).step()) return false;
  some.reset();
  Transaction transaction(db);
  db.prepare(std::string("DELETE") + kWhich).bind(1, before_ms).run();
  transaction.commit();
  return true;
}

}  // namespace gossip::db
