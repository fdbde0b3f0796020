// JSON by SQLite's own functions, so that there is one encoder and one parser in the house.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "db/sqlite.h"
#include "gossip/result.h"

namespace gossip::db {

// One object, its fields in the order given. REQUIRES keys that need no escape.
class JsonObject {
 public:
  explicit JsonObject(Database& db)
      : quote_(db.prepare("SELECT json_quote(?1)")), append_(db.prepare("SELECT json_insert(?1, '$[#]', ?2)")) {}
  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& texts(std::string_view key, const std::vector<std::string>& values);  // an array
  JsonObject& integer(std::string_view key, std::int64_t value);
  JsonObject& boolean(std::string_view key, bool value);
  JsonObject& null(std::string_view key);
  std::string take();  // and starts a new one

 private:
  JsonObject& raw(std::string_view key, std::string_view value);
  Statement quote_, append_;
  std::string out_;
};

struct JsonField {
  std::string key;
  bool is_text = false;
  std::string text;  // of a text field, decoded
};

// Reads lines that are each one object (RFC 8259). Refused in words: anything else, and texts with U+0000 in them, which SQLite
// would cut. Texts are not checked further: a lone surrogate comes out as bytes that are not UTF-8.
class JsonLines {
 public:
  explicit JsonLines(Database& db);
  Result<std::vector<JsonField>> parse(std::string_view line);

 private:
  Statement type_, fields_;
};

}  // namespace gossip::db
