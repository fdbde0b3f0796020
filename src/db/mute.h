// Mutes: whose messages are not shown, nor handed to hooks. They are stored and relayed as ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/sqlite.h"

namespace gossip::db {

struct Mute {
  bool from = false;  // what this friend delivered; else what claims this sender
  std::string name;
  std::optional<std::int64_t> until_ms;  // none: until it is taken away
};

// In the place of one there was. False: `from`, and nobody of that name ever delivered.
bool mute(Database& db, const Mute& one);
bool unmute(Database& db, const Mute& one, std::int64_t now_ms);  // false: there was none that still held
std::vector<Mute> mutes(Database& db, std::int64_t now_ms);       // those that hold now, by name

// Of a query on `log l` with `body b` beside: what is not muted at the time in parameter `now`.
std::string not_muted(std::string_view now);

}  // namespace gossip::db
