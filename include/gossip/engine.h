// Engine: the sync layer of one process, for all friends (gossip(7), SYNC). Events and time go in, actions come out; the daemon,
// the simulator and the fuzzers run this very class. It holds no socket, clock, thread or file.
//
// Duty of the driver, each turn:   handle(events)  tick  flush  then poll() until empty  then sleep until next_deadline().
// What flush() commits is durable before anything that reveals it is produced: HAVE, CREDIT.ack and Stored are made from
// committed rows and cursors only, so a failed or forgotten commit promises nothing to anybody.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "gossip/channel.h"
#include "gossip/ports.h"
#include "gossip/time.h"

namespace gossip {

using LinkId = std::uint64_t;  // the driver's number for one open session; never used again in a process

// A friend as the store knows it. `dialable`: has an address and a key from them.
struct PeerInfo {
  PeerId peer = 0;
  std::uint64_t gen = 0;
  bool dialable = false;
  std::uint64_t address_stamp = 0;  // changes when the address or key does: clears the back-off
};

// --- events
struct PeersChanged { std::vector<PeerInfo> peers; };                    // all of them, at start and after every change
struct LinkUp { LinkId link; PeerId peer; std::uint64_t gen; bool dialled; };
struct LinkDown { LinkId link; End why; };
struct BytesIn { LinkId link; View bytes; };
struct Writable { LinkId link; std::size_t free; };                      // the link takes about this much now
struct DialFailed { PeerId peer; std::string why; };                     // words for status: "refused", "not recognised" ...
struct Bell {};                                                          // the store may have grown
struct Sibling { PeerId peer; bool up; };                                // the other process has, or lost, a session to the friend
struct ClearBackoff {};                                                  // SIGHUP: dial everybody who is not up, soon
struct StoreRoom { bool room; };                                         // false: the disk is short; ask for nothing more
using Event = std::variant<PeersChanged, LinkUp, LinkDown, BytesIn, Writable, DialFailed, Bell, Sibling, ClearBackoff, StoreRoom>;

// --- actions
struct Send { LinkId link; Bytes bytes; };
struct Dial { PeerId peer; };                                            // answered by LinkUp or DialFailed
struct CloseLink { LinkId link; CloseCode code; };                       // the engine has forgotten the link; no LinkDown is due
struct Stored { std::uint64_t count; };                                  // committed: ring the other process
enum class Health : std::uint8_t { kWaiting, kDialling, kUp };
struct Note { PeerId peer; bool dialled; Health state; std::string reason; };   // only when it changed; for status and the log
using Action = std::variant<Send, Dial, CloseLink, Stored, Note>;

struct EngineConfig {
  bool dials = true;                         // the worker dials; the listener does not
  Micros fetch_interval = 5 * kSecond;       // first wait after a failed dial
};

struct EngineStats {
  std::uint64_t bodies = 0, bodies_stored = 0, bodies_twice = 0, bodies_wrong = 0, refused = 0, gone = 0;
  std::uint64_t haves = 0, wants = 0, frames_in = 0, bytes_in = 0, bytes_out = 0, protocol_errors = 0;
  std::uint64_t commits = 0, commits_failed = 0;
  std::uint64_t other_log = 0, mismatch = 0;      // logs of friends that had to be read from the start again
  std::uint64_t haves_sent = 0, bodies_sent = 0;
};

class Engine {
 public:
  Engine(const EngineConfig& config, Store& store, Crypto& crypto, Rng& rng);
  ~Engine();
  void handle(Now now, const Event& event);
  void tick(Now now);
  bool flush(Now now);  // commits what is due; false when a commit failed (nothing was promised; asked again later)
  bool poll(Action& out);
  std::optional<Micros> next_deadline() const;
  const EngineStats& stats() const;
  void finish(Now now);  // going down: commits what was staged, whatever is due
  void assert_invariants() const;  // I4, I5 and the engine's own books; for tests, simulator and fuzzers

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gossip
