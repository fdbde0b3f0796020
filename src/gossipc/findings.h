// What fsck finds, as it finds it: one line each on standard output.
#pragma once

#include <optional>
#include <string>

#include "db/json.h"
#include "gossipc/commands.h"

namespace gossip::client {

class Findings {
 public:
  explicit Findings(Call& call) : call_(call), memory_(db::Database::in_memory()), json_(memory_) {}
  // It works as it is; it does not. `check`: a word for the part that was looked at.
  void warning(const char* check, const std::string& what, const std::string& hint) { put("WARNING", check, what, hint), ++warnings_; }
  void error(const char* check, const std::string& what, const std::string& hint) { put("ERROR", check, what, hint), ++errors_; }
  void error(const char* check, const db::Error& error) { this->error(check, error.what(), error.hint()); }
  int warnings() const { return warnings_; }
  int errors() const { return errors_; }
  void sum_up(const std::string& database, std::optional<std::int64_t> messages);  // the last line; none: they could not be counted

 private:
  void put(const char* level, const char* check, const std::string& what, const std::string& hint);
  Call& call_;
  db::Database memory_;  // for its JSON functions: there may be none that can be opened
  db::JsonObject json_;
  int warnings_ = 0, errors_ = 0;
};

}  // namespace gossip::client
