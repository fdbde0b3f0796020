// Text from elsewhere: strict UTF-8, names, and the one sanitizer for everything printed (gossip(7), TEXT).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gossip {

// Offset of the first byte that is not strict UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF).
std::optional<std::size_t> utf8_fault(std::string_view text);

// A peer's name: [A-Za-z0-9_.-]{1,64}, not starting with '-' or '.', not "self".
bool valid_peer_name(std::string_view name);

enum class Show {
  kLine,    // one line: controls (C0 with line breaks, DEL, C1), bidi controls, zero-width, line and paragraph separators and
            // tag characters become \xNN or \u{NNNN}; a backslash becomes two
  kSender,  // kLine, and '|' becomes \x7c
  kWords,   // kLine, but a backslash stays: for errors, paths and names of our own output
  kJson,    // JSON text already encoded by SQLite: what kLine would escape above U+007E becomes \uNNNN (a surrogate pair
            // beyond U+FFFF); parsing gives the very same string back
};

// Appends `text` to `out`, shown as said. Bytes that are not UTF-8 become \xNN, so any input is safe.
void append_shown(std::string& out, std::string_view text, Show how);
std::string shown(std::string_view text, Show how = Show::kWords);

}  // namespace gossip
