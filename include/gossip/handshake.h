// The handshake of gossip(7), HANDSHAKE: fixed-size messages in, fixed-size messages out. No socket, clock or deadline in it;
// Channel brings those. Whoever calls, known or not, costs and gets the same up to M2.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gossip/bucket.h"
#include "gossip/derive.h"
#include "gossip/health.h"
#include "gossip/pair.h"

namespace gossip {

constexpr std::size_t kM1 = 1296, kM2 = 1696, kM3 = 544;
constexpr std::size_t kReplaySet = 8192;          // n_I remembered
constexpr std::int64_t kHandshakesPerMinute = 30;  // per friend, counted only after M3 opened

// The dialling side of one handshake.
class Initiator {
 public:
  // REQUIRES pair->ours, pair->theirs
  Initiator(Crypto& crypto, Rng& rng, std::shared_ptr<const PairKeys> pair);
  View m1() const { return m1_; }
  // Answers M2 with M3. false: the answer was a stranger's, or refused; `m3` is then random bytes, made at the same cost.
  bool answer(View m2, MutView m3);
  const SessionKeys& keys() const { return keys_; }  // REQUIRES answer() gave true
  bool downgraded() const { return downgraded_; }    // answer() refused a friend's M2 without ML-KEM, as pair->need_pq asks

 private:
  Crypto& crypto_;
  Rng& rng_;
  std::shared_ptr<const PairKeys> pair_;
  Transcript transcript_;
  Secret32 x_;  // X25519 private key
  std::unique_ptr<KemKey> kem_key_;  // null: ML-KEM is not offered
  std::array<std::uint8_t, kM1> m1_;
  SessionKeys keys_;
  bool downgraded_ = false;
};

// Why a caller whose tag was a friend's did not get a session.
enum class Reason : std::uint8_t { kBadBody, kReplay, kPqPolicy, kPqMissing, kM3Bad, kTimeout, kRate };
Why why_of(Reason reason);

struct ReasonCount {
  PeerId peer = 0;
  Reason reason = Reason::kBadBody;
  std::uint64_t count = 0;
};
struct CallerCounts {
  std::uint64_t strangers = 0;         // M1s with nobody's tag
  std::vector<ReasonCount> reasons;    // by peer, then reason
};

// The n_I of the last M1s whose body opened, by their first half, in buckets; the least recently seen of a bucket is forgotten
// first. Whoever calls, one bucket is read and one place of it written: what it costs says nothing of the caller.
// Rationale: with four times the places, fewer than one in 100,000 is forgotten before `most` others have come.
class ReplaySet {
 public:
  explicit ReplaySet(std::size_t most) : buckets_(std::max<std::size_t>(1, most * 4 / kWays)) {}
  bool touch(const Hash& n_i, bool keep);  // was it there? Then it is the most recent again; else it is added where `keep`

 private:
  static constexpr std::size_t kWays = 16;
  struct Place {
    std::array<std::uint8_t, 16> half{};
    std::uint64_t age = 0;  // 0: empty
  };
  using Bucket = std::array<Place, kWays + 1>;  // the last place is for those that are not kept, and never looked at
  std::uint64_t stamp_ = 0;
  std::vector<Bucket> buckets_;
};

// What one accepted connection remembers between M2 and M3.
struct Answer {
  std::shared_ptr<const PairKeys> pair;  // null: a stranger, shown the decoy
  Transcript transcript;
  bool pq = false;                       // with ML-KEM
};

// What all accepted connections of a process share. "Boot" is its construction: the secret behind decoys and the replay set
// live as long as it does.
class Responder {
 public:
  Responder(Crypto& crypto, Rng& rng, std::size_t replays = kReplaySet);

  // At start and whenever peers change; friends without a key from them are not recognised. Handshakes under way with a
  // friend who is gone, or has another gen, come to nothing.
  void set_peers(std::span<const std::shared_ptr<const PairKeys>> peers);
  // The public half of an unassigned keypair, as load_public or public_half give it (used once). Until there is one nobody is
  // answered. Replace it when the keypair is assigned.
  void set_decoy(std::shared_ptr<const PublicKey> decoy) { decoy_ = std::move(decoy); }
  bool ready() const { return decoy_ != nullptr; }

  // Answers M1 with M2, in any case. No RSA private operation. REQUIRES ready()
  Answer answer(View m1, MutView m2);
  // The keys when M3 proves the friend, who is then answer.pair; else nothing, and the caller is to be drained.
  std::optional<SessionKeys> finish(Answer& answer, View m3, Micros now);

  void note(PeerId peer, Reason reason) { ++reasons_[{peer, reason}]; }
  CallerCounts drain_counts();  // since the last call

 private:
  struct Body;
  std::shared_ptr<const PairKeys> match(View n_i, View tag);
  bool read_body(const std::shared_ptr<const PairKeys>& who, const Transcript& transcript, View m1, Body& body);
  bool add_pq(const PairKeys* who, const Body& body, bool& real, MutView ct, Secret32& ss_pq);
  bool current(const PairKeys& pair) const;

  Crypto& crypto_;
  Rng& rng_;
  Secret32 boot_secret_;
  std::vector<std::shared_ptr<const PairKeys>> peers_;
  std::shared_ptr<const PublicKey> decoy_;
  Hash dummy_e_{};  // stands in for e_I where there is none
  Bytes dummy_ek_;  // and for ek_I; empty without ML-KEM
  ReplaySet replays_;
  std::map<PeerId, TokenBucket> rates_;
  std::map<std::pair<PeerId, Reason>, std::uint64_t> reasons_;
  std::uint64_t strangers_ = 0;
};

}  // namespace gossip
