// Dials: connections being made. Each friend has its own deadline and its own addresses, tried in turn; names are looked up in a
// thread, one after the other, and numeric hosts pass it by.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gossip/ports.h"
#include "gossip/time.h"
#include "sys/background.h"
#include "sys/loop.h"
#include "sys/tcp.h"

namespace gossip::daemon {

class Dials {
 public:
  using Resolve = std::function<std::vector<sys::Address>(const std::string& host, int port)>;  // runs in the thread
  explicit Dials(Resolve resolve = sys::resolve);
  void start(Now now, PeerId peer, const std::string& host, int port);
  void drop_unless(const std::function<bool(PeerId)>& wanted);  // no outcome is told
  std::vector<PeerId> peers() const;

  void watch(sys::Poller& poller);
  void look(const sys::Poller& poller, Now now);
  std::optional<Micros> next_deadline() const;

  struct Outcome {
    PeerId peer = 0;
    sys::Fd fd;        // connected, or
    std::string why;   // not: words for status
  };
  bool next(Outcome& out);

 private:
  struct Query {
    PeerId peer = 0;
    std::string host;
    int port = 0;
    bool operator==(const Query&) const = default;
  };
  struct Found {
    Query query;
    std::vector<sys::Address> addresses;
  };
  struct Attempt {
    std::optional<Query> wanted;         // waits for this answer
    std::deque<sys::Address> rest;
    sys::Fd fd;
    Micros deadline = 0;
    std::size_t slot = 0;
    bool watched = false;
    const char* why = "name not found";  // of the last address that failed
  };
  void look_up(Now now, PeerId peer);
  void found(Now now, Found& answer);
  void use(Now now, Found& answer);
  void next_address(Now now, PeerId peer);
  void fail(PeerId peer, const char* why);

  std::map<PeerId, Attempt> attempts_;
  std::deque<Outcome> outcomes_;
  sys::Background<Query, Found> resolver_;
  std::size_t resolver_slot_ = 0;
  std::set<PeerId> asked_;               // an answer is to come
  std::map<PeerId, Found> late_;         // answers that came when nobody waited any more
};

}  // namespace gossip::daemon
