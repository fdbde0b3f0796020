#include "db/json.h"

#include "gossip/text.h"

namespace gossip::db {
namespace {

bool escapes_nul(std::string_view json) {
  for (std::size_t i = 0; i + 1 < json.size(); ++i) {
    if (json[i] != '\\') continue;
    if (json.substr(i, 6) == "\\u0000") return true;
    ++i;  // an escaped backslash starts nothing
  }
  return false;
}

}  // namespace

JsonObject& JsonObject::raw(std::string_view key, std::string_view value) {
  out_ += out_.empty() ? "{\"" : ",\"";
  out_ += key;
  out_ += "\":";
  out_ += value;
  return *this;
}

JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
  quote_.bind(1, value).step();
  raw(key, quote_.text(0));
  quote_.reset();
  return *this;
}

JsonObject& JsonObject::texts(std::string_view key, const std::vector<std::string>& values) {
  std::string array = "[]";
  for (const std::string& value : values) {
    append_.bind(1, array).bind(2, value).step();
    std::string longer(append_.text(0));
    append_.reset();
    array = std::move(longer);
  }
  return raw(key, array);
}

JsonObject& JsonObject::integer(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
JsonObject& JsonObject::boolean(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
JsonObject& JsonObject::null(std::string_view key) { return raw(key, "null"); }

std::string JsonObject::take() {
  std::string out = out_.empty() ? "{}" : out_ + "}";
  out_.clear();
  return out;
}

JsonLines::JsonLines(Database& db)
    : type_(db.prepare("SELECT CASE WHEN json_valid(?1) THEN json_type(?1) END")),
      fields_(db.prepare("SELECT key, type, value FROM json_each(?1)")) {}

Result<std::vector<JsonField>> JsonLines::parse(std::string_view line) {
  if (line.find('\0') != line.npos) return Refusal{"there is a NUL byte in it"};
  if (const auto fault = utf8_fault(line)) return Refusal{"not valid UTF-8 at byte offset " + std::to_string(*fault)};
  type_.bind(1, line).step();
  const bool object = type_.text(0) == "object";
  type_.reset();
  if (!object) return Refusal{"not a JSON object"};
  if (escapes_nul(line)) return Refusal{"there is a \\u0000 in it", "a message holds text without NUL"};
  std::vector<JsonField> out;
  fields_.bind(1, line);
  while (fields_.step()) {
    const bool is_text = fields_.text(1) == "text";
    out.push_back({std::string(fields_.text(0)), is_text, is_text ? std::string(fields_.text(2)) : std::string()});
  }
  fields_.reset();
  return out;
}

}  // namespace gossip::db
