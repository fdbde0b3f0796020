// How much room text takes on a terminal, and where its lines end. For text that went through the sanitizer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gossip::client {

// Columns, of which a terminal may use fewer, never more: wide characters and most emoji count as two.
std::size_t columns(std::string_view text);
// Bytes of the longest beginning that takes at most `room` columns; up to behind the last space in it where the text goes on; at
// least one character.
std::size_t fitting(std::string_view text, std::size_t room);
// Words in lines of at most `width` bytes, all but the first behind `indent` blanks; a word that is longer stays whole.
std::string folded(std::string_view words, std::size_t indent, std::size_t width);
// So that they fit the terminal at `fd`; as they are where there is none.
std::string folded_for(int fd, std::string_view words, std::size_t indent);
// The same for help: each row goes on below its second column, and lines that were broken for a wide page are broken anew.
std::string help_folded(std::string_view text, std::size_t width);
std::string help_for(int fd, std::string_view text);
std::size_t terminal_width(int fd);  // in columns, 80 where it tells none

}  // namespace gossip::client
