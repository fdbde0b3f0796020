#include "db/messages.h"

#include <algorithm>
#include <limits>

#include "db/files.h"
#include "db/sealed.h"

namespace gossip::db {

static constexpr Seq kScan = 10'000;  // rows looked at for one page, so that no read transaction grows long
static constexpr std::size_t kPageBytes = 4 << 20;

// ?1 is the name in `from`, ?2 the time in since_ms.
static std::string conditions(Database& db, const Filter& filter) {
  std::string out;
  if (filter.from) out += " AND l.via=(SELECT id FROM who WHERE " + Columns(db).name_sql("who.name", "id", "name") + "=?1)";
  if (filter.since_ms) out += " AND l.heard_ms>=?2";
  if (filter.kept) out += " AND l.size<>0";
  return out;
}

static void bind_filter(Statement& statement, const Filter& filter) {
  if (filter.from) statement.bind(1, std::string_view(*filter.from));
  if (filter.since_ms) statement.bind(2, *filter.since_ms);
}

// A kind is 1 to 127, so its byte is a character too.
static std::string json_column(const std::string& name) {
  const std::string object =
      "json_object('seq', l.seq, 'id', lower(hex(l.id)), 'heard', strftime('%Y-%m-%dT%H:%M:%SZ', l.heard_ms / 1000, 'unixepoch'),"
      " 'heard_ms', l.heard_ms, 'delivered_by', " + name + ", 'sender', b.sender, 'text', b.text";
  return "CASE WHEN b.seq IS NULL THEN " + object + ", 'kept', json('false')) WHEN b.sender IS NULL THEN " + object +
         ", 'kind', unicode(CAST(substr(b.head, 2, 1) AS TEXT))) ELSE " + object + ") END";
}

static Shown shown_from(const Statement& row) {
  Shown out;
  out.seq = static_cast<Seq>(row.integer(0));
  View id = row.blob(1);
  if (id.size() == out.id.size()) std::copy(id.begin(), id.end(), out.id.begin());
  out.heard_ms = row.integer(2);
  out.delivered_by = row.text(3);
  out.sender = row.text(4);
  out.text = row.text(5);
  out.kept = !row.null(6);
  out.known = !out.kept || !row.null(4);
  out.json = row.text(7);
  return out;
}

std::vector<Shown> read_messages(Database& db, Seq after, const Filter& filter, std::size_t limit, bool json, Seq& scanned) {
  limit = std::min(limit, kPage);
  const Seq last = last_seq(db);
  scanned = after;
  std::vector<Shown> out;
  if (limit == 0 || after >= last) return out;
  const Seq end = last - after > kScan ? after + kScan : last;
  const std::string name = Columns(db).name_sql("who.name", "w.id", "w.name");
  Statement rows =
      db.prepare("SELECT l.seq, l.id, l.heard_ms, " + name + ", b.sender, b.text, b.seq, " + (json ? json_column(name) : "NULL") +
                 " FROM log l JOIN who w ON w.id=l.via LEFT JOIN body b ON b.seq=l.seq"
                 " WHERE l.seq>?3 AND l.seq<=?4" +
                 conditions(db, filter) + " ORDER BY l.seq LIMIT ?5");
  bind_filter(rows, filter);
  rows.bind(3, signed_of(after)).bind(4, signed_of(end)).bind(5, signed_of(limit));
  std::size_t bytes = 0;
  while (bytes < kPageBytes && rows.step()) {
    out.push_back(shown_from(rows));
    bytes += out.back().text.size();
  }
  const bool whole = out.size() < limit && bytes < kPageBytes;  // every row of the window was looked at
  scanned = whole ? end : out.back().seq;
  return out;
}

Seq start_of_last(Database& db, const Filter& filter, std::uint64_t n) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  Statement row =
      db.prepare("SELECT l.seq FROM log l WHERE true" + conditions(db, filter) + " ORDER BY l.seq DESC LIMIT 1 OFFSET ?3");
  bind_filter(row, filter);
  return row.bind(3, signed_of(std::min(n, kMost))).step() ? static_cast<Seq>(row.integer(0)) : 0;
}

Seq last_seq(Database& db) {
  Statement row = db.prepare("SELECT coalesce(max(seq), 0) FROM log");
  row.step();
  return static_cast<Seq>(row.integer(0));
}

std::vector<Found> find_messages(Database& db, std::string_view digits, std::size_t limit) {
  constexpr std::size_t kDigits = 2 * sizeof(Hash);
  if (digits.size() < kLeastDigits || digits.size() > kDigits) return {};
  const auto low = from_hex(std::string(digits).append(kDigits - digits.size(), '0'));
  const auto high = from_hex(std::string(digits).append(kDigits - digits.size(), 'f'));
  if (!low || !high) return {};
  Statement row = db.prepare(
      "WITH RECURSIVE days(epoch) AS (SELECT min(epoch) FROM log WHERE scope=0 UNION ALL"
      " SELECT (SELECT min(l.epoch) FROM log l WHERE l.scope=0 AND l.epoch>days.epoch) FROM days WHERE days.epoch IS NOT NULL)"
      " SELECT l.seq, l.id FROM days CROSS JOIN log l ON l.scope=0 AND l.epoch=days.epoch AND l.id>=? AND l.id<=? LIMIT ?");
  row.bind(1, View(*low)).bind(2, View(*high)).bind(3, signed_of(limit));
  std::vector<Found> out;
  while (row.step()) {
    out.push_back({static_cast<Seq>(row.integer(0)), {}});
    const View id = row.blob(1);
    if (id.size() == sizeof(Hash)) std::copy(id.begin(), id.end(), out.back().id.begin());
  }
  return out;
}

std::optional<Seq> find_message(Database& db, const Hash& id) {
  const std::vector<Found> found = find_messages(db, to_hex(id), 1);
  return found.empty() ? std::nullopt : std::optional(found.front().seq);
}

StoreFacts store_facts(Database& db, const std::string& path) {
  Statement row = db.prepare("SELECT (SELECT coalesce(max(seq), 0) FROM log), own FROM total");
  row.step();
  return {row.integer(0), row.integer(1), size_of(path), size_of(path + "-wal")};
}

}  // namespace gossip::db
