// Dates for people, in UTC (gossipc(1), view).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gossip/result.h"

namespace gossip::client {

std::string format_utc(std::int64_t wall_ms);  // YYYY-MM-DD HH:MM:SS
std::string span_words(std::int64_t ms);       // "12 s", "4 min", "3 h": rounded up to seconds, down to the others

std::optional<std::int64_t> parse_span(std::string_view text);  // "30s", "90m", "2h", "7d", in ms; up to 7 digits

// "YYYY-MM-DD", "YYYY-MM-DD HH:MM", "YYYY-MM-DD HH:MM:SS", "YYYY-MM-DDTHH:MM:SS" with or without "Z" (view --json prints it), or
// a span before now: "90m", "2h", "7d". Milliseconds since 1970. `option` is named when it is none of these.
Result<std::int64_t> parse_when(std::string_view text, std::int64_t now_ms, const char* option = "--since");

}  // namespace gossip::client
