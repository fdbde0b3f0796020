// Looking a store over without changing it (gossipc(1), fsck).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

// What SQLite finds wrong with pages, indexes and references, at most `most` lines; empty: nothing.
std::vector<std::string> integrity(Database& db, int most);

// Tables, indexes and views that are not as this version makes them: "table log", "view v_peers". Empty: all are.
std::vector<std::string> foreign_schema(Database& db);

// Whether every table and view of this version is there and can be asked for every column, whatever then comes of it. Without the
// index of words: it can be made anew.
bool has_all_tables(Database& db);
std::vector<std::string> columns_of(Database& db, const std::string& table);  // in their order; none where there is no such table

// Every kept text against its id, and what the log says of it.
struct Rehashed {
  std::int64_t right = 0;
  std::int64_t wrong = 0;       // the text gives another id
  std::int64_t missing = 0;     // the log has its size, and there is no text
  std::int64_t stray = 0;       // texts that no row of the log names
  std::int64_t chains = 0;      // kept values of the chain over the log that are not right, or not there
  std::int64_t holes = 0;       // positions that are left out
  std::vector<Seq> first_wrong;  // at most 10
  bool fine() const { return wrong + missing + stray + chains + holes == 0; }
};
// `progress` is told how many rows of how many are done, about every 500. Throws Error where rows cannot be read.
Rehashed rehash(Database& db, Crypto& crypto, const std::function<void(Seq done, Seq all)>& progress = {});

std::int64_t heard_after(Database& db, std::int64_t wall_ms);  // messages whose time of hearing is later

struct KeyRow {
  std::int64_t id = 0;
  Hash fp{};
  Bytes private_der;  // the caller wipes it
};
// REQUIRES an unlocked store. Throws Error, where a sealed value does not open.
void each_key(Database& db, const std::function<void(const KeyRow&)>& take);

}  // namespace gossip::db
