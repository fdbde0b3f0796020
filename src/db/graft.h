// Where the description of the tables is lost: the one of a whole store is put in its place. Private to the floor.
#pragma once

#include <string>

namespace gossip::db {

// Writes the pages of sqlite_schema in `whole`, a store that was just made, over the same pages of `damaged`. Tables of the same
// schema begin at the same pages in every store that this program made and nothing rebuilt (VACUUM); in others come rows that are
// none, and are refused like any damage. A file that is too short grows. Throws Error.
void graft_tables(const std::string& damaged, const std::string& whole);

}  // namespace gossip::db
