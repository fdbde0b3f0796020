// How far messages were handed to hooks (gossipd(8), Hooks).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

// Up to here, in the order heard. The first time: up to what is there now, which is kept.
Seq handed_upto(Database& db);
void note_handed(Database& db, Seq upto);  // own transaction

struct Handed {
  Seq seq = 0;
  std::string id, delivered_by, sender, heard, text;  // heard: YYYY-MM-DDTHH:MM:SSZ
};
// The first one after `after` that is somebody else's, known, kept and not muted. Looks at some thousand rows; `scanned` is the
// last of them.
std::optional<Handed> next_to_hand(Database& db, Seq after, std::int64_t now_ms, Seq& scanned);

}  // namespace gossip::db
