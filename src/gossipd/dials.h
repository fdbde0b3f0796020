// Dials: connections being made. Each friend has its own deadline and its own addresses, tried in turn; names are looked up in a
// thread, one after the other, and numeric hosts pass it by.
#pragma once

#include <deque>
#include <map>
#include <optional>
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
  Dials();
  void start(Now now, PeerId peer, const std::string& host, int port);
  void drop(PeerId peer);                              // no outcome is told
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
    std::uint64_t ticket;
    PeerId peer;
    std::string host;
    int port;
  };
  struct Found {
    std::uint64_t ticket;
    PeerId peer;
    std::vector<sys::Address> addresses;
  };
  struct Attempt {
    std::uint64_t ticket = 0;            // of the look-up whose answer it waits for
    std::deque<sys::Address> rest;
    sys::Fd fd;
    Micros deadline = 0;
    std::size_t slot = 0;
    bool watched = false;
    const char* why = "name not found";  // of the last address that failed
  };
  void next_address(Now now, PeerId peer);
  void fail(PeerId peer, const char* why);

  std::map<PeerId, Attempt> attempts_;
  std::deque<Outcome> outcomes_;
  sys::Background<Query, Found> resolver_;
  std::size_t resolver_slot_ = 0;
  std::uint64_t tickets_ = 0;
};

}  // namespace gossip::daemon
