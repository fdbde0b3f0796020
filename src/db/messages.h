// Reading messages for people, page by page: no statement stays open across output.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

struct Filter {
  std::optional<std::string> from;            // delivered_by, as shown
  std::optional<std::int64_t> since_ms;       // heard at or after
  std::optional<std::int64_t> until_ms = {};  // heard before
  std::optional<std::string> sender = {};     // the claim, exactly
  std::optional<std::string> words = {};      // what search_expression() made
  bool others = false;                        // not our own
  bool kept = false;                          // only what is still kept
  std::uint64_t min_sources = 0;              // friends it was heard of from
  std::optional<std::int64_t> mutes_ms = {};  // without what is muted then
};

struct Shown {
  Seq seq = 0;
  Hash id{};
  std::int64_t heard_ms = 0;
  std::string delivered_by;   // peer's name, "self", or "name~N" of a deleted friend
  std::string sender;         // the claim; empty for kinds not known
  std::string text;
  bool known = true;          // false: a message of a kind this version does not know
  bool kept = true;           // false: the text is no longer kept
  std::vector<Hash> parents;  // what it answers, held or not
  std::string json;           // only when asked: one JSON object, made by SQLite
};

constexpr std::size_t kPage = 500;
// Up to `limit` rows after `after` in the order heard; at most kPage rows and about 4 MiB of text. Sets `scanned` to the last seq
// looked at, so that a page without a match still moves on; no rows and scanned == after: the end.
std::vector<Shown> read_messages(Database& db, Seq after, const Filter& filter, std::size_t limit, bool json, Seq& scanned);
// The seq after which exactly the last n matching messages come. Looks backwards, and only as far as it has to.
Seq start_of_last(Database& db, const Filter& filter, std::uint64_t n);
Seq last_seq(Database& db);
// Messages whose id begins with these hex digits, of either case, at most `limit`: one seek for each day there is. Nothing for what
// is no such prefix.
constexpr std::size_t kLeastDigits = 8;
struct Found {
  Seq seq = 0;
  Hash id{};
};
std::vector<Found> find_messages(Database& db, std::string_view digits, std::size_t limit);
// Of these those that are here. Rationale: friends choose the days that messages claim. Where there are so many that seeks would take
// longer, it is one look through all ids.
std::map<Hash, Seq> find_messages(Database& db, const std::vector<Hash>& ids);
std::optional<Shown> read_message(Database& db, Seq seq);

// Up to here the messages were shown as unread ones, and are read. It only moves forward.
Seq read_mark(Database& db);
void note_read(Database& db, Seq upto);  // own transaction, none where it is there already

struct StoreFacts {
  std::int64_t messages = 0, own = 0, file_bytes = 0, wal_bytes = 0;
};
StoreFacts store_facts(Database& db, const std::string& path);

}  // namespace gossip::db
