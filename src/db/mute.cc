#include "db/mute.h"

#include <algorithm>
#include <tuple>

#include "db/peers.h"
#include "db/schema.h"
#include "db/sealed.h"

namespace gossip::db {
namespace {

// A sender is named as it is, a friend by number, which a new name does not change. Those that are over go, too.
bool take_away(Database& db, const Mute& one, const std::optional<std::int64_t>& via, std::int64_t now_ms) {
  db.prepare("DELETE FROM mute WHERE until_ms<=?").bind(1, now_ms).run();
  Statement row = db.prepare(one.from ? "DELETE FROM mute WHERE via=?" : "DELETE FROM mute WHERE sender=?");
  if (via) row.bind(1, *via);
  else if (!one.from) row.bind(1, std::string_view(one.name));
  row.run();
  return db.changes() > 0;
}

}  // namespace

bool mute(Database& db, const Mute& one) {
  Transaction transaction(db);
  check_version(db);
  const std::optional<std::int64_t> via = one.from ? who_named(db, one.name) : std::nullopt;
  if (one.from && !via) return false;
  take_away(db, one, via, 0);
  Statement row = db.prepare("INSERT INTO mute(via, sender, until_ms) VALUES(?, ?, ?)");
  if (via) row.bind(1, *via);
  else row.bind(2, std::string_view(one.name));
  if (one.until_ms) row.bind(3, *one.until_ms);
  row.run();
  transaction.commit();
  return true;
}

bool unmute(Database& db, const Mute& one, std::int64_t now_ms) {
  Transaction transaction(db);
  check_version(db);
  const bool there = take_away(db, one, one.from ? who_named(db, one.name) : std::nullopt, now_ms);
  transaction.commit();
  return there;
}

std::vector<Mute> mutes(Database& db, std::int64_t now_ms) {
  const std::string name = Columns(db).name_sql("who.name", "w.id", "w.name");
  Statement rows = db.prepare("SELECT m.via IS NOT NULL, iif(m.via IS NULL, m.sender, " + name +
                              "), m.until_ms FROM mute m LEFT JOIN who w ON w.id=m.via WHERE m.until_ms IS NULL OR m.until_ms>?");
  rows.bind(1, now_ms);
  std::vector<Mute> out;
  while (rows.step())
    out.push_back({rows.integer(0) != 0, std::string(rows.text(1)), rows.null(2) ? std::nullopt : std::optional(rows.integer(2))});
  std::sort(out.begin(), out.end(), [](const Mute& a, const Mute& b) { return std::tie(a.name, a.from) < std::tie(b.name, b.from); });
  return out;
}

std::string not_muted(std::string_view now) {
  const std::string holds = "(m.until_ms IS NULL OR m.until_ms>" + std::string(now) + ")";
  return " AND l.via NOT IN (SELECT m.via FROM mute m WHERE m.via IS NOT NULL AND " + holds +
         ") AND coalesce(b.sender, '') NOT IN (SELECT m.sender FROM mute m WHERE m.sender IS NOT NULL AND " + holds + ")";
}

}  // namespace gossip::db
