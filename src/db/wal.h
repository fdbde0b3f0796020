// How much of a -wal file is in use (SQLite file format, 4.1). Its size does not tell: after a reset it is written over.
#pragma once

#include <cstdint>
#include <string>

namespace gossip::db {

struct WalUse {
  std::uint64_t generation = 0;  // the two salts: new at every reset
  std::uint64_t frames = 0;      // of this generation
  std::uint64_t frame_bytes = 0;
};

// Zeros when there is no WAL or nothing in it. Reads about 20 frame headers. While somebody writes, the newest frames may be
// missed.
WalUse wal_use(const std::string& wal_path);

}  // namespace gossip::db
