// One line of `gossipc send --batch`: who says what.
#pragma once

#include <string>
#include <variant>

#include "db/json.h"
#include "gossipc/words.h"

namespace gossip::client {

struct Said {
  std::string source, text;
};
struct BadLine {
  Exit code;
  Refusal words;
};

// Plain: the line is the text. `limit`: bytes of a text.
std::variant<Said, BadLine> read_plain(std::string_view line, const std::string& source, std::size_t limit);
// JSON: {"text": TEXT, "source": NAME}; source may be left out where `source` is not empty; other fields are refused.
std::variant<Said, BadLine> read_json(db::JsonLines& json, std::string_view line, const std::string& source, std::size_t limit);

}  // namespace gossip::client
