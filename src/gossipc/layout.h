// How messages are printed: as lines, as JSON Lines, by a format, or for people at a terminal.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "db/messages.h"
#include "gossipc/commands.h"

namespace gossip::client {

class Layout {
 public:
  virtual ~Layout() = default;
  // Messages that were read together, in the order heard.
  virtual void print(const std::vector<db::Shown>& page, Out& out) = 0;
  virtual bool json() const { return false; }  // wants db::Shown::json
};

// A format of --format, read. Letters: gossipc(1), Formats.
struct Piece {
  std::string literal;
  char letter = 0;  // behind it; 0: none
};
Result<std::vector<Piece>> parse_format(std::string_view format);
std::string formatted(const std::vector<Piece>& format, const db::Shown& message, bool raw);

std::unique_ptr<Layout> line_layout(bool raw);
std::unique_ptr<Layout> json_layout(bool raw);
std::unique_ptr<Layout> format_layout(std::vector<Piece> format, bool raw);

// Human layout: the day when it changes, then "HH:MM id8 carol> bob: text", UTC. `width`: columns of the terminal.
struct Terminal {
  std::size_t width = 80;
  bool colour = false;
};
Terminal terminal_of(int fd);  // its width, 80 where it tells none; no colour with NO_COLOR or TERM=dumb
// `db` to look up what is answered.
std::unique_ptr<Layout> human_layout(db::Database& db, const Terminal& terminal);

// What stands in the place of a text that cannot be shown; null where it can.
const char* instead_of_text(const db::Shown& message);
std::string classic_line(const db::Shown& message, bool raw);

}  // namespace gossip::client
