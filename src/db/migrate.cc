#include "db/migrate.h"

#include "db/files.h"
#include "db/schema.h"

namespace gossip::db {

static void copy_beside(Database& db, const std::string& path, const std::string& copy) {
  const std::string unfinished = copy + ".new";
  make_private_file(unfinished);
  const std::string target = unfinished.starts_with('/') ? unfinished : "./" + unfinished;
  try {
    db.prepare("VACUUM INTO ?").bind(1, target).run();
    replace_file(unfinished, copy);
  } catch (const Error& error) {
    remove_file(unfinished);
    throw Error(error.trouble(), "the copy before migration of " + path + " failed: " + error.what(), error.hint());
  }
}

static void step_once(Database& db, int from, Step step) {
  db.exec("BEGIN EXCLUSIVE");
  try {
    if (db.pragma("user_version") != from) throw Error(Trouble::kBusy, "another program migrates the database", "try again");
    step(db);
    db.exec(("PRAGMA user_version=" + std::to_string(from + 1)).c_str());
    db.exec("COMMIT");
  } catch (...) {
    try {
      db.exec("ROLLBACK");
    } catch (const Error&) {  // SQLite has rolled back by itself
    }
    throw;
  }
}

void migrate_by(Database& db, const std::string& path, int first, std::span<const Step> steps) {
  const std::int64_t version = db.pragma("user_version"), newest = first + static_cast<std::int64_t>(steps.size());
  if (version == newest) return;
  const std::string found = "database " + path + " has schema " + std::to_string(version);
  if (version > newest) throw Error(Trouble::kNewer, found + ", made by a newer gossipd");
  if (version < first) throw Error(Trouble::kDamaged, found + ", which never was");
  // An older copy may be what a person would go back to.
  copy_beside(db, path, free_name(path + ".v" + std::to_string(version)));
  for (int at = static_cast<int>(version); at < newest; ++at) step_once(db, at, steps[static_cast<std::size_t>(at - first)]);
}

void read_friends_anew(Database& db) { db.exec("UPDATE peer_sync SET cursor=0, tag=zeroblob(8)"); }

void migrate(Database& db, const std::string& path) { migrate_by(db, path, kSchemaVersion, {}); }

}  // namespace gossip::db
