// Roster: our friends as the store knows them, with their keys parsed and everything static derived, so that a handshake never
// touches the database.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "db/peers.h"
#include "gossip/engine.h"
#include "gossip/pair.h"

namespace gossip::daemon {

struct Friend {
  PeerInfo info;
  std::string name;
  db::Addresses addresses;
  std::size_t worked = 0;                // the one to begin with
  std::shared_ptr<const PairKeys> keys;  // null until set-peer-key, or where they do not parse
  std::shared_ptr<const PairKeys> next;  // we join by an invitation: those of `gen` + 1, which the friend may have by now
  Hash stamp{};                          // over everything the keys are made from
  bool pq_seen = false;
  std::uint32_t pq_resets = 0;           // how often pq_seen was taken back since we started: each is worth a call
};

class Roster {
 public:
  Roster(db::Database& db, Crypto& crypto) : db_(db), crypto_(crypto) {}
  // Reads the peers, all as of one moment; parses only the keys that are new. `network_key` empty: none.
  // require_pq: every friend needs it, seen before or not.
  // wall_ms: for how long ago somebody made us crash, and so is put off.
  void load(View network_key, bool require_pq = false, std::int64_t wall_ms = 0);
  std::int64_t version() const { return version_; }  // db::peers_version() of what was read
  const std::map<PeerId, Friend>& friends() const { return friends_; }
  const Friend* find(PeerId peer) const;
  std::vector<PeerInfo> infos() const;
  const std::set<Id12>& quarantine() const { return quarantine_; }
  std::vector<std::shared_ptr<const PairKeys>> keys() const;  // of those who have given us theirs, `next` too

 private:
  void load_keys(Friend& one, const Friend* known, const db::Peer& peer, View psk);
  db::Database& db_;
  Crypto& crypto_;
  std::int64_t version_ = -1;
  std::map<PeerId, Friend> friends_;
  std::set<Id12> quarantine_;
};

}  // namespace gossip::daemon
