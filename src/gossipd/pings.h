// Pings: answers `gossipc ping` with the time a PING and its PONG took, over a session of this process where there is one.
#pragma once

#include <map>
#include <vector>

#include "db/sqlite.h"
#include "gossipd/link.h"

namespace gossip::daemon {

class Pings {
 public:
  explicit Pings(db::Database& db) : db_(db) {}
  std::vector<LinkId> look(Now now, Links& links);  // the database may hold questions; gives the links that now have something to say
  void read(LinkId id, Link& link);                 // something has come over it
  void forget(LinkId id) { asked_.erase(id); }

 private:
  db::Database& db_;
  std::map<LinkId, std::vector<std::int64_t>> asked_;  // the questions that the link's next PONG answers
};

}  // namespace gossip::daemon
