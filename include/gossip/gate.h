// Gate: what a listener may spend on callers nobody knows yet (gossip(7), LIMITS). It is told addresses and times and never
// what was sent, so that no limit can be an oracle. Sessions are not its business: they leave() when they open.
#pragma once

#include <compare>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "gossip/bucket.h"
#include "gossip/bytes.h"

namespace gossip {

constexpr std::size_t kCallers = 1024;
constexpr std::size_t kCallersReserved = 64;      // of them, for the addresses of friends
constexpr Micros kCallerSettled = 2 * kSecond;    // these go before younger ones
constexpr std::int64_t kM1PerSecond = 500, kM1Burst = 1000;

using CallerId = std::uint64_t;  // the driver's number for one accepted connection, ascending

// An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d, which is the form both are compared in.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  static Address v4(std::array<std::uint8_t, 4> address);
  static Address v6(const std::array<std::uint8_t, 16>& address) { return {address}; }
  Address prefix() const;  // IPv4 /24, IPv6 /64; the rest is zero
  auto operator<=>(const Address&) const = default;
};

class Gate {
 public:
  struct Verdict {
    bool in = true;                      // false: close the newcomer; there is no place for its like
    std::optional<CallerId> evict = {};  // close this one; the gate has forgotten it
  };

  // Fewer places where there are fewer descriptors; the reserved ones shrink with them. `seed`: nobody outside should know it.
  explicit Gate(std::size_t places = kCallers, std::uint64_t seed = 0)
      : dice_(seed), places_(places), open_places_(places - std::max<std::size_t>(1, places * kCallersReserved / kCallers)) {}
  void set_known(std::span<const Address> friends);  // counts for callers from now on
  Verdict enter(Now now, CallerId id, const Address& from);
  void draining(CallerId id);                // it will never be a session: first to go
  void leave(CallerId id);                   // closed, or a session now
  std::size_t callers() const { return callers_.size(); }

  // Work on M1s: whose whole M1 is there waits for its turn; friends' addresses and others take turns, the others in the order
  // they came.
  void wait(CallerId id);
  std::optional<CallerId> next(Now now);     // do its work now; nothing when none waits or the budget is spent
  std::optional<Micros> next_deadline(Now now) const;  // when next() will give one

 private:
  struct Caller {
    Address prefix;
    Micros since = 0;
    bool known = false, draining = false, waiting = false;
  };
  struct Load { std::size_t all = 0, unknown = 0; };
  using Queue = std::deque<CallerId>;
  Verdict make_room(Now now, const Address& prefix, bool known);
  std::optional<CallerId> settled(Micros until, const Address& prefix, bool unknown_only) const;
  std::optional<CallerId> any(const Address& prefix, bool unknown_only);
  std::size_t below(std::size_t n);          // at random, from 0; REQUIRES n > 0

  std::uint64_t dice_;
  std::size_t places_, open_places_;         // all, and those for anybody
  std::set<Address> friends_;
  std::map<CallerId, Caller> callers_;       // in the order of arrival
  std::map<Address, Load> loads_;
  std::size_t unknown_ = 0;
  Queue known_queue_, other_queue_;
  bool known_turn_ = true;
  TokenBucket work_{kSecond / kM1PerSecond, kM1Burst};
};

}  // namespace gossip
