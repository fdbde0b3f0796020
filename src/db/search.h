// The index of words: an FTS5 table over body.text, filled after the fact. Receiving and sending never touch it: it reaches up to a
// mark, what is newer is looked through by whoever asks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

constexpr std::size_t kIndexRows = 512;
constexpr std::size_t kIndexBytes = 512 * 1024;

// What somebody looks for as an FTS5 expression: every word has to be there, in any order, a word with '*' behind it as the beginning
// of one. Whatever is typed, it is no syntax error. Nothing when there is no letter and no digit to look for.
std::optional<std::string> search_expression(std::string_view words);

Seq search_mark(Database& db);  // the index is whole up to here
std::size_t unindexed_bytes(Database& db);  // of the messages behind it; looks at each
// Takes in up to kIndexRows rows or about kIndexBytes of text behind the mark, in one transaction. Gives the new mark.
Seq index_some(Database& db);

// Empties the index, to be filled anew: for one that is damaged. In the caller's transaction. False where even that fails: then nothing
// is in it, as far as anybody asks, and what it has on the disk stays.
bool renew_search(Database& db);
// Whether it may be damaged, after this. A row that is there already where FTS5 writes a new one shows as a constraint.
bool spoils_search(const Error& error);

// For whoever deletes a body, in the same transaction and while the body is still there: its words are found no more. They are gone
// from the file when squeeze_search() is through. A damaged index is renewed.
void forget_text(Database& db, Seq seq);
bool squeeze_due(Database& db);
// One short step of writing the index anew without what was forgotten, in one transaction; false when there is nothing to do.
bool squeeze_search(Database& db);

// Seqs in (after, upto] whose texts match, ascending or descending, at most `limit`. REQUIRES upto <= search_mark().
std::vector<Seq> search_index(Database& db, const std::string& expression, Seq after, Seq upto, std::size_t limit,
                              bool backwards = false);
// The same, ascending, for rows the index does not have: made for them alone, in memory, a batch after the other. Writes nothing.
std::vector<Seq> search_rows(Database& db, const std::string& expression, Seq after, Seq upto);

}  // namespace gossip::db
