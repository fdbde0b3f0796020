// Ledger: takes out of the database who told us of a message, once the message is old enough.
#pragma once

#include <cstdint>

#include "db/sqlite.h"
#include "gossip/time.h"

namespace gossip::daemon {

class Ledger {
 public:
  Ledger(db::Database& db, int days) : db_(db), days_(days) {}
  void run(Now now);                                  // a small batch, when one is due
  Micros next_deadline() const { return at_; }

 private:
  db::Database& db_;
  const int days_;
  Micros at_ = 0;
};

}  // namespace gossip::daemon
