// A database of our own making that is gone when the process is: its folder is taken away as soon as it is open.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <unistd.h>

#include "db/schema.h"
#include "gossip/check.h"

namespace gossip::test {

inline db::Database scratch_db() {
  std::string folder = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/gossip-fuzz-XXXXXX" : "/tmp/gossip-fuzz-XXXXXX";
  GOSSIP_CHECK(::mkdtemp(folder.data()) != nullptr);
  db::Database db = db::open_store(folder + "/gossipd.db", {});
  db.pragma("user_version");  // -wal and -shm are there now
  std::filesystem::remove_all(folder);
  return db;
}

}  // namespace gossip::test
