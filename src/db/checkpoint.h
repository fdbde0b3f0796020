// The fenced checkpoint: the only checkpoint there is, in the worker only.
// Rationale: SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when one process checkpoints while another writes. So connection F
// holds BEGIN IMMEDIATE (no writer anywhere) while connection C runs a PASSIVE checkpoint, then F rolls back.
#pragma once

#include <memory>
#include <string>

#include "gossip/time.h"

namespace gossip::db {

class Checkpointer {
 public:
  explicit Checkpointer(const std::string& path);  // of a store that open_store has opened
  ~Checkpointer();
  // At the top of the loop, never inside a transaction. run() when the WAL passes 16 MiB of what no checkpoint has carried over yet;
  // tidy() when it did not grow for 60 s, once. A writer in the way, or a full disk: not now, again at a later call. Returns when to
  // call again at the latest: in 0.1 s while the WAL grows, in 2 s when it does not. Throws Error, kIo after a failed fsync.
  Micros run_if_due(Micros now);
  void wipe_soon();  // something was deleted: run_if_due() tidies at its next call, and tries each second until it could
  bool run();  // now, whatever is due; false when a writer, a reader of old rows or a full disk was in the way
  bool tidy();  // run(), then cuts the file down to one frame, so that nothing that was deleted stays in it; false as run()

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gossip::db
