// Keysmith: keeps the pool of unassigned keypairs filled. Keys are made in a thread of its own, one at a time, and stored by the
// loop. The first ones come at once; the fuller the pool, the longer and the more random the pause before the next, so that the
// times say nothing about what the keys are for.
#pragma once

#include <optional>

#include "crypto/keys.h"
#include "db/sqlite.h"
#include "gossip/time.h"
#include "sys/background.h"

namespace gossip::daemon {

struct PoolSize {
  int bits = 0;
  std::int64_t pool = 0;    // spares
  std::int64_t target = 0;  // and with the decoys beside them
};
PoolSize pool_size(int bits, int pool, int bogus_pct);

// The listener needs a decoy: makes the first key right here when there is no unassigned one, and says so.
void ensure_first_key(db::Database& db, int bits);

class Keysmith {
 public:
  Keysmith(db::Database& db, Rng& rng, const PoolSize& size);
  int fd() const { return forge_.fd(); }
  void recount() { counted_ = false; }  // the database changed
  void run(Now now);                    // stores what was made, starts what is due
  std::optional<Micros> next_deadline() const { return start_at_; }

 private:
  bool pressing() const;
  Micros pause();
  db::Database& db_;
  Rng& rng_;
  const PoolSize size_;
  sys::Background<int, std::optional<crypto::NewKey>> forge_;
  bool counted_ = false, making_ = false;
  bool trouble_ = false;  // the pause is for a key that could not be made or kept: nothing shortens it
  std::int64_t unassigned_ = 0;
  std::optional<Micros> start_at_;
};

}  // namespace gossip::daemon
