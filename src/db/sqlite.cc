#include "db/sqlite.h"

#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>

#include "db/files.h"
#include "db/vault.h"

namespace gossip::db {

static_assert(sizeof(sqlite3_int64) == sizeof(std::int64_t));

// SQLite says SQLITE_FULL itself where a write found no room, but not where a file could not be made or the -shm not grow.
// Rationale: these may be tried again, a failed fsync never, whatever its errno: the kernel may have dropped the pages.
static bool no_room(sqlite3* db, int code) {
  if (code != SQLITE_IOERR_SHMSIZE && code != SQLITE_IOERR_SHMMAP && (code & 0xff) != SQLITE_CANTOPEN) return false;
  int error = sqlite3_system_errno(db);
  return error == ENOSPC || error == EDQUOT;
}

static Trouble trouble_of(sqlite3* db, int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return Trouble::kBusy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Trouble::kDamaged;
    case SQLITE_FULL:
    case SQLITE_READONLY: return Trouble::kFull;
    case SQLITE_IOERR: return no_room(db, code) ? Trouble::kFull : Trouble::kIo;
    case SQLITE_CANTOPEN: return no_room(db, code) ? Trouble::kFull : Trouble::kIo;
    default: return Trouble::kOther;
  }
}

const char* hint_for(Trouble trouble) {
  switch (trouble) {
    case Trouble::kBusy: return "another program is writing; try again";
    case Trouble::kDamaged: return "gossipc recover saves what can be read; or put a backup in its place";
    case Trouble::kFull: return "make room on the disk, or make it writable";
    case Trouble::kIo: return "the system's log may tell what is wrong with the disk, or with the file's permissions";
    default: return "";
  }
}

// Ours for SQLite's standard ones; where it says more than those (an SQL error, a function's), what it says.
static std::string words_for(sqlite3* db, int code, Trouble trouble) {
  const char* said = sqlite3_errmsg(db);
  if (std::strcmp(said, sqlite3_errstr(code)) != 0) return std::string(": ") + said;
  switch (trouble) {
    case Trouble::kBusy: return " is in use by another program";
    case Trouble::kDamaged: return " is damaged";
    case Trouble::kFull: return (code & 0xff) == SQLITE_READONLY ? " cannot be written" : " has no room";
    case Trouble::kIo: return (code & 0xff) == SQLITE_CANTOPEN ? " cannot be opened" : " cannot be read or written";
    default: return std::string(": ") + said;
  }
}

static std::string file_of(sqlite3* db) {
  const char* file = sqlite3_db_filename(db, "main");
  return file ? file : "";
}

[[noreturn]] static void throw_error(sqlite3* db, const char* call, const std::string& file) {
  int code = sqlite3_extended_errcode(db);
  if ((code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM) throw std::bad_alloc();
  Trouble trouble = trouble_of(db, code);
  std::string what = "database " + file + words_for(db, code, trouble);
  int error = sqlite3_system_errno(db);
  if ((trouble == Trouble::kIo || trouble == Trouble::kFull) && error != 0) what += std::string(": ") + std::strerror(error);
  const std::string where = trouble == Trouble::kOther ? std::string(call) + ", " : "";
  what += " (" + where + "SQLite code " + std::to_string(code) + ")";
  throw Error(trouble, what);
}

[[noreturn]] static void throw_error(sqlite3* db, const char* call) { throw_error(db, call, file_of(db)); }

// --- Statement

Statement::Statement(Statement&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), stmt_(std::exchange(other.stmt_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(db_, other.db_);
  std::swap(stmt_, other.stmt_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(stmt_); }

Statement& Statement::bind(int i, std::int64_t v) {
  if (sqlite3_bind_int64(stmt_, i, v) != SQLITE_OK) throw_error(db_, "bind");
  return *this;
}

// A null pointer would bind NULL: an empty text or blob is not that.
Statement& Statement::bind(int i, std::string_view text) {
  const char* data = text.data() ? text.data() : "";
  if (sqlite3_bind_text64(stmt_, i, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK) throw_error(db_, "bind");
  return *this;
}

Statement& Statement::bind(int i, View blob) {
  const void* data = blob.data() ? static_cast<const void*>(blob.data()) : "";
  if (sqlite3_bind_blob64(stmt_, i, data, blob.size(), SQLITE_STATIC) != SQLITE_OK) throw_error(db_, "bind");
  return *this;
}

Statement& Statement::bind(int i, const Statement& from, int column) {
  if (sqlite3_bind_value(stmt_, i, sqlite3_column_value(from.stmt_, column)) != SQLITE_OK) throw_error(db_, "bind");
  return *this;
}

bool Statement::step() {
  switch (sqlite3_step(stmt_)) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: break;
  }
  try {
    throw_error(db_, "step");
  } catch (...) {  // the words are taken; now let go of the locks
    reset();
    throw;
  }
}

void Statement::run() {
  while (step()) {}
  reset();
}

void Statement::reset() {
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(stmt_, column); }

std::string_view Statement::text(int column) const {
  auto data = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  return data ? std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column))) : std::string_view();
}

View Statement::blob(int column) const {
  auto data = static_cast<const std::uint8_t*>(sqlite3_column_blob(stmt_, column));
  return {data, data ? static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column)) : 0};
}

Hash Statement::hash(int column) const {
  Hash out{};
  if (const View bytes = blob(column); bytes.size() == out.size()) std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

bool Statement::null(int column) const { return sqlite3_column_type(stmt_, column) == SQLITE_NULL; }

bool Statement::is_text(int column) const { return sqlite3_column_type(stmt_, column) == SQLITE_TEXT; }

// --- Database

// Rationale: the count that nobody asks for takes a mutex at each malloc and free. Once SQLite is in use it says no, and counts on.
static void count_no_memory() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(once);
}

static int open_flags(Database::Mode mode) {
  switch (mode) {
    case Database::Mode::kRead: return SQLITE_OPEN_READONLY;
    case Database::Mode::kWrite: return SQLITE_OPEN_READWRITE;
    case Database::Mode::kCreate: return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  }
  return 0;
}

static void set_switch(sqlite3* db, int which, int value) {
  if (sqlite3_db_config(db, which, value, nullptr) != SQLITE_OK) throw_error(db, "db_config");
}

// A relative name gets "./", so that one like "file:x" or ":memory:" means a file too.
static std::string plain_name(const std::string& path) { return path.starts_with('/') ? path : "./" + path; }

// Where nothing can be written SQLite cannot make the -shm that it reads a WAL database with, unless it is told that it needs none.
static std::string frozen_name(const std::string& path) {
  std::string out = "file:";
  for (const char c : plain_name(path)) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '.';
    const auto byte = static_cast<unsigned char>(c);
    plain ? out += c : ((out += '%') += "0123456789abcdef"[byte >> 4]) += "0123456789abcdef"[byte & 15];
  }
  return out + "?immutable=1";
}

Database::Database(const std::string& path, Mode mode, int busy_timeout_ms) {
  const bool still = mode == Mode::kRead && frozen(path);
  const std::string name = still ? frozen_name(path) : plain_name(path);
  const int flags = open_flags(mode) | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX | (still ? SQLITE_OPEN_URI : 0);
  count_no_memory();
  int rc = sqlite3_open_v2(name.c_str(), &db_, flags, nullptr);
  try {
    if (db_ == nullptr) throw std::bad_alloc();
    if (rc != SQLITE_OK) throw_error(db_, "open", path);
    sqlite3_busy_timeout(db_, busy_timeout_ms);
    set_switch(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, mode != Mode::kCreate);
    set_switch(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
    set_switch(db_, SQLITE_DBCONFIG_DEFENSIVE, 1);
    exec(
        "PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
        "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;");
    if (mode == Mode::kWrite) exec("PRAGMA journal_mode=WAL");
    exec("PRAGMA journal_size_limit=67108864");
  } catch (...) {
    sqlite3_close_v2(db_);
    throw;
  }
}

Database Database::in_memory() {
  Database out;
  const int rc = sqlite3_open_v2(":memory:", &out.db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, nullptr);
  if (out.db_ == nullptr) throw Error(Trouble::kOther, "database in memory: out of memory");
  if (rc != SQLITE_OK) throw_error(out.db_, "open", "in memory");
  return out;
}

Bytes Database::header(const std::string& path) {
  sqlite3* db = nullptr;
  count_no_memory();
  int rc = sqlite3_open_v2(plain_name(path).c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> closer(db, sqlite3_close_v2);
  if (db == nullptr) throw std::bad_alloc();
  if (rc != SQLITE_OK) throw_error(db, "open", path);
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file->pMethods == nullptr) {
    throw Error(Trouble::kIo, "database " + path + ": cannot be read");
  }
  Bytes out(100);
  rc = file->pMethods->xRead(file, out.data(), static_cast<int>(out.size()), 0);
  if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ) {
    throw Error(Trouble::kIo, "database " + path + ": read: code " + std::to_string(rc));
  }
  return out;
}

Database::Database(Database&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), vault_(std::move(other.vault_)), kept_(std::move(other.kept_)) {}

Database::~Database() {
  kept_.clear();
  sqlite3_close_v2(db_);
}

Statement Database::prepare(std::string_view sql) {
  Statement out;
  out.db_ = db_;
  if (sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &out.stmt_, nullptr) != SQLITE_OK)
    throw_error(db_, "prepare");
  return out;
}

Statement Database::adopt(sqlite3_stmt* prepared) {
  Statement out;
  out.db_ = db_;
  out.stmt_ = prepared;
  return out;
}

Statement& Database::kept(const char* sql) {
  const auto there = kept_.find(sql);
  return there != kept_.end() ? there->second : kept_.emplace(sql, prepare(sql)).first->second;
}

void Database::exec(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) throw_error(db_, "exec");
}

static void unsealed(sqlite3_context* context, int, sqlite3_value** arguments) {
  auto* vault = static_cast<Vault*>(sqlite3_user_data(context));
  const auto bytes_of = [&](int i) -> View {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_value_blob(arguments[i]));
    return {data, data ? static_cast<std::size_t>(sqlite3_value_bytes(arguments[i])) : 0};
  };
  const std::int64_t row = sqlite3_value_int64(arguments[1]);
  if (row == 0) return sqlite3_result_value(context, arguments[2]);  // ourselves: no secret
  try {
    const std::string text = vault->open_text({as_text(bytes_of(0)), row}, bytes_of(2));
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } catch (const std::exception& error) {
    sqlite3_result_error(context, error.what(), -1);
    sqlite3_result_error_code(context, SQLITE_CORRUPT);
  }
}

void Database::set_vault(std::shared_ptr<Vault> vault) {
  vault_ = std::move(vault);
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  if (sqlite3_create_function_v2(db_, "unsealed", 3, flags, vault_.get(), vault_ ? unsealed : nullptr, nullptr, nullptr, nullptr) !=
      SQLITE_OK)
    throw_error(db_, "create_function");
}

std::int64_t Database::number(std::string_view sql) {
  Statement row = prepare(sql);
  return row.step() ? row.integer(0) : 0;
}

std::vector<std::string> Database::texts(std::string_view sql) {
  Statement rows = prepare(sql);
  std::vector<std::string> out;
  while (rows.step()) out.emplace_back(rows.text(0));
  return out;
}

std::int64_t Database::pragma(const std::string& name) { return number("PRAGMA " + name); }

void Database::tidy_at_close() { set_switch(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0); }
void Database::fail(const char* call) const { throw_error(db_, call); }
std::string Database::file() const { return file_of(db_); }
std::int64_t Database::changes() const { return sqlite3_changes64(db_); }
std::int64_t Database::last_rowid() const { return sqlite3_last_insert_rowid(db_); }

// --- Transaction, Snapshot

Transaction::Transaction(Database& db) : db_(db) { db_.exec("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (!open_ || sqlite3_get_autocommit(db_.raw())) return;  // SQLite rolls back by itself after some errors
  sqlite3_exec(db_.raw(), "ROLLBACK", nullptr, nullptr, nullptr);
}

// After a failed sync the kernel may have dropped what was written, and shows it all the same to whoever reads: a later process
// would find this transaction in the WAL, put others behind it, and a power cut would take them all. So its first frame is spoilt:
// recovery stops there, and the next writer writes over it. Offsets: SQLite file format 4.1, WAL-mode file format 2.1.
static void spoil_unsynced(Database& db) {
  constexpr std::int64_t kWalHeader = 32;
  constexpr std::array<char, 24> kNoFrame{};
  constexpr std::size_t kLastFrame = 4;  // of 32 bits each
  const std::int64_t page = db.pragma("page_size");
  Transaction nobody_writes(db);
  sqlite3_file *file = nullptr, *wal = nullptr;
  sqlite3_file_control(db.raw(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  sqlite3_file_control(db.raw(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
  void volatile* index = nullptr;
  if (file->pMethods->xShmMap(file, 0, 32768, 0, &index) != SQLITE_OK || index == nullptr) return;
  const std::int64_t frames = static_cast<const std::uint32_t volatile*>(index)[kLastFrame];
  const int size = static_cast<int>(kNoFrame.size());
  if (wal->pMethods) wal->pMethods->xWrite(wal, kNoFrame.data(), size, kWalHeader + frames * (size + page));
}

void Transaction::commit() try {
  db_.exec("COMMIT");
  open_ = false;
} catch (const Error&) {
  if (sqlite3_extended_errcode(db_.raw()) != SQLITE_IOERR_FSYNC) throw;
  try {
    spoil_unsynced(db_);
  } catch (const Error&) {  // somebody else writes, over it
  }
  throw;
}

Snapshot::Snapshot(Database& db) : db_(db) { db_.exec("BEGIN"); }
Snapshot::~Snapshot() { sqlite3_exec(db_.raw(), "ROLLBACK", nullptr, nullptr, nullptr); }

}  // namespace gossip::db
