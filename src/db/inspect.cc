#include "db/inspect.h"

#include <map>

#include "db/body.h"
#include "db/sealed.h"
#include "db/tables.h"
#include "db/walk.h"
#include "gossip/chain.h"
#include "gossip/message.h"
#include "gossip/secret.h"

namespace gossip::db {
namespace {

constexpr std::int64_t kRows = 500;  // looked at in one statement, so that no read transaction grows long

Database as_made() {
  Database out = Database::in_memory();
  out.exec(kTables);
  return out;
}

using Schema = std::map<std::string, std::string>;  // "table log" -> how it was made
// What stands behind the index of words is made by SQLite, as its version has it.
constexpr char kSchema[] = "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema"
                           " WHERE name NOT LIKE 'sqlite_stat%' AND name NOT LIKE 'search\\__%' ESCAPE '\\'";

Schema schema_of(Database& db) {
  Schema out;
  Statement rows = db.prepare(kSchema);
  while (rows.step()) out[std::string(rows.text(0))] = rows.text(1);
  return out;
}

class Rehash {
 public:
  Rehash(Database& db, Crypto& crypto)
      : crypto_(crypto),
        rows_(db.prepare("SELECT l.seq, l.id, l.size, b.head, b.sender, b.text, l.epoch, l.scope, c.chain FROM log l"
                         " LEFT JOIN body b ON b.seq=l.seq LEFT JOIN log_chain c ON c.seq=l.seq WHERE l.seq>? ORDER BY l.seq LIMIT ?")) {}

  // True while there are more.
  bool page() {
    Using use(rows_);
    use->bind(1, signed_of(last_)).bind(2, kRows);
    bool any = false;
    for (; use->step(); any = true) look();
    return any;
  }

  Rehashed out;
  Seq last() const { return last_; }

 private:
  void look() {
    const Seq seq = static_cast<Seq>(rows_.integer(0));
    out.holes += signed_of(seq - last_ - 1);
    last_ = seq;
    const Hash id = rows_.hash(1);
    chain_ = chain_next(crypto_, chain_, id);
    if (seq % kChainStep == 0 && as_text(rows_.blob(8)) != as_text(chain_)) ++out.chains;
    if (rows_.null(3)) {
      if (rows_.integer(2) != 0) ++out.missing;
      return;
    }
    if (right(id)) {
      ++out.right;
      return;
    }
    ++out.wrong;
    if (out.first_wrong.size() < 10) out.first_wrong.push_back(seq);
  }

  bool right(const Hash& id) {
    canonical_.clear();
    append_body(canonical_, rows_, 3);
    Message message;
    return message_id(crypto_, canonical_) == id && decode_message(canonical_, message) == MessageFault::kNone &&
           signed_of(epoch_of(message.created)) == rows_.integer(6) && rows_.integer(7) == 0 &&
           rows_.integer(2) == signed_of(canonical_.size());
  }

  Crypto& crypto_;
  Statement rows_;
  Seq last_ = 0;
  Hash chain_{};
  Bytes canonical_;
};

}  // namespace

// Of several lines, the first names the database.
static void append_lines(std::string_view text, std::vector<std::string>& out) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line != "ok" && !line.starts_with("***")) out.emplace_back(line);
  }
}

static void look_for_damage(Database& db, std::size_t most, std::vector<std::string>& out) {
  Statement pages = db.prepare("PRAGMA integrity_check(" + std::to_string(most) + ")");
  while (out.size() < most && pages.step()) append_lines(pages.text(0), out);
  Statement rows = db.prepare("PRAGMA foreign_key_check");
  while (out.size() < most && rows.step())
    out.push_back("a row of " + std::string(rows.text(0)) + " belongs to one of " + std::string(rows.text(2)) + " that is not there");
}

std::vector<std::string> integrity(Database& db, int most) {
  std::vector<std::string> out;
  try {
    look_for_damage(db, static_cast<std::size_t>(most), out);
  } catch (const Error& error) {
    if (error.trouble() != Trouble::kDamaged || out.empty()) throw;  // else it stumbles over what it has told
  }
  return out;
}

std::vector<std::string> foreign_schema(Database& db) {
  Database fresh = as_made();
  Schema there = schema_of(db);
  std::vector<std::string> out;
  for (const auto& [name, sql] : schema_of(fresh)) {
    const auto found = there.find(name);
    if (found == there.end() || found->second != sql) out.push_back(name);
    if (found != there.end()) there.erase(found);
  }
  for (const auto& [name, sql] : there) out.push_back(name);
  return out;
}

std::vector<std::string> columns_of(Database& db, const std::string& table) {
  return db.texts("SELECT name FROM pragma_table_info('" + table + "') ORDER BY cid");
}

bool has_all_tables(Database& db) try {
  Database fresh = as_made();
  const std::vector<std::string> names = fresh.texts(
      "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search%'");
  for (const std::string& name : names) {
    if (columns_of(db, name) != columns_of(fresh, name)) return false;
    db.prepare("SELECT * FROM " + name);
  }
  return true;
} catch (const Error& error) {
  if (error.trouble() != Trouble::kOther && !is_damage(error)) throw;
  return false;
}

Rehashed rehash(Database& db, Crypto& crypto, const std::function<void(Seq, Seq)>& progress) {
  Rehash work(db, crypto);
  const Seq all = static_cast<Seq>(db.number("SELECT coalesce(max(seq), 0) FROM log"));
  while (work.page()) {
    if (progress) progress(work.last(), all);
  }
  work.out.stray = db.number("SELECT count(*) FROM body WHERE seq NOT IN (SELECT seq FROM log)");
  return work.out;
}

std::int64_t heard_after(Database& db, std::int64_t wall_ms) {
  Statement row = db.prepare("SELECT count(*) FROM log WHERE heard_ms>?");
  row.bind(1, wall_ms).step();
  return row.integer(0);
}

void each_key(Database& db, const std::function<void(const KeyRow&)>& take) {
  const Columns columns(db);
  Statement rows = db.prepare("SELECT id, fp, private FROM keys ORDER BY id");
  while (rows.step()) {
    KeyRow key{rows.integer(0), columns.fp("keys.fp", rows, 1), {}};
    key.private_der = columns.private_key(key.id, key.fp, rows, 2);
    take(key);
    wipe(key.private_der);
  }
}

}  // namespace gossip::db
