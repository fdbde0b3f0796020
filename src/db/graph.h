// What a picture of the neighbourhood is drawn from: who delivered, and who is claimed to have sent what they delivered.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

struct Delivered {
  PeerId peer = 0;          // 0: ourselves
  std::string name;         // as delivered_by shows it
  std::int64_t messages = 0;
};
struct Claimed {
  PeerId via = 0;
  std::string sender;
  std::int64_t messages = 0;
};

constexpr std::uint64_t kGraphRows = 100'000;  // the last ones are looked at
constexpr std::uint64_t kGraphClaims = 100;    // those made most often are given
std::vector<Delivered> deliveries(Database& db);
std::vector<Claimed> claims(Database& db);

}  // namespace gossip::db
