// Crashes: what of a friend's a process had in hand when it died of our own bug (gossipd(8), CRASHES). The dying process leaves a
// note in a file beside the database, by a signal handler; the worker takes it into the database, after the listener's death or
// when it starts. A process that was killed leaves none: nothing of that was anybody's fault.
// Rationale: a page shared by both processes would not outlive a manager that ends all of them when one has crashed.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "db/peers.h"
#include "gossip/engine.h"

namespace gossip::daemon {

// One a process, for the thread that made it.
class CrashDesk final : public Desk {
 public:
  explicit CrashDesk(const std::string& db_path);
  void take(PeerId from, const Id12& mark) override;
  void clear() override;
};

std::vector<db::Crash> left_behind(const std::string& db_path, std::int64_t now_ms);  // nothing where it cannot be read
void forget_left_behind(const std::string& db_path);

std::set<Id12> quarantine_of(const std::vector<db::Crash>& crashes);
// Longer and longer for who made us crash more than once in a day.
void put_off(PeerInfo& info, const std::vector<db::Crash>& crashes, std::int64_t wall_ms);

}  // namespace gossip::daemon
