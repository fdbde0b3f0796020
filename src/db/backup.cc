#include "db/backup.h"

#include <sqlite3.h>

#include <optional>

#include "db/files.h"
#include "db/schema.h"
#include "gossip/chain.h"

namespace gossip::db {
namespace {

constexpr int kPagesAtOnce = 256;

constexpr const char* kColumns[] = {  // what every program relies on
    "k, v FROM meta", "name, n FROM counter", "id, name FROM who", "seq, scope, epoch, id, via, heard_ms, size FROM log",
    "seq, head, sender, text FROM body", "seq, chain FROM log_chain",
    "own, texts, bytes, own_bytes FROM total", "id, fp, private FROM keys",
    "id, name, key, pub, pub_fp, gen, pq_seen FROM peers", "peer, place, host, port, worked FROM peer_address",
    "peer, gen, log_id, cursor, tag, acked, day, taken FROM peer_sync", "peer, side, state, reason FROM peer_state",
    "seq, id FROM v_messages", "id, name FROM v_peers"};

[[noreturn]] void damaged(Database& db, const std::string& how) {
  throw Error(Trouble::kDamaged, "database " + db.file() + " is damaged: " + how, "put a backup in its place");
}

std::int64_t number(Database& db, const std::string& sql) {
  Statement row = db.prepare(sql);
  return row.step() ? row.integer(0) : 0;
}

// Older schemas may lack some of it; gossipd steps them up.
void check_tables(Database& db) try {
  if (db.pragma("user_version") != kSchemaVersion) return;
  for (const char* one : kColumns) db.prepare(std::string("SELECT ") + one);
} catch (const Error& error) {
  if (error.trouble() != Trouble::kOther) throw;
  damaged(db, "its tables are not as they were made");
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
  const std::int64_t rows = number(db, "SELECT count(*) FROM log");
  Database target(to, Database::Mode::kCreate, 0);
  copy_pages(db, target, progress);
  // It then needs no file beside it, and can be read from a medium that is read only.
  if (journal(target, "=DELETE") != "delete") throw Error(Trouble::kIo, "database " + to + " cannot be written");
  return rows;
}

void remove_all(const std::string& path) {
  for (const char* rest : {"", "-wal", "-shm", "-journal"}) remove_file(path + rest);
}

// All of the store goes into its one file. A damaged or newer one is left as it is: it is only put aside.
void gather(const std::string& path) try {
  Database old(path, Database::Mode::kWrite, 0);
  if (journal(old, "=DELETE") != "delete") throw Error(Trouble::kBusy, "");
} catch (const Error& error) {
  if (error.trouble() == Trouble::kBusy)
    throw Error(Trouble::kBusy, "database " + path + " is open in another program", "end it and try again");
  if (error.trouble() == Trouble::kFull) throw;
}

// What the old store still has beside it belongs to it, and must not be taken for the new one's.
void put_aside(const std::string& path, const std::string& kept) {
  remove_file(path + "-shm");
  for (const char* rest : {"-wal", "-journal"})
    if (size_of(path + rest) > 0) replace_file(path + rest, kept + rest);
  for (const char* rest : {"-wal", "-journal"}) remove_file(path + rest);
}

}  // namespace

std::int64_t check_whole(Database& db) {
  Statement check = db.prepare("PRAGMA integrity_check(1)");
  if (!check.step() || check.text(0) != "ok") damaged(db, std::string(check.text(0)));
  check.reset();
  check_tables(db);
  if (db.prepare("PRAGMA foreign_key_check").step()) damaged(db, "a row refers to one that is not there");
  const std::int64_t rows = number(db, "SELECT count(*) FROM log");
  if (rows != number(db, "SELECT coalesce(max(seq), 0) FROM log")) damaged(db, "its log has a hole");
  if (number(db, "SELECT count(*) FROM log_chain") != rows / static_cast<std::int64_t>(kChainStep))
    damaged(db, "the chain of its log has a hole");
  return rows;
}

Copied copy_store(Database& db, const std::string& to, const Progress& progress) {
  const std::string unfinished = to + ".unfinished";
  remove_all(unfinished);
  make_private_file(unfinished);
  try {
    const std::int64_t rows = copy_all(db, unfinished, progress);
    Copied out;
    {
      Database again(unfinished, Database::Mode::kRead, 0);  // nothing of it is remembered
      out.messages = check_whole(again);
      if (out.messages != rows) damaged(again, "it is not what was copied");
    }
    out.bytes = size_of(unfinished);
    replace_file(unfinished, to);
    return out;
  } catch (const Error& error) {
    remove_all(unfinished);
    if (error.trouble() != Trouble::kDamaged) throw;
    throw Error(Trouble::kDamaged, "database " + db.file() + " cannot be copied: " + error.what(), error.hint());
  } catch (...) {
    remove_all(unfinished);
    throw;
  }
}

Copied restore_store(const std::string& from, const std::string& path, const std::string& kept, const Progress& progress) {
  check_directory(directory_of(path), true);
  check_header(from);
  if (check_file(path) > 0) check_application(path);
  Database source(from, Database::Mode::kRead, 5000);
  const Copied out = copy_store(source, kept, progress);  // under the old one's name to be: the two change places
  {
    DirectoryLock lock(directory_of(path));  // nobody opens it meanwhile
    const bool old = check_file(path) > 0;
    try {
      if (old) gather(path);
    } catch (...) {
      remove_all(kept);
      throw;
    }
    put_aside(path, kept);
    if (old) exchange_files(path, kept);
    else replace_file(kept, path);
  }
  open_store(path, {.create = false});  // as every program does: it is there, and in the mode it is used in
  return out;
}

}  // namespace gossip::db
