// Waiting for news in the database, until a signal comes or nobody reads any more.
#pragma once

#include "db/sqlite.h"
#include "gossipc/out.h"

namespace gossip::client {

class Follower {
 public:
  // The first SIGINT, SIGTERM or SIGHUP ends the waiting, or a write that waits; a second one ends us at once. What was ignored when
  // we started stays so: nohup, and the shell for what it runs in the background, mean it.
  Follower(db::Database& db, Out& out);
  std::int64_t version() { return db_.pragma("data_version"); }  // asked before reading: what comes meanwhile changes it
  bool wait(std::int64_t version);                                 // false: told to end
  static bool interrupted();

 private:
  db::Database& db_;
  Out& out_;
};

}  // namespace gossip::client
