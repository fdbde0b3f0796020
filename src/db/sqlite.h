// SQLite behind RAII: Database, Statement, Transaction. Errors are exceptions that say what is wrong and carry a kind;
// where memory ran out, std::bad_alloc.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gossip/bytes.h"

struct sqlite3;
struct sqlite3_stmt;

namespace gossip::db {

enum class Trouble {
  kBusy,       // somebody else holds the database; again later
  kDamaged,    // not a database, or malformed
  kNotOurs,    // another program's, another owner's, a symlink, or modes others can read
  kNewer,      // made by a later version
  kFull,       // no room, or read-only medium
  kIo,         // an I/O error; after a failed fsync only a restart helps
  kMissing,    // no such file and none to be made
  kLocked,     // sealed, and there is no passphrase, or another one
  kOther,
};

const char* hint_for(Trouble trouble);  // what to do about it where nothing else is said; may be empty

class Error : public std::runtime_error {
 public:
  Error(Trouble trouble, const std::string& what) : Error(trouble, what, hint_for(trouble)) {}
  Error(Trouble trouble, const std::string& what, std::string hint)
      : std::runtime_error(what), trouble_(trouble), hint_(std::move(hint)) {}
  Trouble trouble() const { return trouble_; }
  bool may_pass() const { return trouble_ == Trouble::kBusy || trouble_ == Trouble::kFull; }  // the same may succeed later
  const std::string& hint() const { return hint_; }  // what to do about it, or empty

 private:
  Trouble trouble_;
  std::string hint_;
};

// The write succeeded. False: the store takes nothing now (it is full, or busy), and all is as it was. Anything else is not for us
// to judge.
template <class Write>
bool done(Write write) {
  try {
    write();
    return true;
  } catch (const Error& error) {
    if (!error.may_pass()) throw;
    return false;
  }
}

// SQLite has no unsigned integers: ours are stored bit by bit.
inline std::int64_t signed_of(std::uint64_t v) { return static_cast<std::int64_t>(v); }

class Vault;

class Statement {
 public:
  Statement() = default;
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();
  // Parameters count from 1, columns from 0. Bound text and blobs are not copied: they outlive the next reset().
  Statement& bind(int i, std::int64_t v);
  Statement& bind(int i, std::string_view text);
  Statement& bind(int i, View blob);
  Statement& bind(int i, const Statement& from, int column);  // the value there, whatever its type; copied
  bool step();         // true: a row
  void run();          // steps to the end and resets; for statements without rows
  void reset();        // also clears bindings
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;  // until the next step or reset
  View blob(int column) const;
  Hash hash(int column) const;              // zeros where what stands there has another size
  bool null(int column) const;
  bool is_text(int column) const;

 private:
  friend class Database;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* stmt_ = nullptr;
};

class Database {
 public:
  // kRead leaves the file as it is; beside a WAL database it may make an empty -wal and a -shm. kCreate is for a file nobody
  // else sees yet: a rollback journal, and an ordinary close that leaves nothing beside it.
  enum class Mode { kRead, kWrite, kCreate };
  // The one way to open: pragmas of the store (WAL, FULL, foreign keys, secure_delete, defensive ...), no automatic checkpoint,
  // none at close.
  Database(const std::string& path, Mode mode, int busy_timeout_ms);
  static Database in_memory();  // empty, for nobody else
  // The first 100 bytes of the file, zeros where it is shorter; nothing is changed or made. Rationale: read through SQLite, since
  // closing a descriptor of our own would drop the locks of every other connection of this process.
  static Bytes header(const std::string& path);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();
  Statement prepare(std::string_view sql);
  // Prepared once, for what is asked again and again. REQUIRES words that stay where they are, and that it is not in use
  Statement& kept(const char* sql);
  Statement adopt(sqlite3_stmt* prepared);         // one of raw()'s own making; for db/ only
  void exec(const char* sql);
  // The close carries the WAL over and removes it, where this is the last connection of any program. Rationale: SQLite first takes
  // the whole file for itself, so nobody can write meanwhile, and no fence is needed.
  void tidy_at_close();
  std::int64_t number(std::string_view sql);       // first column of the first row; 0 where there is none
  std::vector<std::string> texts(std::string_view sql);  // first column of every row
  std::int64_t pragma(const std::string& name);    // integer value of PRAGMA name
  std::string file() const;                        // the full path
  std::int64_t changes() const;
  std::int64_t last_rowid() const;
  sqlite3* raw() { return db_; }                   // for db/ only
  // What opens sealed values; null: none was given. From then on SQL knows unsealed(COLUMN, ROW, VALUE), see vault.h.
  void set_vault(std::shared_ptr<Vault> vault);
  const std::shared_ptr<Vault>& vault() const { return vault_; }
  [[noreturn]] void fail(const char* call) const;  // throws what went wrong in the last call on raw()

 private:
  Database() = default;
  sqlite3* db_ = nullptr;
  std::shared_ptr<Vault> vault_;
  std::map<const char*, Statement> kept_;
};

// Resets a kept statement at the end of a scope, so that no read transaction outlives it.
class Using {
 public:
  explicit Using(Statement& statement) : statement_(statement) {}
  Using(const Using&) = delete;
  ~Using() { statement_.reset(); }
  Statement* operator->() { return &statement_; }

 private:
  Statement& statement_;
};

// BEGIN IMMEDIATE; rolls back unless commit() returned.
class Transaction {
 public:
  explicit Transaction(Database& db);
  Transaction(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& db_;
  bool open_ = true;
};

// BEGIN: what is read while it lives is all of the moment of the first read. REQUIRES no other transaction on `db`.
class Snapshot {
 public:
  explicit Snapshot(Database& db);
  Snapshot(const Snapshot&) = delete;
  ~Snapshot();

 private:
  Database& db_;
};

}  // namespace gossip::db
