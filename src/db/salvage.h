// Salvage: what can be read of a damaged store, put into a new one (gossipc(1), recover).
// Messages are kept where their bytes give their id again, under new positions without holes. Where one was lost, the log is another
// one from then on: it gets a new key, so that friends see that and read it from the start, and what was noted of theirs is
// forgotten, so that they tell us again what we lost.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "db/files.h"
#include "gossip/ports.h"

namespace gossip::db {

struct SalvagedTable {
  std::string name;
  std::int64_t kept = 0;
  std::int64_t refused = 0;  // rows that were read and cannot be: of a wrong form, or belonging to what was lost
  std::int64_t gaps = 0;     // places where rows could not be read
};

struct Salvaged {
  std::int64_t kept = 0;           // messages in the new log
  std::int64_t whole = 0;          // of these, with a text that gives the id again
  std::int64_t without_text = 0;   // of these, whose text was not kept any more
  std::int64_t unknown_via = 0;    // of these, saved without knowing who delivered them
  std::int64_t wrong = 0;          // not kept: their text gives another id
  std::int64_t textless = 0;       // not kept: the text cannot be read
  std::int64_t lost = 0;           // not kept: of the positions that are known to have been there, the rest
  bool tail_unknown = false;       // how many were lost at the end of the log nobody can say
  bool new_log = false;
  bool new_tables = false;  // the tables' own description was lost, and taken to be as it was made
  bool sealed = false, seal_lost = false;
  std::vector<SalvagedTable> tables;  // all others
};

// Says whether a private key parses and has this fingerprint. Asked of keys that are not sealed.
using KeyFits = std::function<bool(View private_der, const Hash& fp)>;

// `damaged` may be written to: a copy that nobody else sees, its -wal beside it. Neither `into` nor anything that SQLite would take
// for a part of it may exist; it is 0600, and gets its name when all is in it (files.h, Unfinished): when this throws, there is none.
// Throws Error: kDamaged, where neither a message nor a friend can be read of a store that is not whole; kNewer; what is wrong with `into`.
Salvaged salvage(const std::string& damaged, const std::string& into, Crypto& crypto, const KeyFits& key_fits,
                 const Progress& progress = [](std::int64_t, std::int64_t) {});

}  // namespace gossip::db
