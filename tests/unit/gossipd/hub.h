// A hub and its friends: the hub is the real gossipd with a database of its own, the friends are played in this process, each with
// an engine and a store in memory, on one loop. They share a port and a responder, so that it is the hub's descriptors that count.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/handshake.h"
#include "gossipd/link.h"
#include "support/many_keys.h"
#include "support/memory_store.h"
#include "sys/tcp.h"

namespace gossip::daemon {

// The two processes, started from the build folder that this test lies in.
class Hub {
 public:
  explicit Hub(const std::string& directory);
  ~Hub();                               // kills what is left
  const std::string& db_path() const { return db_path_; }
  void start();                         // returns when it listens
  int port() const { return port_; }
  int stop();                           // as init would; exit status
  std::string gossipc(const std::string& arguments);  // its standard output
  std::string log();
  pid_t worker() const { return worker_; }
  pid_t listener() const;

 private:
  std::string db_path_;
  sys::Fd log_;
  std::string said_;
  pid_t worker_ = 0;
  int port_ = 0;
};

class Friends {
 public:
  Friends();
  int port() const { return sys::local_address(listening_.get()).port(); }
  void add(const test::TestKey& ours, const test::TestKey& hubs);
  void call(int hub_port) { hub_port_ = hub_port; }  // they dial from now on
  void turn(Micros at_most);
  Hash say(std::size_t friend_number, const std::string& text);

  std::size_t size() const { return friends_.size(); }
  std::size_t calling() const { return open(true); }  // sessions that friends dialled, and those that the hub dialled
  std::size_t called() const { return open(false); }
  std::size_t fewest() const;                         // messages at the friend who has fewest
  EngineStats total() const;
  std::uint64_t strangers() { return strangers_ += responder_.drain_counts().strangers; }  // who called us all so far

 private:
  struct Friend {
    Friend(Crypto& crypto, Rng& rng, std::size_t number);
    PeerInfo hub;
    std::shared_ptr<const PairKeys> keys;
    test::MemoryStore store;
    Engine engine;
    std::set<LinkId> links;
  };
  Now now() const;
  std::size_t open(bool dialled) const;
  void accept_calls();
  void dial(Friend& one);
  void adopt(sys::Fd fd, std::unique_ptr<Channel> channel);
  void feed(LinkId id);
  void settle(LinkId id, Link& link);
  void run(Friend& one);
  void act(Friend& one);
  void end_turn(LinkId id);

  std::unique_ptr<Crypto> crypto_ = crypto::make_crypto();
  std::unique_ptr<Rng> rng_ = crypto::make_rng();
  Responder responder_;
  std::uint64_t strangers_ = 0;
  std::vector<std::shared_ptr<const PairKeys>> keys_;
  std::vector<std::unique_ptr<Friend>> friends_;
  sys::Fd listening_;
  int hub_port_ = 0;
  Links links_;
  LinkId last_ = 0;
  std::set<LinkId> busy_;
  std::set<Friend*> awake_;
  sys::Poller poller_;
  Micros all_at_ = 0;  // when everybody's timers are looked at
  Bytes buffer_;
};

}  // namespace gossip::daemon
