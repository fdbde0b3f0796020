#include "db/backup.h"

#include <sqlite3.h>

#include <algorithm>
#include <optional>

#include "db/files.h"
#include "db/inspect.h"
#include "db/schema.h"
#include "gossip/chain.h"

namespace gossip::db {
namespace {

constexpr int kPagesAtOnce = 256;
constexpr std::int64_t kMoreThanWere = 1000, kNoSuchWho = std::int64_t{1} << 40;  // numbers left out; one that cannot be

[[noreturn]] void damaged(Database& db, const std::string& how) {
  throw Error(Trouble::kDamaged, "database " + db.file() + " is damaged: " + how);
}

void copy_pages(Database& from, Database& to, const Progress& progress) {
  std::unique_ptr<sqlite3_backup, int (*)(sqlite3_backup*)> copy(sqlite3_backup_init(to.raw(), "main", from.raw(), "main"),
                                                                  sqlite3_backup_finish);
  if (!copy) to.fail("backup");
  int rc = SQLITE_OK;
  while ((rc = sqlite3_backup_step(copy.get(), kPagesAtOnce)) == SQLITE_OK) {
    const std::int64_t all = sqlite3_backup_pagecount(copy.get());
    progress(all - sqlite3_backup_remaining(copy.get()), all);
  }
  if (sqlite3_backup_finish(copy.release()) != SQLITE_OK || rc != SQLITE_DONE) to.fail("backup");
}

std::string journal(Database& db, const char* change) {
  Statement row = db.prepare(std::string("PRAGMA journal_mode") + change);
  return row.step() ? std::string(row.text(0)) : std::string();
}

// Gives the number of messages there were.
std::int64_t copy_all(Database& db, const std::string& to, const Progress& progress) {
  Snapshot snapshot(db);
  const std::int64_t rows = db.number("SELECT count(*) FROM log");
  Database target(to, Database::Mode::kCreate, 0);
  copy_pages(db, target, progress);
  // It then needs no file beside it, and can be read from a medium that is read only.
  if (journal(target, "=DELETE") != "delete") throw Error(Trouble::kIo, "database " + to + " cannot be written");
  return rows;
}

// All of the store goes into its one file. False for one that is damaged or newer: it is left as it is, and only put aside.
bool gather(const std::string& path) try {
  Database old(path, Database::Mode::kWrite, 0);
  if (journal(old, "=DELETE") != "delete") throw Error(Trouble::kBusy, "");
  return true;
} catch (const Error& error) {
  if (error.trouble() == Trouble::kBusy)
    throw Error(Trouble::kBusy, "database " + path + " is open in another program", "end it and try again");
  if (error.trouble() == Trouble::kFull) throw;
  return false;
}

std::optional<std::int64_t> last_who_at(const std::string& path) try {
  Database old(path, Database::Mode::kRead, 0);
  return last_who(old);
} catch (const Error&) {
  return std::nullopt;
}

// Reads it again: nothing of it is remembered.
Copied fill(Database& db, const Unfinished& copy, const Progress& progress) try {
  const std::int64_t rows = copy_all(db, copy.path(), progress);
  Copied out;
  Database again(copy.path(), Database::Mode::kRead, 0);
  out.messages = check_whole(again);
  if (out.messages != rows) damaged(again, "it is not what was copied");
  out.bytes = size_of(copy.path());
  return out;
} catch (const Error& error) {
  if (error.trouble() != Trouble::kDamaged) throw;
  throw Error(Trouble::kDamaged, "database " + db.file() + " cannot be copied: " + error.what(), error.hint());
}

// What the old store still has beside it belongs to it, and must not be taken for the new one's.
void move_beside(const std::string& from, const std::string& to) {
  for (const char* rest : {"-wal", "-journal"})
    if (size_of(from + rest) > 0) replace_file(from + rest, to + rest);
}

// The old store gets its second name first: from then on all of it is under that one, or on its way there.
void put_in_place(Unfinished& copy, const std::string& path, const std::string& kept, bool old) try {
  if (old) link_file(path, kept);
  move_beside(path, kept);
  for (const char* rest : {"-shm", "-wal", "-journal"}) remove_file(path + rest);
  copy.name(path, true);
} catch (const Error&) {
  if (size_of(copy.path()) == 0) throw;  // it has its name, and the old one is needed as `kept`
  try {
    move_beside(kept, path);
    remove_file(kept);
  } catch (const Error&) {  // all of it is there, under the two names
  }
  throw;
}

}  // namespace

std::optional<std::int64_t> last_who(Database& db) try {
  Statement row = db.prepare("SELECT seq FROM sqlite_sequence WHERE name='who'");
  return row.step() && row.integer(0) < kNoSuchWho ? std::optional(row.integer(0)) : std::nullopt;
} catch (const Error&) {
  return std::nullopt;
}

void go_on_counting(Database& db, std::optional<std::int64_t> last, bool sure) {
  db.prepare("UPDATE sqlite_sequence SET seq=max(seq + ?, ?) WHERE name='who'")
      .bind(1, sure && last ? 0 : kMoreThanWere).bind(2, last.value_or(0)).run();
}

std::int64_t check_whole(Database& db) {
  Statement check = db.prepare("PRAGMA integrity_check(1)");
  if (!check.step() || check.text(0) != "ok") damaged(db, std::string(check.text(0)));
  check.reset();
  if (db.pragma("user_version") == kSchemaVersion && !has_all_tables(db)) damaged(db, "its tables are not as they were made");
  if (db.prepare("PRAGMA foreign_key_check").step()) damaged(db, "a row refers to one that is not there");
  const std::int64_t rows = db.number("SELECT count(*) FROM log");
  if (rows != db.number("SELECT coalesce(max(seq), 0) FROM log")) damaged(db, "its log has a hole");
  if (db.number("SELECT count(*) FROM log_chain") != rows / static_cast<std::int64_t>(kChainStep))
    damaged(db, "the chain of its log has a hole");
  return rows;
}

Copied copy_store(Database& db, const std::string& to, const Progress& progress, bool replace) {
  Unfinished copy(to);
  const Copied out = fill(db, copy, progress);
  copy.name(to, replace);
  return out;
}

Copied restore_store(const std::string& from, const std::string& path, const std::string& kept, const Progress& progress) {
  check_directory(directory_of(path), true);
  check_header(from);
  if (check_file(path) > 0) check_application(path);
  Database source(from, Database::Mode::kRead, 5000);
  Unfinished copy(path);
  const Copied out = fill(source, copy, progress);
  {
    DirectoryLock lock(directory_of(path));  // nobody opens it meanwhile
    const bool old = check_file(path) > 0, whole = old && gather(path);
    {
      Database made(copy.path(), Database::Mode::kCreate, 0);
      go_on_counting(made, old ? last_who_at(path) : std::nullopt, whole);
    }
    put_in_place(copy, path, kept, old);
  }
  open_store(path, {.create = false});  // as every program does: it is there, and in the mode it is used in
  return out;
}

}  // namespace gossip::db
