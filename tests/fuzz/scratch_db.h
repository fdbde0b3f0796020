// A database of our own making that is gone when the process is: its folder is taken away as soon as it is open.
#pragma once

#include "db/schema.h"
#include "support/folder.h"

namespace gossip::test {

inline db::Database scratch_db() {
  const Folder folder(Folder::On::kMemory);
  db::Database db = db::open_store(folder / "gossipd.db", {});
  db.pragma("user_version");  // -wal and -shm are there now
  return db;
}

}  // namespace gossip::test
