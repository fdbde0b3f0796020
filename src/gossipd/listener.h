// Listener: the child of the two processes. Accepts, shakes hands as responder, serves; and where a friend cannot be dialled it
// fetches over the friend's own session.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "gossip/gate.h"
#include "gossipd/driver.h"
#include "sys/background.h"
#include "sys/tcp.h"

namespace gossip::daemon {

class Listener final : public Driver {
 public:
  Listener(const Setup& setup, db::Database db, sys::Fd notes, sys::Fd listening, std::optional<sys::Doorbell> bell);
  ~Listener() override { links_.clear(); }  // channels know the responder
  int run();                                // exit code

 private:
  void watch(sys::Poller& poller) override;
  std::optional<Micros> own_deadline() const override;
  void look(const sys::Poller& poller, Now now) override;
  void heard(Now now, const Notes::Heard& said) override;
  void after_feed(Now now) override;
  void store_changed(Now now) override;
  void roster_changed(Now now) override;
  void link_opened(LinkId id) override { gate_.leave(id); }
  void link_gone(LinkId id, const Link& link) override;
  void room_changed(bool room) override { room_ = room; }

  void accept_callers(Now now);
  bool accept_one(Now now);
  void choose_decoy();
  void learn_addresses(bool ask);
  void turn_away();
  void count_callers(Now now);
  void say_strangers(Now now);

  sys::Fd listening_;
  sys::Fd reserve_;           // given up to turn a caller away when there is no other descriptor
  std::unique_ptr<Responder> responder_;
  Gate gate_;
  struct Found {
    std::string host;
    std::vector<sys::Address> numbers;
  };
  sys::Background<std::string, Found> resolver_;
  std::set<std::string> asked_;                                // names whose answer is to come
  std::map<std::string, std::vector<sys::Address>> answered_;  // friends' names, as last answered
  std::size_t listening_slot_ = 0, resolver_slot_ = 0;
  bool room_ = true;
  bool parent_gone_ = false;
  bool uncounted_ = false;    // of callers, something may be
  Micros accept_again_ = 0;   // no descriptors: not before
  Micros count_at_ = 0, say_at_ = 0;
  std::uint64_t strangers_ = 0, turned_away_ = 0;
  sys::RateLimit descriptor_lines_{10 * kMinute}, decoy_lines_{10 * kMinute};
};

}  // namespace gossip::daemon
