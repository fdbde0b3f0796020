// Walks the rows of a table that may be damaged: what cannot be read is stepped over.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "db/sqlite.h"

namespace gossip::db {

struct Walked {
  std::int64_t rows = 0;
  std::int64_t gaps = 0;  // ranges of rowids in which something could not be read
  bool tail_lost = false;  // one of them is at the end, where nobody can say how much there was
};

// Every readable row, in no order, each once. `columns` are SQL expressions; column 0 of the statement is the rowid, those follow.
// Forward up to what errs, backward from the end, then by halves between, the widest range first, for a bounded number of failures.
// Throws Error only for other trouble than damage.
Walked walk(Database& db, const std::string& table, const std::string& columns,
            const std::function<void(const Statement&)>& take);

// Whether what went wrong is the file, and not this program or the machine under it. Damage shows as an I/O error too, where a page
// lies beyond the end.
bool is_damage(const Error& error);

}  // namespace gossip::db
