// The machinery under migrate(), open to its test.
#pragma once

#include <span>
#include <string>

#include "db/sqlite.h"

namespace gossip::db {

using Step = void (*)(Database&);  // inside its transaction; throws when it cannot

// steps[i] takes user_version first + i to first + i + 1, each in an exclusive transaction of its own. Before the first of them a
// copy is made at `path`.vN, N the version it has, or `path`.vN-2 and so on where there is one: 0600, and kept. A failed step leaves
// the version before it, a failed copy everything as it was.
void migrate_by(Database& db, const std::string& path, int first, std::span<const Step> steps);

// For a version that knows more kinds, scopes or flags, or has a bug less: what was refused before is listed once more by every
// friend. In the caller's transaction.
void read_friends_anew(Database& db);

}  // namespace gossip::db
