// Where the description of the tables is lost: the one of a whole store is put in its place. Private to the floor.
#pragma once

#include <string>

namespace gossip::db {

// Writes the pages of sqlite_schema in `whole`, a store that was just made, over the same pages of `damaged`. Tables of the same
// schema begin at the same pages in every store that was made by this program and never rebuilt (VACUUM); in others rows come out
// that are none, and are refused like any damage. False when `damaged` is too short, or has other pages. Throws Error.
bool graft_tables(const std::string& damaged, const std::string& whole);

}  // namespace gossip::db
