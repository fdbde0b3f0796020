// Copies of a whole store: taken while others use it, and put in its place (gossipc(1), backup, restore). Sealed values are copied
// as they are, so no passphrase is needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "db/files.h"

namespace gossip::db {

struct Copied {
  std::int64_t messages = 0, bytes = 0;
};

// The last number that a friend was given; nothing where that cannot be known.
std::optional<std::int64_t> last_who(Database& db);
// No number of a friend is given twice, nor one that was given in the other store, whose last one was `last`: what friends are told
// of our log is derived from it. Unless that was the last for sure, some are left out.
void go_on_counting(Database& db, std::optional<std::int64_t> last, bool sure);

// Reads all of a store and looks whether it is whole: pages and indexes, tables and references, and that the log has no holes.
// Gives the number of messages. Throws Error(kDamaged).
std::int64_t check_whole(Database& db);

// The store of this moment, as one file with mode 0600 and nothing beside it, that was read again and found whole before it got its
// name (files.h, Unfinished); with `replace` in the place of what has that name. Nothing of it is left when this throws.
// Rationale: a snapshot is held while the copy is made. It keeps no writer waiting and only the WAL from being begun anew; without
// it each commit of the daemon would start the copy over.
Copied copy_store(Database& db, const std::string& to, const Progress& progress, bool replace = false);

// Puts a copy of the store `from` in the place of the one at `path`, which is kept as `kept`; where there is none, it is made, with
// its directory. Numbers of friends go on from those of the old one. At every moment the one or the other is there, whole, and
// nothing else ever is `kept` than the old one. REQUIRES the daemon's lock, and no file `kept`.
// Throws Error: kBusy while another program has the store open, kIo where there are no hard links. The store at `path` is untouched
// then.
Copied restore_store(const std::string& from, const std::string& path, const std::string& kept, const Progress& progress);

}  // namespace gossip::db
