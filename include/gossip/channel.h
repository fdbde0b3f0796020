// Channel: one connection with a friend, or with somebody who is not. Bytes in, bytes out, time as an argument: the handshake
// of gossip(7), HANDSHAKE, then cells (CELLS) that carry a byte stream both ways. No socket in it.
//
//   initiator:  WAIT_M2 -> WAIT_READY -> OPEN -> CLOSING -> DONE      (not recognised: LINGER -> DONE)
//   responder:  WAIT_M1 -> WAIT_TURN -> WAIT_M3 -> OPEN -> CLOSING -> DONE      (stranger: DRAIN -> DONE)
//
// A channel never blocks, never waits longer than its deadlines, and buffers no more than kChannelBacklog plus one frame out
// and kChannelInput plus one read in. What it throws comes from OpenSSL and concerns this connection alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "gossip/cell.h"
#include "gossip/frame.h"
#include "gossip/handshake.h"
#include "gossip/health.h"
#include "gossip/pair.h"
#include "gossip/ports.h"
#include "gossip/time.h"

namespace gossip {

constexpr std::size_t kChannelBacklog = 64 * 1024;  // send window: free() never promises more
constexpr std::size_t kChannelInput = 256 * 1024;   // stream bytes not taken yet, beyond which reading() is false
constexpr std::size_t kCallerInput = 4096;          // kept of a caller who has not been answered
constexpr std::size_t kDrained = 64 * 1024;         // read and thrown away of a stranger
constexpr Micros kStep = 10 * kSecond;              // each step of a dialled handshake
constexpr Micros kCallerTime = 20 * kSecond;        // of an accepted one, plus U[0, 10 s)
constexpr Micros kPingLost = 5 * kSecond;           // after so long without a PONG another PING may be asked for
constexpr Micros kPingIdle = 30 * kSecond;          // +- 20 %
constexpr Micros kDead = 75 * kSecond;              // without a cell that verified
constexpr Micros kCloseWait = 2 * kSecond;          // after our CLOSE
constexpr std::size_t kPadAll = 256;                // batches are 1, 2, 4 ... 256 cells, then multiples of it

// How a channel ended.
enum class End : std::uint8_t {
  kOpenStill,
  kClosed,          // CLOSE 0 exchanged
  kReplaced, kShutdown, kBusy,      // the friend's CLOSE said so
  kProtocolError,   // the friend's CLOSE said so, or what came broke the rules
  kAbnormal,        // end of file without CLOSE, or a cell that did not verify
  kSilent,          // nothing verified for 75 s, or no M2 in time
  kNotRecognised,   // dialled: the answer was a stranger's (they have not added us, or not set our key, or another key)
  kDowngraded,      // dialled: the friend's answer was without ML-KEM, and the pair needs it
  kUnproven,        // dialled: READY missing or bad: the peer could not prove itself
  kStranger,        // accepted: never became a session
};
Why why_of(End end);

class Channel {
 public:
  // Dials as `pair` (kept alive by the channel). M1 is ready at once; `now` is when the connection stood.
  static std::unique_ptr<Channel> dial(Crypto&, Rng&, std::shared_ptr<const PairKeys> pair, Now now);
  // Accepts. `responder` outlives the channel.
  static std::unique_ptr<Channel> accept(Crypto&, Rng&, Responder& responder, Now now);
  virtual ~Channel() = default;

  // PAD cells at Poisson times as long as it is open (gossip(7), COVER). Before the first byte.
  virtual void cover() = 0;
  virtual std::uint64_t cover_cells() const = 0;   // sent so far for cover

  virtual void receive(Now now, View bytes) = 0;   // from the socket, any cut
  virtual void end_of_file(Now now) = 0;           // the other side shut down writing, or a reset; idempotent
  virtual void tick(Now now) = 0;
  virtual std::optional<Micros> next_deadline() const = 0;

  // accepted only: a whole M1 waits for its share of the work budget (Gate); work() answers it
  virtual bool wants_work() const = 0;
  virtual void work(Now now) = 0;

  // bytes for the socket: ask again after consumed(), until it is empty; a cell that is not full goes out last
  virtual View output() = 0;
  virtual void consumed(Now now, std::size_t n) = 0;
  // End of a loop turn. Where everything was taken, pads the batch to 1, 2, 4 ... 256, then multiples of 256 cells; output()
  // may have grown.
  virtual void end_turn(Now now) = 0;

  // the stream, once open
  virtual bool open() const = 0;
  virtual PeerId peer() const = 0;                 // who it is; REQUIRES open() was once true, or dialled
  virtual std::uint64_t gen() const = 0;
  virtual bool dialled() const = 0;
  virtual void send(View stream) = 0;              // ignored unless open
  virtual std::size_t free() const = 0;            // how much more send() should be given now; 0 when the backlog is full
  virtual View stream() const = 0;                 // what has arrived since the last take_stream()
  virtual void take_stream() = 0;
  virtual void close(Now now, CloseCode code) = 0; // sends what is queued, then CLOSE; the socket ends at finished()

  // A PING of its own beside those of an idle session, and what it took until the PONG, once: nothing as long as none has come.
  // Asked for while one is under way, that one has to do, for kPingLost: of two at once the friend owes an answer to the first only.
  // Only while open.
  virtual void ping(Now now) = 0;
  virtual std::optional<Micros> take_round_trip() = 0;

  virtual bool reading() const = 0;                // false: leave the socket's input alone
  virtual bool draining() const = 0;               // accepted, and never to be a session: tell the Gate
  virtual bool finished() const = 0;               // close the socket now (after output() is empty: shut down writing first)
  virtual End end() const = 0;                     // kOpenStill until it ended
  virtual Hash session_id() const = 0;             // channel binding; REQUIRES open() was once true
  virtual bool pq() const = 0;                     // its keys hold ML-KEM's secret; likewise
};

}  // namespace gossip
