#include "db/query.h"

#include <sqlite3.h>
#include <strings.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "db/schema.h"
#include "gossip/bytes.h"

namespace gossip::db {
namespace {

constexpr const char* kViews[] = {"v_messages", "v_peers"};
// What the views read. That these are there, and how many rows they have, is no secret: SQLite asks that without naming the view.
constexpr const char* kBehind[] = {"log", "who", "body", "peers", "peer_address", "peer_sync", "peer_state"};

// What can be called: nothing that loads, writes, reads files, or tells of the program's inside.
constexpr const char* kFunctions[] = {
    "abs", "avg", "char", "coalesce", "count", "cume_dist", "date", "datetime", "dense_rank", "first_value", "format", "glob",
    "group_concat", "hex", "ifnull", "iif", "instr", "json", "json_array", "json_array_length", "json_extract",
    "json_group_array", "json_group_object", "json_object", "json_quote", "json_type", "json_valid", "julianday", "lag",
    "last_value", "lead", "length", "like", "likelihood", "likely", "lower", "ltrim", "max", "min", "nth_value", "ntile",
    "nullif", "percent_rank", "printf", "quote", "random", "rank", "replace", "round", "row_number", "rtrim", "sign",
    "strftime", "string_agg", "substr", "substring", "sum", "time", "total", "trim", "typeof", "unicode", "unixepoch",
    "unlikely", "upper"};

bool same(const char* a, const char* b) { return a && b && ::strcasecmp(a, b) == 0; }

template <class Names>
bool among(const char* name, const Names& names) {
  return std::any_of(std::begin(names), std::end(names), [&](const char* one) { return same(one, name); });
}

// The end of what begins at `at` with one of the four kinds of quotes, or with a comment; npos: neither does.
std::size_t end_of_quoted(std::string_view sql, std::size_t at) {
  const auto behind = [&](std::string_view mark, std::size_t from) {
    const std::size_t found = sql.find(mark, from);
    return found == sql.npos ? sql.size() : found + mark.size();
  };
  const char c = sql[at];
  if (c == '\'' || c == '"' || c == '`') return behind(std::string_view(&c, 1), at + 1);  // two in a row: one ends, one begins
  if (c == '[') return behind("]", at);
  if (sql.substr(at, 2) == "--") return behind("\n", at);
  if (sql.substr(at, 2) == "/*") return behind("*/", at + 2);
  return sql.npos;
}

bool word_char(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return (lower >= 'a' && lower <= 'z') || c == '_' || (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

// Rationale: the columns of USING and of a NATURAL join are compared without a question to the authorizer. Parameters mean nothing
// here, and some forms of them can hold quotes.
std::optional<Refusal> check_words(std::string_view sql) {
  for (std::size_t at = 0; at < sql.size();) {
    if (const std::size_t end = end_of_quoted(sql, at); end != sql.npos) {
      at = end;
      continue;
    }
    if (std::string_view("$@#:?").find(sql[at]) != std::string_view::npos) return Refusal{"there is a parameter in it", "write the value itself"};
    std::size_t end = at;
    while (end < sql.size() && word_char(sql[end])) ++end;
    const std::string word(sql.substr(at, end - at));
    if (same(word.c_str(), "using") || same(word.c_str(), "natural"))
      return Refusal{"USING and NATURAL are not for here", "JOIN ... ON says the same"};
    at = std::max(end, at + 1);
  }
  return std::nullopt;
}

std::string inner(std::string_view secret, std::string_view view) { return std::string(secret) + std::string(view); }

}  // namespace

// Rationale: SQLite names the view that a read of a table comes from, but the name of a WITH clause does just as well there. So
// each view stands before one of a name that nobody can guess, and only what that one reads is let through.
struct Guard {
  std::string secret;
  std::vector<std::string> tables;  // that there are

  bool ours(const char* name) const { return name && std::string_view(name).starts_with(secret); }

  // A read without a column counts rows only, and asks about the names of WITH clauses too.
  bool read(const char* table, const char* column, const char* from) const {
    if (ours(table) || ours(from) || among(table, kViews)) return true;
    if (!column || *column != 0) return false;
    if (among(table, kBehind)) return true;
    const auto there = [&](const std::string& one) { return same(one.c_str(), table); };
    return ::strncasecmp(table, "sqlite_", 7) != 0 && ::strncasecmp(table, "pragma_", 7) != 0 && !same(table, "dbstat") &&
           ::strncasecmp(table, "json_", 5) != 0 && std::none_of(tables.begin(), tables.end(), there);
  }

  int judge(int what, const char* a, const char* b, const char* from) const {
    bool fine = what == SQLITE_SELECT || what == SQLITE_RECURSIVE;
    if (what == SQLITE_READ) fine = read(a, b, from);
    if (what == SQLITE_FUNCTION) fine = ours(from) || among(b, kFunctions);
    return fine ? SQLITE_OK : SQLITE_DENY;
  }

  static int ask(void* self, int what, const char* a, const char* b, const char*, const char* from) {
    return static_cast<const Guard*>(self)->judge(what, a, b, from);
  }
};

namespace {

std::string definition(Database& db, const char* view) {
  Statement row = db.prepare("SELECT sql FROM sqlite_schema WHERE type='view' AND name=?");
  if (row.bind(1, std::string_view(view)).step()) {
    const std::string_view sql = row.text(0);
    const std::size_t at = sql.find(" AS");  // CREATE VIEW NAME AS
    if (at != sql.npos) return std::string(sql.substr(at));
  }
  throw Error(Trouble::kDamaged, "database " + db.file() + " has no view " + view);
}

}  // namespace

Query::Query(Database& db) : db_(db), quote_(db.prepare("SELECT json_quote(?1)")) {
  auto guard = std::make_unique<Guard>();
  Statement random = db.prepare("SELECT 'v' || lower(hex(randomblob(16))) || '_'");
  random.step();
  guard->secret = random.text(0);
  random.reset();
  Statement tables = db.prepare("SELECT name FROM sqlite_schema");
  while (tables.step()) guard->tables.emplace_back(tables.text(0));
  tables.reset();
  for (const char* view : kViews) {
    const std::string hidden = inner(guard->secret, view);
    db.exec(("CREATE TEMP VIEW " + hidden + definition(db, view)).c_str());
    db.exec(("CREATE TEMP VIEW " + std::string(view) + " AS SELECT * FROM " + hidden).c_str());
  }
  db.exec("PRAGMA query_only=ON");
  sqlite3_limit(db.raw(), SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_set_authorizer(db.raw(), Guard::ask, guard.get());
  guard_ = std::move(guard);
}

Query::~Query() { sqlite3_set_authorizer(db_.raw(), nullptr, nullptr); }

Result<bool> Query::prepare(std::string_view sql) {
  const auto refused = [&]() -> Refusal {
    return {std::string("that is no query here: ") + sqlite3_errmsg(db_.raw()),
            "one SELECT on v_messages and v_peers; gossipd(8) has their columns"};
  };
  if (sql.find('\0') != sql.npos) return Refusal{"there is a NUL byte in it"};
  if (auto refusal = check_words(sql)) return *refusal;
  rows_ = Statement();
  const char* at = sql.data();
  const char* end = at + sql.size();
  for (int statements = 0; at < end;) {
    sqlite3_stmt* one = nullptr;
    if (sqlite3_prepare_v2(db_.raw(), at, static_cast<int>(end - at), &one, &at) != SQLITE_OK) return refused();
    if (!one) continue;  // a comment, or nothing
    Statement statement = db_.adopt(one);
    if (++statements > 1) return Refusal{"that is more than one statement", "one at a time"};
    if (sqlite3_stmt_readonly(one) == 0 || sqlite3_stmt_isexplain(one) != 0 || sqlite3_column_count(one) == 0)
      return Refusal{"that is not a SELECT", "one SELECT on v_messages and v_peers; gossipd(8) has their columns"};
    rows_ = std::move(statement);
    raw_ = one;
  }
  if (!raw_) return Refusal{"there is no query in it", "gossipc sql 'SELECT count(*) FROM v_messages'"};
  return true;
}

Result<bool> Query::step() {
  try {
    return rows_.step();
  } catch (const Error& error) {
    if (error.trouble() != Trouble::kOther) throw;
    return Refusal{std::string("the query failed: ") + sqlite3_errmsg(db_.raw())};
  }
}

std::size_t Query::columns() const { return static_cast<std::size_t>(sqlite3_column_count(raw_)); }

std::string Query::text(std::size_t column) const {
  const int i = static_cast<int>(column);
  if (sqlite3_column_type(raw_, i) != SQLITE_BLOB) return std::string(rows_.text(i));
  return "X'" + to_hex(rows_.blob(i)) + "'";
}

std::string Query::quoted(std::string_view text) {
  Using use(quote_);
  use->bind(1, text).step();
  return std::string(use->text(0));
}

std::string Query::json_value(std::size_t column) {
  const int i = static_cast<int>(column);
  switch (sqlite3_column_type(raw_, i)) {
    case SQLITE_NULL: return "null";
    case SQLITE_INTEGER: return std::to_string(rows_.integer(i));
    case SQLITE_FLOAT: {
      const std::string number(rows_.text(i));
      return number.find("nf") == number.npos ? number : "null";  // JSON has no infinity
    }
    default: return quoted(text(column));
  }
}

std::string Query::json() {
  std::string out = "{";
  for (std::size_t i = 0; i < columns(); ++i) {
    if (i > 0) out += ',';
    out += quoted(sqlite3_column_name(raw_, static_cast<int>(i))) + ":" + json_value(i);
  }
  return out + "}";
}

}  // namespace gossip::db
