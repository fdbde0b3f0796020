#include "db/search.h"

#include <algorithm>

#include "db/peers.h"
#include "db/schema.h"

namespace gossip::db {
namespace {

bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

// Letters and digits are what the tokenizer keeps; of what is not ASCII it knows better than we, and takes most.
bool has_token(std::string_view word) {
  for (char c : word) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    if (letter || (c >= '0' && c <= '9')) return true;
  }
  return false;
}

// How far one batch behind `mark` goes.
Seq end_of_batch(Database& db, Seq mark) {
  Statement rows = db.prepare("SELECT seq, size FROM log WHERE seq>? ORDER BY seq LIMIT ?");
  rows.bind(1, signed_of(mark)).bind(2, signed_of(kIndexRows));
  for (std::size_t bytes = 0; bytes < kIndexBytes && rows.step();) {
    mark = static_cast<Seq>(rows.integer(0));
    bytes += static_cast<std::size_t>(rows.integer(1));
  }
  return mark;
}

std::vector<Seq> seqs_of(Statement& rows) {
  std::vector<Seq> out;
  while (rows.step()) out.push_back(static_cast<Seq>(rows.integer(0)));
  return out;
}

}  // namespace

std::optional<std::string> search_expression(std::string_view words) {
  std::string out;
  for (std::size_t at = 0; at < words.size();) {
    std::size_t end = at;
    while (end < words.size() && !blank(words[end])) ++end;
    std::string_view word = words.substr(at, end - at);
    at = end + 1;
    const bool beginning = word.ends_with('*');
    while (word.ends_with('*')) word.remove_suffix(1);
    if (!has_token(word)) continue;
    out += out.empty() ? "\"" : " \"";
    for (char c : word) out.append(c == '"' ? 2 : 1, c);
    out += beginning ? "\"*" : "\"";
  }
  if (out.empty()) return std::nullopt;
  return out;
}

Seq search_mark(Database& db) { return static_cast<Seq>(meta_number(db, "search_mark").value_or(0)); }

std::size_t unindexed_bytes(Database& db) {
  Statement row = db.prepare("SELECT coalesce(sum(size), 0) FROM log WHERE seq>?");
  row.bind(1, signed_of(search_mark(db))).step();
  return static_cast<std::size_t>(row.integer(0));
}

Seq index_some(Database& db) {
  Transaction transaction(db);
  check_version(db);
  const Seq mark = search_mark(db), end = end_of_batch(db, mark);
  if (end == mark) return mark;
  db.prepare("INSERT INTO search(rowid, text) SELECT seq, text FROM body WHERE seq>? AND seq<=? AND text IS NOT NULL")
      .bind(1, signed_of(mark))
      .bind(2, signed_of(end))
      .run();
  put_number(db, "search_mark", signed_of(end));
  transaction.commit();
  return end;
}

// FTS5 is told the text anew, and marks its words as deleted; the pages stay as they are until they are merged.
void forget_text(Database& db, Seq seq) {
  if (seq > search_mark(db)) return;
  try {
    db.prepare("INSERT INTO search(search, rowid, text) SELECT 'delete', seq, text FROM body WHERE seq=? AND text IS NOT NULL")
        .bind(1, signed_of(seq))
        .run();
    put_number(db, "search_squeeze", 1);
  } catch (const Error& error) {
    if (!spoils_search(error)) throw;
    renew_search(db);
  }
}

bool spoils_search(const Error& error) { return error.trouble() == Trouble::kDamaged || error.trouble() == Trouble::kOther; }

bool renew_search(Database& db) {
  put_number(db, "search_mark", 0);
  put_number(db, "search_squeeze", 0);
  try {
    db.exec("INSERT INTO search(search) VALUES('delete-all')");
    return true;
  } catch (const Error& error) {
    if (!spoils_search(error)) throw;
    return false;
  }
}

bool squeeze_due(Database& db) { return meta_number(db, "search_squeeze").value_or(0) != 0; }

// Merging everything into one segment drops what is marked as deleted, and secure_delete overwrites the old pages. A step that
// changes nothing (sqlite.org/fts5.html 6.7: fewer than two changes) says that it is done.
bool squeeze_search(Database& db) {
  if (!squeeze_due(db)) return false;
  Transaction transaction(db);
  check_version(db);
  Statement changes = db.prepare("SELECT total_changes()");
  const auto count = [&] {
    Using use(changes);
    use->step();
    return use->integer(0);
  };
  const std::int64_t before = count();
  db.exec("INSERT INTO search(search, rank) VALUES('merge', -64)");
  const bool done = count() - before < 2;
  if (done) put_number(db, "search_squeeze", 0);
  transaction.commit();
  return true;
}

std::vector<Seq> search_index(Database& db, const std::string& expression, Seq after, Seq upto, std::size_t limit,
                              bool backwards) {
  const std::string order = backwards ? " ORDER BY rowid DESC" : " ORDER BY rowid";
  Statement rows =
      db.prepare("SELECT rowid FROM search WHERE search MATCH ?1 AND rowid>?2 AND rowid<=?3" + order + " LIMIT ?4");
  rows.bind(1, std::string_view(expression)).bind(2, signed_of(after)).bind(3, signed_of(upto)).bind(4, signed_of(limit));
  return seqs_of(rows);
}

std::vector<Seq> search_rows(Database& db, const std::string& expression, Seq after, Seq upto) {
  db.exec(
      "CREATE VIRTUAL TABLE IF NOT EXISTS temp.fresh USING fts5(text, content='', columnsize=0,"
      " tokenize='unicode61 remove_diacritics 2')");
  Statement take = db.prepare("INSERT INTO temp.fresh(rowid, text) SELECT seq, text FROM body WHERE seq>? AND seq<=? AND text IS NOT NULL");
  Statement rows = db.prepare("SELECT rowid FROM temp.fresh WHERE fresh MATCH ? ORDER BY rowid");
  std::vector<Seq> out;
  for (Seq end = 0; after < upto; after = end) {
    end = std::min(end_of_batch(db, after), upto);
    if (end == after) break;  // the log ends before
    db.exec("INSERT INTO temp.fresh(fresh) VALUES('delete-all')");
    take.bind(1, signed_of(after)).bind(2, signed_of(end)).run();
    rows.bind(1, std::string_view(expression));
    for (Seq seq : seqs_of(rows)) out.push_back(seq);
    rows.reset();
  }
  return out;
}

}  // namespace gossip::db
