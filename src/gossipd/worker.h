// Worker: the parent of the two processes. Dials friends and fetches from them, sends bogus challenges, keeps the key pool filled,
// indexes words, hands messages to hooks, drops texts, checkpoints, answers the doorbell, and watches over the listener.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "db/checkpoint.h"
#include "db/retention.h"
#include "gossip/cover.h"
#include "gossipd/descriptors.h"
#include "gossipd/dials.h"
#include "gossipd/driver.h"
#include "gossipd/hooks.h"
#include "gossipd/indexer.h"
#include "gossipd/keysmith.h"
#include "gossipd/ledger.h"
#include "gossipd/standing.h"
#include "gossipd/supervisor.h"

namespace gossip::daemon {

class Worker final : public Driver {
 public:
  Worker(const Setup& setup, db::Database db, Supervisor supervisor, std::optional<sys::Doorbell> bell, Standing standing,
         RunnerEnd runner);
  int run();  // exit code

 private:
  void begin_turn(Now now) override;
  void watch(sys::Poller& poller) override;
  std::optional<Micros> own_deadline() const override;
  void look(const sys::Poller& poller, Now now) override;
  void leave_now() override;
  void sessions_changed() override { standing_due_ = true; }
  void store_changed(Now now) override;
  void roster_changed(Now now) override;
  void dial(Now now, const Friend& who) override;
  void link_opened(LinkId id) override;
  void link_gone(LinkId id, const Link&) override { challenging_.erase(id); }

  void keep_house(Now now);
  void wipe_soon();
  void start_listener(Now now);
  bool note_crashes();
  void listener_ended(Now now, const sys::Ended& ended);
  void hurry_listener(Now now);
  void connected(Now now, Dials::Outcome& outcome);
  bool drop_handshake(PeerId peer);
  std::shared_ptr<const PairKeys> keys_for(const Friend& who);
  void plan_expiry(Now now);
  void expire(Now now);
  void challenge(Now now);
  void challenge_at(Now now, Dials::Outcome& outcome);
  bool covers() const { return setup_.config.cover != config::Cover::kOff; }

  const Room room_;
  Supervisor supervisor_;
  Keysmith keysmith_;
  Indexer indexer_;
  Ledger ledger_;
  Dials dials_;
  Challenges challenges_;
  Dials bogus_{sys::resolve, 1};   // dials of challenges: their routes and outcomes are nobody else's business
  std::set<LinkId> challenging_;   // connected; the engine knows of none of them
  db::Retention retention_;
  db::Checkpointer checkpointer_;
  Hooks hooks_;
  bool overfull_said_ = false;
  int unstarted_ = 0;
  Standing standing_;
  Micros checkpoint_at_ = 0;
  Micros expire_at_ = 0;           // an invitation, by the wall clock
  std::map<PeerId, bool> next_turn_;  // of Friend::next, to be dialled with
  Micros look_at_ = 0;             // at the store, whoever rang or not
  std::optional<Micros> kill_at_;  // of a listener that does not leave
  bool standing_due_ = true;
  int code_ = 0;
};

}  // namespace gossip::daemon
