#include "db/messages.h"

#include <algorithm>
#include <set>

#include "db/body.h"
#include "db/files.h"
#include "db/mute.h"
#include "db/peers.h"
#include "db/schema.h"
#include "db/sealed.h"
#include "db/search.h"

namespace gossip::db {

static constexpr Seq kScan = 10'000;  // rows looked at for one page, so that no read transaction grows long
static constexpr std::size_t kPageBytes = 4 << 20;

// ?1 is the name in `from`, ?2 the time in since_ms, ?6 the one in until_ms, ?7 the sender, ?10 the time in mutes_ms.
static std::string conditions(Database& db, const Filter& filter) {
  std::string out;
  if (filter.from) out += " AND l.via=(SELECT id FROM who WHERE " + Columns(db).name_sql("who.name", "id", "name") + "=?1)";
  if (filter.since_ms) out += " AND l.heard_ms>=?2";
  if (filter.kept) out += " AND l.size<>0";
  if (filter.until_ms) out += " AND l.heard_ms<?6";
  if (filter.sender) out += " AND b.sender=?7";
  if (filter.others) out += " AND l.via<>0";
  if (filter.min_sources > 0) out += " AND (l.via<>0)+(SELECT count(*) FROM heard h WHERE h.seq=l.seq)>=?9";
  if (filter.mutes_ms) out += not_muted("?10");
  return out;
}

static void bind_filter(Statement& statement, const Filter& filter) {
  if (filter.from) statement.bind(1, std::string_view(*filter.from));
  if (filter.since_ms) statement.bind(2, *filter.since_ms);
  if (filter.until_ms) statement.bind(6, *filter.until_ms);
  if (filter.sender) statement.bind(7, std::string_view(*filter.sender));
  if (filter.min_sources > 0) statement.bind(9, signed_of(filter.min_sources));
  if (filter.mutes_ms) statement.bind(10, *filter.mutes_ms);
}

// Rows looked at together: those of (after, upto], or of them only `seqs`, as a JSON array.
struct Window {
  Seq after = 0, upto = 0;
  std::optional<std::string> seqs;
  std::string condition() const { return seqs ? " AND l.seq IN (SELECT value FROM json_each(?8))" : ""; }
  void bind(Statement& statement) const {
    statement.bind(3, signed_of(after)).bind(4, signed_of(upto));
    if (seqs) statement.bind(8, std::string_view(*seqs));
  }
};

static std::string array_of(const std::vector<Seq>& seqs) {
  std::string out = "[";
  for (Seq seq : seqs) (out += out.size() > 1 ? "," : "") += std::to_string(seq);
  return out + "]";
}

static Seq forward(Seq at, Seq by, Seq last) { return last - at > by ? at + by : last; }
static Seq back(Seq at, Seq by) { return at > by ? at - by : 0; }

// The window that begins behind `after`.
static Window window_after(Database& db, const Filter& filter, Seq after, Seq last) {
  if (!filter.words) return {after, forward(after, kScan, last), {}};
  const Seq mark = std::min(search_mark(db), last);
  if (after >= mark) {
    const Seq upto = forward(after, kIndexRows, last);
    return {after, upto, array_of(search_rows(db, *filter.words, after, upto))};
  }
  const std::vector<Seq> seqs = search_index(db, *filter.words, after, mark, kPage);
  return {after, seqs.size() < kPage ? mark : seqs.back(), array_of(seqs)};
}

// The window that ends at `upto`; `wanted` matches are looked for.
static Window window_before(Database& db, const Filter& filter, Seq upto, std::uint64_t wanted) {
  if (!filter.words) return {back(upto, kScan), upto, {}};
  const Seq mark = search_mark(db);
  if (upto > mark) {
    const Seq after = std::max(back(upto, kIndexRows), mark);
    return {after, upto, array_of(search_rows(db, *filter.words, after, upto))};
  }
  const std::size_t limit = wanted < kScan / 2 ? 2 * wanted + 50 : kScan;
  const std::vector<Seq> seqs = search_index(db, *filter.words, 0, upto, limit, true);
  return {seqs.size() < limit ? 0 : seqs.back() - 1, upto, array_of(seqs)};
}

// A kind is 1 to 127, so its byte is a character too; so is a number of parents, but for 0, which ends a text.
static std::string json_column(const std::string& name) {
  const std::string parents =
      "CASE WHEN length(b.head)=29 OR substr(b.head, 29, 1)=x'00' THEN json('[]') ELSE (SELECT"
      " json_group_array(lower(hex(substr(b.head, 30 + 32 * value, 32)))) FROM json_each('[0,1,2,3]')"
      " WHERE value<unicode(CAST(substr(b.head, 29, 1) AS TEXT))) END";
  const std::string object =
      "json_object('seq', l.seq, 'id', lower(hex(l.id)), 'heard', strftime('%Y-%m-%dT%H:%M:%SZ', l.heard_ms / 1000, 'unixepoch'),"
      " 'heard_ms', l.heard_ms, 'delivered_by', " + name + ", 'sender', b.sender, 'text', b.text, 'parents', ";
  return "CASE WHEN b.seq IS NULL THEN " + object + "json('[]'), 'kept', json('false'))"
         " WHEN b.sender IS NULL THEN " + object + parents + ", 'kind', unicode(CAST(substr(b.head, 2, 1) AS TEXT))) ELSE " + object + parents + ") END";
}

static std::vector<Hash> parents_in(View head) {
  std::vector<Hash> out;
  Reader r(head);
  r.take(kHeadSize - 1);
  for (int i = r.u8(); i > 0; --i) out.push_back(r.array<32>());
  if (!r.ok()) out.clear();
  return out;
}

static Shown shown_from(const Statement& row) {
  Shown out;
  out.seq = static_cast<Seq>(row.integer(0));
  out.id = row.hash(1);
  out.heard_ms = row.integer(2);
  out.delivered_by = row.text(3);
  out.sender = row.text(4);
  out.text = row.text(5);
  out.kept = !row.null(6);
  out.known = !out.kept || !row.null(4);
  out.json = row.text(7);
  out.parents = parents_in(row.blob(6));
  return out;
}

std::vector<Shown> read_messages(Database& db, Seq after, const Filter& filter, std::size_t limit, bool json, Seq& scanned) {
  limit = std::min(limit, kPage);
  const Seq last = last_seq(db);
  scanned = after;
  std::vector<Shown> out;
  if (limit == 0 || after >= last) return out;
  const Window window = window_after(db, filter, after, last);
  const std::string name = Columns(db).name_sql("who.name", "w.id", "w.name");
  Statement rows = db.prepare("SELECT l.seq, l.id, l.heard_ms, " + name + ", b.sender, b.text, substr(b.head, 1, 157), " +
                              (json ? json_column(name) : "NULL") +
                              " FROM log l JOIN who w ON w.id=l.via LEFT JOIN body b ON b.seq=l.seq"
                              " WHERE l.seq>?3 AND l.seq<=?4" +
                              window.condition() + conditions(db, filter) + " ORDER BY l.seq LIMIT ?5");
  bind_filter(rows, filter);
  window.bind(rows);
  rows.bind(5, signed_of(limit));
  std::size_t bytes = 0;
  while (bytes < kPageBytes && rows.step()) {
    out.push_back(shown_from(rows));
    bytes += out.back().text.size();
  }
  const bool whole = out.size() < limit && bytes < kPageBytes;  // every row of the window was looked at
  scanned = whole ? window.upto : out.back().seq;
  return out;
}

Seq start_of_last(Database& db, const Filter& filter, std::uint64_t n) {
  Seq upto = last_seq(db);
  const std::string where = conditions(db, filter);
  if (where.empty() && !filter.words) return back(upto, n);  // seq is dense
  std::uint64_t found = 0;
  while (upto > 0) {
    const Window window = window_before(db, filter, upto, n - found);
    Statement rows = db.prepare(std::string("SELECT l.seq FROM log l") + (filter.sender || filter.mutes_ms ? " LEFT JOIN body b ON b.seq=l.seq" : "") +
                                " WHERE l.seq>?3 AND l.seq<=?4" + window.condition() + where + " ORDER BY l.seq DESC");
    bind_filter(rows, filter);
    window.bind(rows);
    while (rows.step()) {
      if (found++ == n) return static_cast<Seq>(rows.integer(0));
    }
    upto = window.after;
  }
  return 0;
}

Seq last_seq(Database& db) {
  Using row(db.kept("SELECT coalesce(max(seq), 0) FROM log"));
  row->step();
  return static_cast<Seq>(row->integer(0));
}

static constexpr const char* kDays =
    "WITH RECURSIVE days(epoch) AS (SELECT min(epoch) FROM log WHERE scope=0 UNION ALL"
    " SELECT (SELECT min(l.epoch) FROM log l WHERE l.scope=0 AND l.epoch>days.epoch) FROM days WHERE days.epoch IS NOT NULL)";

static Statement seek_ids(Database& db) {
  return db.prepare(kDays + std::string(" SELECT l.seq, l.id FROM days CROSS JOIN log l ON l.scope=0 AND l.epoch=days.epoch"
                                        " AND l.id>=? AND l.id<=? LIMIT ?"));
}

std::vector<Found> find_messages(Database& db, std::string_view digits, std::size_t limit) {
  constexpr std::size_t kDigits = 2 * sizeof(Hash);
  if (digits.size() < kLeastDigits || digits.size() > kDigits) return {};
  const auto low = from_hex(std::string(digits).append(kDigits - digits.size(), '0'));
  const auto high = from_hex(std::string(digits).append(kDigits - digits.size(), 'f'));
  if (!low || !high) return {};
  Statement rows = seek_ids(db);
  rows.bind(1, View(*low)).bind(2, View(*high)).bind(3, signed_of(limit));
  std::vector<Found> out;
  while (rows.step()) out.push_back({static_cast<Seq>(rows.integer(0)), rows.hash(1)});
  return out;
}

// As many days as that, and a seek in each for every id takes no longer than a look at every row.
static bool few_days(Database& db, std::size_t ids) {
  constexpr Seq kSeek = 16;  // rows looked at in the time of one
  const Seq most = last_seq(db) / (kSeek * ids);
  Statement row = db.prepare(kDays + std::string(" SELECT count(*) FROM (SELECT 1 FROM days LIMIT ?)"));
  row.bind(1, signed_of(most + 1)).step();
  return static_cast<Seq>(row.integer(0)) <= most;
}

std::map<Hash, Seq> find_messages(Database& db, const std::vector<Hash>& ids) {
  std::map<Hash, Seq> out;
  if (ids.empty()) return out;
  if (few_days(db, ids.size())) {
    Statement rows = seek_ids(db);
    for (const Hash& id : ids) {
      rows.bind(1, id).bind(2, id).bind(3, 1);
      if (rows.step()) out.emplace(id, static_cast<Seq>(rows.integer(0)));
      rows.reset();
    }
    return out;
  }
  const std::set<Hash> wanted(ids.begin(), ids.end());
  Statement rows = db.prepare("SELECT seq, id FROM log INDEXED BY sqlite_autoindex_log_1 WHERE scope=0");
  while (rows.step()) {
    const Hash id = rows.hash(1);
    if (wanted.contains(id)) out.emplace(id, static_cast<Seq>(rows.integer(0)));
  }
  return out;
}

std::optional<Shown> read_message(Database& db, Seq seq) {
  Seq scanned = 0;
  std::vector<Shown> found = read_messages(db, seq - 1, {}, 1, false, scanned);
  if (found.empty() || found[0].seq != seq) return std::nullopt;
  return std::move(found[0]);
}

static constexpr std::string_view kReadMark = "read_mark";

Seq read_mark(Database& db) { return static_cast<Seq>(meta_number(db, kReadMark).value_or(0)); }

void note_read(Database& db, Seq upto) {
  if (read_mark(db) >= upto) return;
  Transaction transaction(db);
  check_version(db);
  if (read_mark(db) < upto) put_number(db, kReadMark, signed_of(upto));  // another view may have been quicker
  transaction.commit();
}

StoreFacts store_facts(Database& db, const std::string& path) {
  Statement row = db.prepare("SELECT (SELECT coalesce(max(seq), 0) FROM log), own FROM total");
  row.step();
  return {row.integer(0), row.integer(1), size_of(path), size_of(path + "-wal")};
}

}  // namespace gossip::db
