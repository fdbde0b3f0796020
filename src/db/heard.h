// Who told us of a message: the one who delivered it, which the log keeps for ever, and in the table heard, for a while, the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

struct Teller {
  std::string name;        // as delivered_by shows it; "self" for what was written here
  std::int64_t at_ms = 0;  // delivered: when it was stored. Else: when they first told of it, which may have been before that
  bool delivered = false;
};
// The one who delivered it first, then the others in the order in which they told us of it. Empty: no such row.
std::vector<Teller> tellers(Database& db, Seq seq);

// Deletes rows of the eldest messages, where those were stored before `before_ms`; a small batch in one transaction. False: there
// is nothing more to delete.
bool trim_heard(Database& db, std::int64_t before_ms);

}  // namespace gossip::db
