// Driver: what worker and listener have in common: sockets <-> channels <-> the engine, the store, the notes to the other process,
// signals. One turn: wait, feed, look at the store, tick, flush, carry out actions, write. What a turn costs follows the links that
// have work in it, not the links there are: only those in busy_ are looked at.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "config/config.h"
#include "db/log.h"
#include "gossip/bucket.h"
#include "gossip/engine.h"
#include "gossipd/chronicle.h"
#include "gossipd/crashes.h"
#include "gossipd/link.h"
#include "gossipd/notes.h"
#include "gossipd/pings.h"
#include "gossipd/roster.h"
#include "sys/doorbell.h"
#include "sys/log.h"
#include "sys/signals.h"

namespace gossip::daemon {

struct Setup {
  config::Config config;
  Secrets secrets;
};

class Driver {
 public:
  virtual ~Driver();

 protected:
  // dials: this is the worker. The derived class calls load_peers() once when it is ready for roster_changed().
  Driver(const Setup& setup, db::Database db, bool dials, std::initializer_list<int> signals, std::optional<sys::Doorbell> bell);

  void turn();
  void load_peers(Now now);
  void begin_stop(Now now);
  bool stopping() const { return stopping_; }
  std::size_t friends_up() const;                        // in either process
  bool links_closed() const { return links_.empty(); }   // within two seconds of begin_stop()
  void sibling_gone(Now now);
  LinkId adopt(sys::Fd fd, std::unique_ptr<Channel> channel);  // with cover, where that is wanted
  void drop(LinkId id);                                  // at once, without a word; no hook is called
  void touch(LinkId id) { busy_.insert(id); }            // something was done with it: looked at until the turn ends
  const std::set<LinkId>& busy() const { return busy_; }  // some may be gone
  Seq log_size() { return store_.size(); }
  void tell(Now now, const Event& event) { engine_.handle(now, event); }
  void peers_changed();                                  // by ourselves: read them again, the other process too
  void warn_of_pq(Now now, Why why);                     // where that is why

  // --- hooks, in the order of a turn
  virtual void begin_turn(Now) {}
  virtual void watch(sys::Poller&) {}
  virtual std::optional<Micros> own_deadline() const { return std::nullopt; }
  virtual void look(const sys::Poller&, Now) {}
  virtual void heard(Now, const Notes::Heard&) {}
  virtual void on_signal(Now, int) {}
  virtual void leave_now() {}                         // a second stop signal: the process ends behind it
  virtual void after_feed(Now) {}                     // every link that had something was fed, or has ticked
  virtual void store_changed(Now) {}                  // another program wrote
  virtual void roster_changed(Now) {}
  virtual void sessions_changed() {}                  // friends_up() may have
  virtual void dial(Now, const Friend&) {}
  virtual void link_opened(LinkId) {}
  virtual void link_gone(LinkId, const Link&) {}      // before it is taken out
  virtual void room_changed(bool) {}

  Setup setup_;
  db::Database db_;
  std::unique_ptr<Crypto> crypto_;
  std::unique_ptr<Rng> rng_;
  Roster roster_;
  Chronicle chronicle_;
  Notes notes_;
  Links links_;

 private:
  static constexpr std::size_t kReadAtOnce = 128 * 1024;  // of a link that is alone; among others each has its share

  void wait();
  void read_signals(Now now);
  void read_notes(Now now);
  void hear_bell();
  void feed(Now now);
  bool settle(Now now, LinkId id, Link& link);
  void announce(Now now, LinkId id, Link& link);
  bool joined(Now now, const Channel& channel);
  void finish_joining(PeerId peer, std::uint64_t gen);
  std::set<PeerId> up_here() const;    // with a session of this process
  void look_at_store(Now now);
  void probe_room(Now now);
  void act(Now now);
  bool flush(Now now);
  void drain(Now now);
  void on(Now now, Send& action);
  void on(Now now, const Dial& action);
  void on(Now now, const CloseLink& action);
  void on(Now now, const Stored& action);
  void on(Now now, const KeyCame& action);
  void on(Now now, const KeyTaken& action);
  void on(Now now, const Note& action);
  void write(Now now, LinkId id, Link& link, bool& moved);
  void commit_failed(Now now);
  void warn_of_copies(Now now, Why why);
  void tell_sessions();
  void reload(Now now);
  void hear_sessions(Now now, const std::vector<PeerId>& up);
  void end_turn(Now now);
  void end_turn(Now now, Links::iterator link);
  void remove(Links::iterator link);
  void everybody();

  CrashDesk desk_;
  db::Log store_;
  Engine engine_;
  Pings pings_;
  sys::Signals signals_;
  std::optional<sys::Doorbell> bell_;
  sys::Poller poller_;
  std::size_t signals_slot_ = 0, notes_slot_ = 0, bell_slot_ = 0;
  LinkId last_link_ = 0;
  std::set<LinkId> busy_;                            // links with work this turn
  std::set<std::pair<Micros, LinkId>> timers_;       // when channels want to tick
  Bytes buffer_;
  bool again_ = false;                 // more to do at once
  bool roster_old_ = false;            // we changed a friend ourselves
  bool stopping_ = false, signalled_ = false;
  Micros stop_by_ = 0;
  bool sessions_changed_ = true;       // since the other process was told
  std::set<PeerId> told_up_;           // what it believes of us
  std::set<PeerId> sibling_up_;        // what it told us
  bool short_of_room_ = false;
  bool room_said_ = false;             // in the log; a small write may do where a large one does not, over and over
  Micros probe_at_ = 0;
  std::map<PeerId, bool> noted_up_;    // what the log was told
  bool outage_ = false;                // likewise
  sys::RateLimit room_lines_{kMinute}, pq_lines_{10 * kMinute}, copy_lines_{kHour}, twice_lines_{kHour};
  TokenBucket session_lines_{kMinute, 10};  // no friend fills the log; status knows them all
};

Now clock_now();

}  // namespace gossip::daemon
