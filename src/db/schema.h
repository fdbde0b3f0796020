// The file: making, checking, migrating it (gossipd(8), FILES). Every program opens it through here.
#pragma once

#include <string>

#include "db/sqlite.h"

namespace gossip::db {

constexpr int kSchemaVersion = 1;
constexpr std::int64_t kApplicationId = 0x676f7370;  // "gosp"

struct OpenOptions {
  int busy_timeout_ms = 5000;  // gossipc 15000
  bool create = true;          // make a missing file and its directory (0700), in one exclusive transaction
  bool write = true;           // false: read only; a missing file is Trouble::kMissing
};

// That the file looks like a store, of this or an older schema, and like one at all: by its first 100 bytes. Throws Error.
void check_header(const std::string& path);
void check_application(const std::string& path);  // that it is no database of another program; it may be none at all

// Checks before it opens: regular file, no symlink, owner is us, no access for others (file, -wal, -shm, directory); then
// application_id and user_version. Throws Error; the file is untouched when it does.
Database open_store(const std::string& path, const OpenOptions& options);

void fill_store(const std::string& path);  // makes a new store of an empty file

// Steps an older schema up, one version per exclusive transaction, after VACUUM INTO a copy beside it. gossipd only, before
// the listener starts. Nothing to do for the newest.
void migrate(Database& db, const std::string& path);

// For a writing program: the version is still ours inside its own transaction. Throws Error(kNewer).
void check_version(Database& db);

}  // namespace gossip::db
