// The ports through which the pure core reaches what it may not contain: cryptography, randomness and the store.
// src/crypto and src/db implement them; tests and the simulator bring their own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gossip/bytes.h"
#include "gossip/secret.h"

namespace gossip {

using PeerId = std::uint64_t;   // who.id of the store; 0 is ourselves; never used again
using Seq = std::uint64_t;      // position in a log; the first message is 1

// Random bytes from a cryptographic generator. Never fails (the implementation throws).
class Rng {
 public:
  virtual ~Rng() = default;
  virtual void fill(MutView out) = 0;
  std::uint64_t u64();
  std::uint64_t below(std::uint64_t n);  // uniform in [0, n); REQUIRES n > 0
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out;
    fill(out);
    return out;
  }
};

// An RSA public key for RSAES-OAEP with SHA-256 and MGF1-SHA-256 (RFC 8017 7.1).
class PublicKey {
 public:
  virtual ~PublicKey() = default;
  virtual std::size_t size() const = 0;  // bytes of a ciphertext: 256, 384 or 512
  // out.size() == size(), plaintext and label 32 bytes each. Throws when OpenSSL fails.
  virtual void encrypt(View plaintext, View label, MutView out) const = 0;
};

class PrivateKey {
 public:
  virtual ~PrivateKey() = default;
  virtual std::size_t size() const = 0;
  // Always fills `out` (32 bytes) and takes the same path: the plaintext when the ciphertext opens to exactly 32 bytes,
  // else the bytes of `fallback`, chosen by mask and never by branch (handshake: implicit rejection).
  virtual void decrypt(View ciphertext, View label, View fallback, MutView out) const = 0;
};

constexpr std::size_t kKemPublic = 1184, kKemCiphertext = 1088;  // ML-KEM-768 (FIPS 203)

// The private half of an ML-KEM-768 keypair, made for one handshake; wiped when it goes.
class KemKey {
 public:
  virtual ~KemKey() = default;
  virtual void public_key(MutView out) const = 0;  // kKemPublic bytes
  // Any kKemCiphertext bytes give 32: those that were not made for this key give some that nobody knows (implicit rejection).
  virtual void decapsulate(View ciphertext, MutView secret) const = 0;
};

class Kem {
 public:
  virtual ~Kem() = default;
  virtual std::unique_ptr<KemKey> make_key() = 0;
  // A fresh secret of 32 bytes, and the ciphertext that gives it to who holds the private half. false: that is no public half.
  virtual bool encapsulate(View public_key, MutView ciphertext, MutView secret) = 0;
};

// Primitives. All spans have exactly the size stated.
class Crypto {
 public:
  virtual ~Crypto() = default;
  virtual Hash sha256(View data) = 0;
  virtual Hash hmac(View key, View data) = 0;  // HMAC-SHA-256
  // ChaCha20-Poly1305 (RFC 8439): key 32, nonce 12; out.size() == plain.size() + 16. In place is allowed when the views start
  // at the same byte.
  virtual void seal(View key, View nonce, View ad, View plain, MutView out) = 0;
  // out.size() == sealed.size() - 16; false, and out zeroed, when the tag does not verify.
  virtual bool open(View key, View nonce, View ad, View sealed, MutView out) = 0;
  virtual Hash x25519_public(View private_key) = 0;                               // RFC 7748
  virtual bool x25519(View private_key, View public_key, MutView out) = 0;        // false (out all zero) for a low-order point
  virtual bool equal(View a, View b) = 0;                                         // constant time; REQUIRES equal sizes
  virtual Kem* kem() { return nullptr; }                                          // null: ML-KEM is not to be had, or not wanted
};

// Is told what is in hand, before it is touched: should the process die of it, the next one knows what it was (gossipd(8), CRASHES).
// mark: the first bytes of the id of a message that came; zeros: no message, so nothing that could be left alone.
class Desk {
 public:
  virtual ~Desk() = default;
  virtual void take(PeerId from, const Id12& mark) = 0;
  virtual void clear() = 0;
};

// A row of the log, without its text.
struct LogRow {
  Seq seq = 0;
  std::uint64_t epoch = 0;  // day number
  Hash id{};
  PeerId via = 0;           // who delivered the body; 0 = written here
  std::uint64_t size = 0;   // exact length of the canonical message; 0 when the body is no longer kept
};

// A friend told us of a message. The time is the wall clock's, for display.
struct Told {
  PeerId peer = 0;
  std::int64_t at_ms = 0;
  bool operator==(const Told&) const = default;
};

// A message on its way into the log: canonical bytes already hashed and checked.
struct Incoming {
  Hash id{};
  std::uint64_t epoch = 0;
  PeerId via = 0;
  Bytes message;
  std::vector<Told> told = {};  // who else had told us of it by then; in the order they did
};

// What we know of a friend's log: gossip(7), CURSORS.
struct Cursor {
  LogId log_id{};
  Seq seq = 0;
  Tag tag{};
};

// A place in it where a cursor was.
struct Rung {
  Seq upto = 0;
  Tag tag{};
  bool operator==(const Rung&) const = default;
};
using Ladder = std::vector<Rung>;  // ascending, at most kMaxRungs

struct CursorUpdate {
  PeerId peer = 0;
  std::uint64_t gen = 0;
  Cursor cursor;
  bool reset = false;  // the log is another, or was set back: replace. Otherwise the stored cursor only grows, for the same log_id
  std::optional<Ladder> ladder = {};  // goes with it, in the place of the stored one; none: that one stays
};

struct AckUpdate {
  PeerId peer = 0;
  std::uint64_t gen = 0;
  Seq acked = 0;
};

// What came of a commit.
struct Committed {
  bool done = false;
  std::size_t stored = 0;  // messages that were not there yet
  operator bool() const { return done; }
};

// The one log, and the cursors into friends' logs. Synchronous. An implementation throws when the world fails in a read.
class Store {
 public:
  virtual ~Store() = default;
  // Between these two many reads come in a row, and nothing is committed: a store may answer them all from one state of it.
  virtual void begin_reads() {}
  virtual void end_reads() noexcept {}
  virtual Seq size() = 0;                                             // greatest committed seq, 0 when empty
  virtual bool held(std::uint64_t epoch, const Id12& id12) = 0;       // committed, whoever stored it
  // held(), asked since this friend tells us of the message. A store that keeps such things notes it where it is held.
  virtual bool told(std::uint64_t epoch, const Id12& id12, const Told&) { return held(epoch, id12); }
  virtual std::size_t rows(Seq after, std::span<LogRow> out) = 0;     // committed rows after `after`, ascending, dense
  virtual bool body(Seq seq, Bytes& message) = 0;                     // appends nothing and gives false when the body is gone
  virtual Hash chain(Seq seq) = 0;                                    // chain(0) = zeros; REQUIRES seq <= size()
  virtual View log_key() = 0;                                         // 32 bytes
  virtual Cursor cursor(PeerId peer, std::uint64_t gen) = 0;          // zeros when there is none
  virtual Ladder ladder(PeerId, std::uint64_t) { return {}; }         // a store that keeps none costs repetition only
  // One transaction: appends what is not there yet, moves cursors, notes acks. Done after COMMIT returned; not, when nothing of it
  // was stored and trying again later may help (disk full, busy).
  virtual Committed commit(std::span<const Incoming> messages, std::span<const CursorUpdate> cursors,
                           std::span<const AckUpdate> acks) = 0;
  // Bytes of messages stored from the friend today (UTC, by the store's clock). A store that does not count says 0.
  virtual std::uint64_t taken_today(PeerId) { return 0; }
};

class Reads {
 public:
  explicit Reads(Store& store) : store_(store) { store_.begin_reads(); }
  Reads(const Reads&) = delete;
  ~Reads() { store_.end_reads(); }

 private:
  Store& store_;
};

}  // namespace gossip
