// Route: the order in which the addresses of one friend are tried, from one dial to the next. First the one at which a session
// opened last, then the others as they were given. A dial that had to stop on the way, or that met somebody who was not the
// friend, leaves the next one to begin where it left off, so that all get their turn. No socket, no clock.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "db/peers.h"
#include "sys/tcp.h"

namespace gossip::daemon {

class Route {
 public:
  // A dial begins, round all addresses once. Other addresses than before: everything begins anew, first with `worked`.
  void begin(const db::Addresses& addresses, std::size_t worked);
  const db::Addresses& addresses() const { return addresses_; }
  bool done() const { return left_ == 0; }

  // REQUIRES !done()
  const db::Address& place() const { return addresses_[order_[at_]]; }
  bool known() const { return !numbers_.empty(); }
  void know(const std::vector<sys::Address>& numbers);  // what place() is; none: on to the next
  sys::Address take();                                  // the next number to be tried. REQUIRES known()

  // The one taken last is the friend's: the first from now on. None: the addresses were changed since.
  std::optional<db::Address> worked();

 private:
  void reorder(std::size_t first);
  void advance();

  db::Addresses addresses_;
  std::vector<std::size_t> order_;         // indices of addresses_
  std::size_t at_ = 0, left_ = 0;          // in order_: where we are, and how many are still to be tried, this one included
  std::size_t skip_ = 0;                   // numbers of place() that have had their turn
  std::deque<sys::Address> numbers_;       // the others
  std::optional<std::size_t> taken_;       // of which of addresses_ the last number was
  sys::Address taken_number_;
  std::optional<sys::Address> good_;       // the number that worked last, of a name that has several
};

// IPv4 and IPv6 by turns, the family of the first one first (RFC 8305 4); no number twice.
std::vector<sys::Address> interleaved(const std::vector<sys::Address>& numbers);

}  // namespace gossip::daemon
