#include "db/schema.h"

#include <sys/random.h>

#include <cerrno>

#include "db/files.h"
#include "db/tables.h"
#include "gossip/secret.h"

namespace gossip::db {

static void random_bytes(MutView out) {
  while (!out.empty()) {
    ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(Trouble::kOther, "getrandom: errno " + std::to_string(errno));
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

// The version numbers come with the tables in one transaction; WAL last, so that the header of a whole file says all of it.
void fill_store(const std::string& path) {
  Database db(path, Database::Mode::kCreate, 0);
  Secret32 key;
  random_bytes(key.mut());
  db.exec("PRAGMA auto_vacuum=INCREMENTAL");  // so that pages can be given back (retention.h); it must be said before any table
  db.exec("BEGIN EXCLUSIVE");
  db.exec(kTables);
  db.prepare("INSERT INTO meta(k, v) VALUES('log_key', ?)").bind(1, key.view()).run();
  db.exec("INSERT INTO meta(k, v) VALUES('peers', 1)");
  db.exec(("PRAGMA application_id=" + std::to_string(kApplicationId)).c_str());
  db.exec(("PRAGMA user_version=" + std::to_string(kSchemaVersion)).c_str());
  db.exec("COMMIT");
  db.exec("PRAGMA journal_mode=WAL");
}

// Made beside its place and renamed into it, under a lock: whoever looks finds nothing or a whole database, and a crash leaves
// at most a file that the next attempt replaces.
static void make_store(const std::string& path) {
  DirectoryLock lock(directory_of(path));
  if (check_file(path) >= 0) return;  // somebody was quicker
  if (check_file(path + "-wal") > 0) {
    throw Error(Trouble::kDamaged, "there is " + path + "-wal but no " + path,
                "they belong together: put the database back, or move the -wal file away");
  }
  for (const char* rest : {"-wal", "-shm", "-journal"}) remove_file(path + rest);
  const std::string unfinished = path + ".new";
  for (const char* rest : {"-wal", "-shm", "-journal"}) remove_file(unfinished + rest);
  make_private_file(unfinished);
  fill_store(unfinished);
  replace_file(unfinished, path);
}

static std::uint32_t big_endian(const Bytes& header, std::size_t at) { return Reader(View(header).subspan(at)).u32(); }

[[noreturn]] static void newer(const std::string& path, std::int64_t version) {
  throw Error(Trouble::kNewer, "database " + path + " has schema " + std::to_string(version) + ", made by a newer gossipd",
              "this program knows schemas up to " + std::to_string(kSchemaVersion) + "; install the newer one");
}

// Where a -wal has something, the rest may be in there. The length after the header: the file only grows.
static void check_length(const std::string& path, const Bytes& header) {
  if (size_of(path + "-wal") > 0 || big_endian(header, 24) != big_endian(header, 92)) return;
  const std::uint64_t page = Reader(View(header).subspan(16)).u16(), wanted = (page == 1 ? 65536 : page) * big_endian(header, 28);
  const auto there = static_cast<std::uint64_t>(size_of(path));
  if (there >= wanted) return;
  throw Error(Trouble::kDamaged, path + " is cut off: " + std::to_string(there) + " of " + std::to_string(wanted) + " bytes are there");
}

// Offsets: SQLite file format 1.3. All of it is in the file from the start, whatever the WAL holds.
static bool is_database(const std::string& path, const Bytes& header) {
  static constexpr std::string_view kMagic{"SQLite format 3\0", 16};
  return size_of(path) >= 512 && as_text(View(header).first(16)) == kMagic;
}

void check_application(const std::string& path) {
  Bytes header = Database::header(path);
  if (is_database(path, header) && big_endian(header, 68) != kApplicationId)
    throw Error(Trouble::kNotOurs, path + " is a database of another program", "check GOSSIPD_DB_PATH");
}

void check_header(const std::string& path) {
  Bytes header = Database::header(path);
  if (!is_database(path, header)) {
    throw Error(Trouble::kDamaged, path + " is not a database", "check GOSSIPD_DB_PATH, or put a backup in its place");
  }
  check_application(path);
  std::uint32_t version = big_endian(header, 60);
  if (version > kSchemaVersion) newer(path, version);
  check_length(path, header);
}

static void check_files(const std::string& path, const OpenOptions& options) {
  const bool create = options.create && options.write;
  check_directory(directory_of(path), create);
  std::int64_t size = check_file(path);
  for (const char* rest : {"-wal", "-shm"}) check_file(path + rest);
  if (size == 0) {
    throw Error(Trouble::kDamaged, path + " is empty: what it held is gone",
                "put a backup in its place with gossipc restore, or remove it, and its -wal, to begin with nothing");
  }
  if (size < 0) {
    if (!create) throw Error(Trouble::kMissing, "no database at " + path, "start gossipd once, or check GOSSIPD_DB_PATH");
    make_store(path);
  }
  check_header(path);
}

// A migration may still be in the WAL, and a file may be ours and torn.
static void check_contents(Database& db, const std::string& path) {
  std::int64_t version = db.pragma("user_version");
  if (version > kSchemaVersion) newer(path, version);
  try {
    Statement key = db.prepare("SELECT length(v) FROM meta WHERE k='log_key'");
    if (key.step() && key.integer(0) == 32) return;
  } catch (const Error& error) {
    if (error.trouble() != Trouble::kOther) throw;
  }
  throw Error(Trouble::kDamaged, "database " + path + " is damaged: its first table is not as it was made");
}

Database open_store(const std::string& path, const OpenOptions& options) {
  if (path.empty()) throw Error(Trouble::kMissing, "no path to a database", "set GOSSIPD_DB_PATH");
  check_files(path, options);
  DirectoryLock lock(directory_of(path), true);  // so that what is opened is what has that name, with the -wal of that name
  Database db(path, options.write ? Database::Mode::kWrite : Database::Mode::kRead, options.busy_timeout_ms);
  check_contents(db, path);
  return db;
}

void check_version(Database& db) {
  std::int64_t version = db.pragma("user_version");
  if (version > kSchemaVersion) newer(db.file(), version);
  if (version < kSchemaVersion) {
    throw Error(Trouble::kNotOurs, "database " + db.file() + " has the older schema " + std::to_string(version),
                "start gossipd once: it brings it up to date");
  }
}

}  // namespace gossip::db
