// The machinery under migrate(), open to its test.
#pragma once

#include <span>
#include <string>

#include "db/sqlite.h"

namespace gossip::db {

using Step = void (*)(Database&);  // inside its transaction; throws when it cannot

// steps[i] takes user_version first + i to first + i + 1, each in an exclusive transaction of its own. Before the first of them a
// copy is made at `path`.vN, N the version it has; a failed step leaves the version before it.
void migrate_by(Database& db, const std::string& path, int first, std::span<const Step> steps);

}  // namespace gossip::db
