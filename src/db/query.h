// Query: somebody's own SQL on the documented views, v_messages and v_peers, and on nothing else: one SELECT, read-only. Tables,
// and so keys, are out of reach, and what is sealed stays sealed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "db/sqlite.h"
#include "gossip/result.h"

namespace gossip::db {

class Query {
 public:
  // From then on `db` is good for this alone, and has to outlive it.
  explicit Query(Database& db);
  ~Query();
  // Refused in SQLite's words where it is not one SELECT on the views.
  Result<bool> prepare(std::string_view sql);
  // The next row; false: there is none. Refused where the row cannot be worked out.
  Result<bool> step();
  std::size_t columns() const;
  // Of the row: nothing for NULL, X'..' for a blob.
  std::string text(std::size_t column) const;
  std::string json();  // one object, by the names of the columns

 private:
  std::string quoted(std::string_view text);
  std::string json_value(std::size_t column);
  Database& db_;
  std::unique_ptr<struct Guard> guard_;
  Statement quote_, rows_;
  sqlite3_stmt* raw_ = nullptr;  // of rows_
};

}  // namespace gossip::db
