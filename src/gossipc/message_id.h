// A message by its id, as people type it.
#pragma once

#include <string>

#include "db/messages.h"

namespace gossip::client {

// The one message whose id this is, or begins with this. Else prints why not, and gives the exit code.
int find_one(db::Database& db, const std::string& typed, db::Found& out);

}  // namespace gossip::client
