// What gossipc asks of a running daemon: how long a friend's answer takes. A row for each question, and the answer in it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

struct Ping {
  std::int64_t id = 0;
  PeerId peer = 0;
};
// Gives the question's number. Deletes those of more than a minute ago, whose askers are gone. Throws where the peer is gone.
std::int64_t ask_ping(Database& db, PeerId peer, std::int64_t now_ms);
std::vector<Ping> open_pings(Database& db);                                 // not answered yet
void answer_ping(Database& db, std::int64_t id, std::int64_t took_us);      // the first answer counts
std::optional<std::int64_t> ping_answer(Database& db, std::int64_t id);     // microseconds; none yet
void forget_ping(Database& db, std::int64_t id);

}  // namespace gossip::db
