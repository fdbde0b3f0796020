// Shared by peers.cc and keys.cc.
#pragma once

#include "db/sqlite.h"

namespace gossip::db {

void bump_peers(Database& db);  // meta.peers + 1, in the caller's transaction

}  // namespace gossip::db
