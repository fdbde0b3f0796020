#include "db/graph.h"

#include "db/sealed.h"

namespace gossip::db {

static std::string from() { return "(SELECT coalesce(max(seq), 0)-" + std::to_string(kGraphRows) + " FROM log)"; }

std::vector<Delivered> deliveries(Database& db) {
  const std::string name = Columns(db).name_sql("who.name", "w.id", "w.name");
  Statement rows = db.prepare("SELECT w.id, " + name + ", t.n FROM (SELECT via, count(*) AS n FROM log WHERE seq>" + from() +
                              " GROUP BY via) t JOIN who w ON w.id=t.via ORDER BY w.id");
  std::vector<Delivered> out;
  while (rows.step()) out.push_back({static_cast<PeerId>(rows.integer(0)), std::string(rows.text(1)), rows.integer(2)});
  return out;
}

std::vector<Claimed> claims(Database& db) {
  Statement rows = db.prepare("SELECT l.via, b.sender, count(*) AS n FROM log l JOIN body b ON b.seq=l.seq WHERE l.seq>" + from() +
                              " AND b.sender IS NOT NULL GROUP BY l.via, b.sender ORDER BY n DESC, l.via, b.sender LIMIT " +
                              std::to_string(kGraphClaims));
  std::vector<Claimed> out;
  while (rows.step()) out.push_back({static_cast<PeerId>(rows.integer(0)), std::string(rows.text(1)), rows.integer(2)});
  return out;
}

}  // namespace gossip::db
