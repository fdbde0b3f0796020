// Engine: the sync layer of one process, for all friends (gossip(7), SYNC). Events and time go in, actions come out; the daemon,
// the simulator and the fuzzers run this very class. It holds no socket, clock, thread or file.
//
// Duty of the driver, each turn:   handle(events)  tick  flush  then poll() until empty  then sleep until next_deadline(), unless
// there is more(): then another flush comes first. Each flush gives every link its share of a round, so that others may be heard
// between two of them.
// What flush() commits is durable before anything that reveals it is produced: HAVE, CREDIT.ack and Stored are made from
// committed rows and cursors only, so a failed or forgotten commit promises nothing to anybody.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "gossip/channel.h"
#include "gossip/health.h"
#include "gossip/ports.h"
#include "gossip/time.h"

namespace gossip {

using LinkId = std::uint64_t;  // the driver's number for one open session; never used again in a process

// How far the exchange of keys by invitation is (gossip(7), INVITATIONS). Until it is done a session carries HELLO and KEY only.
enum class Pairing : std::uint8_t {
  kDone,
  kInvited,  // their key is the invitation's: theirs is to come
  kJoining,  // ours is, and we send the one to be
};

// A friend as the store knows it. `dialable`: has an address and a key from them.
struct PeerInfo {
  PeerId peer = 0;
  std::uint64_t gen = 0;
  bool dialable = false;
  std::uint64_t address_stamp = 0;  // changes when the address or key does: clears the back-off
  std::uint64_t last_up = 0;        // the greater, the later it was up; 0: never. Only an order, for the dials at start
  Pairing pairing = Pairing::kDone;
  Bytes next_key = {};              // kJoining: what we send, SPKI DER
  unsigned crashes = 0;             // of ours, lately, at what it sent: when there is one more, it is put off,
  Micros put_off = 0;               // for so long
};

// --- events
// All of them, at start and after every change. quarantine: marks (Desk) of messages that made us crash.
struct PeersChanged { std::vector<PeerInfo> peers; std::set<Id12> quarantine = {}; };
struct LinkUp { LinkId link; PeerId peer; std::uint64_t gen; bool dialled; };
struct LinkDown { LinkId link; End why; };
struct BytesIn { LinkId link; View bytes; };
struct Writable { LinkId link; std::size_t free; };                      // the link takes about this much now
struct DialFailed { PeerId peer; Why why; };
struct Bell {};                                                          // the store may have grown
struct Sibling { PeerId peer; bool up; };                                // the other process has, or lost, a session to the friend
struct ClearBackoff {};                                                  // SIGHUP: dial everybody who is not up, soon
struct StoreRoom { bool room; };                                         // false: the disk is short; ask for nothing more
// Answers KeyCame. fp: of the key, once it is stored. None: it was refused, or (`later`) could not be stored now.
struct KeyJudged { LinkId link; std::optional<Hash> fp; bool later = false; };
struct CommitTook { Micros took; };                                      // the last one; after a slow one little is asked for a while
using Event = std::variant<PeersChanged, LinkUp, LinkDown, BytesIn, Writable, DialFailed, Bell, Sibling, ClearBackoff, StoreRoom,
                           KeyJudged, CommitTook>;

// --- actions
struct Send { LinkId link; Bytes bytes; };
struct Dial { PeerId peer; };                                            // answered by LinkUp or DialFailed
struct CloseLink { LinkId link; CloseCode code; };                       // the engine has forgotten the link; no LinkDown is due
struct Stored { std::uint64_t count; };                                  // committed: ring the other process
// Of a friend who is kInvited: the key from now on, to be checked and stored. Answered by KeyJudged.
struct KeyCame { LinkId link; PeerId peer; std::uint64_t gen; Bytes spki_der; };
struct KeyTaken { PeerId peer; std::uint64_t gen; };                     // of one who is kJoining: they have stored ours
// For status and the log; only when it changed, where a next try moved by a few seconds too.
struct Note {
  PeerId peer;
  bool dialled;                  // by us
  Health state;                  // kWaiting or kUp
  Why why;
  std::optional<Micros> next = std::nullopt;  // the next try, when one is due; in the past: it is being dialled, or its turn comes
  unsigned failures = 0;         // in a row
  bool outage = false;           // our own network seems to be down: failures are not counted
};
using Action = std::variant<Send, Dial, CloseLink, Stored, KeyCame, KeyTaken, Note>;

struct EngineConfig {
  bool dials = true;                         // the worker dials; the listener does not
  Micros fetch_interval = 5 * kSecond;       // first wait after a failed dial
  std::uint64_t friend_quota = 0;            // bytes stored from one friend in one day (UTC), kRowCost with each message; 0: no limit
};

struct EngineStats {
  std::uint64_t bodies = 0, bodies_stored = 0, bodies_twice = 0, bodies_wrong = 0, refused = 0, gone = 0;
  std::uint64_t quarantined = 0;                  // messages left alone, since they made us crash
  std::uint64_t haves = 0, wants = 0, frames_in = 0, bytes_in = 0, bytes_out = 0, protocol_errors = 0;
  std::uint64_t commits = 0, commits_failed = 0;
  std::uint64_t other_log = 0, mismatch = 0;      // logs of friends that had to be read again, from the start or from further down
  std::uint64_t older_copy = 0;                   // sessions in which the friend knew more of our log than we do
  std::uint64_t haves_sent = 0, bodies_sent = 0;
  std::uint64_t bodies_late = 0;                  // the other process had stored them meanwhile
  // How often asking and granting stopped, and why: the table of unresolved entries, bodies in flight, the store (full, or slow), a
  // friend's quota for the day.
  std::uint64_t stops_table = 0, stops_flight = 0, stops_store = 0, stops_slow = 0, stops_quota = 0;
};

class Engine {
 public:
  Engine(const EngineConfig& config, Store& store, Crypto& crypto, Rng& rng, Desk* desk = nullptr);
  ~Engine();
  void handle(Now now, const Event& event);
  void tick(Now now);
  bool flush(Now now);  // commits what is due; false when a commit failed (nothing was promised; asked again later)
  bool more() const;    // the last flush left something that may be said now
  bool poll(Action& out);
  std::optional<Micros> next_deadline() const;
  const EngineStats& stats() const;
  std::size_t share(LinkId link) const;  // how much of what the link has to say is fair to read in one turn
  void finish(Now now);  // going down: commits what was staged, whatever is due
  void assert_invariants() const;  // I4, I5 and the engine's own books; for tests, simulator and fuzzers

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gossip
