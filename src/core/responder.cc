#include <utility>

#include "core/wire.h"
#include "gossip/check.h"

namespace gossip {

using namespace wire;

Why why_of(Reason reason) {
  switch (reason) {
    case Reason::kBadBody: return Why::kBadBody;
    case Reason::kReplay: return Why::kReplay;
    case Reason::kPqPolicy: return Why::kPqPolicy;
    case Reason::kPqMissing: return Why::kPqMissing;
    case Reason::kM3Bad: return Why::kBadProof;
    case Reason::kTimeout: return Why::kUnfinished;
    case Reason::kRate: return Why::kTooOften;
  }
  return Why::kNone;
}

bool ReplaySet::touch(const Hash& n_i, bool keep) {
  Bucket& bucket = buckets_[(n_i[0] | std::size_t{n_i[1]} << 8) % buckets_.size()];
  Place now{{}, ++stamp_};
  std::copy_n(n_i.begin(), now.half.size(), now.half.begin());
  std::size_t oldest = 0, hit = kWays;
  for (std::size_t i = 0; i < kWays; ++i) {
    std::uint8_t other = bucket[i].age == 0;
    for (std::size_t j = 0; j < now.half.size(); ++j) other |= bucket[i].half[j] ^ now.half[j];
    hit = other == 0 ? i : hit;
    oldest = bucket[i].age < bucket[oldest].age ? i : oldest;
  }
  bucket[hit < kWays ? hit : keep ? oldest : kWays] = now;
  return hit < kWays;
}

// B1 as it came, and what is used of it.
struct Responder::Body {
  std::array<std::uint8_t, kB1> b1{};
  Hash e_i{};
};

Responder::Responder(Crypto& crypto, Rng& rng, std::size_t replays) : crypto_(crypto), rng_(rng), replays_(replays) {
  rng_.fill(boot_secret_.mut());
  Secret32 x;
  rng_.fill(x.mut());
  dummy_e_ = crypto_.x25519_public(x);
  if (Kem* kem = crypto_.kem()) {
    dummy_ek_.resize(kEk);
    kem->make_key()->public_key(dummy_ek_);
    std::array<std::uint8_t, kCt> ct;
    GOSSIP_CHECK(kem->encapsulate(dummy_ek_, ct, x.mut()));  // no caller sees a slow first time
  }
}

void Responder::set_peers(std::span<const std::shared_ptr<const PairKeys>> peers) {
  peers_.clear();
  for (const auto& peer : peers)
    if (peer->ours && peer->theirs) peers_.push_back(peer);
  std::erase_if(rates_, [&](const auto& rate) {
    return std::none_of(peers_.begin(), peers_.end(), [&](const auto& peer) { return peer->peer == rate.first; });
  });
}

bool Responder::current(const PairKeys& pair) const {
  return std::any_of(peers_.begin(), peers_.end(), [&](const auto& p) { return p->peer == pair.peer && p->gen == pair.gen; });
}

// Every peer is tried; two hits are as good as none.
std::shared_ptr<const PairKeys> Responder::match(View n_i, View tag) {
  std::size_t hits = 0, hit = 0;
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    const Hash mac = crypto_.hmac(peers_[i]->in.tag_key, n_i);
    const std::size_t same = crypto_.equal(View{mac}.first(kTag), tag);
    hits += same;
    hit += same * i;
  }
  if (hits == 1) return peers_[hit];
  ++strangers_;
  return nullptr;
}

// C1 is opened in any case; false sends the caller to the decoy.
bool Responder::read_body(const std::shared_ptr<const PairKeys>& who, const Transcript& transcript, View m1, Body& body) {
  const View n_i = m1.first(32), tag = m1.subspan(32, kTag);
  const bool opened =
      crypto_.open(transcript.m1_key(n_i), kZeroNonce, transcript.m1_ad(n_i, tag), m1.subspan(32 + kTag), body.b1);
  body.e_i = dummy_e_;
  Hash n{};
  std::copy(n_i.begin(), n_i.end(), n.begin());
  const bool seen = replays_.touch(n, who && opened);
  if (!who) return false;
  if (!opened || seen) {
    note(who->peer, opened ? Reason::kReplay : Reason::kBadBody);
    return false;
  }
  if (!head_fine(body.b1, kMlKem)) {
    note(who->peer, Reason::kBadBody);
    return false;
  }
  std::copy_n(body.b1.begin() + kHead, 32, body.e_i.begin());
  return true;
}

// ML-KEM's part of M2: whether there is one, then with its secret. Where the library has it every caller costs one encapsulation:
// who gave nothing to do it to, or is a stranger, one to the dummy. `real` becomes false where a friend has to be refused.
bool Responder::add_pq(const PairKeys* who, const Body& body, bool& real, MutView ct, Secret32& ss_pq) {
  Kem* kem = crypto_.kem();
  const bool offered = (body.b1[1] & kMlKem) != 0;
  bool use = kem && real && offered;
  if (real && who->need_pq && !use) {
    note(who->peer, offered ? Reason::kPqMissing : Reason::kPqPolicy);
    real = false;
  }
  if (!kem) return false;
  std::array<std::uint8_t, kCt> made;
  Secret32 secret;
  if (use && !kem->encapsulate(View{body.b1}.subspan(kHead + 32), made, secret.mut())) {
    note(who->peer, Reason::kBadBody);
    use = real = false;
  }
  if (!use) {
    GOSSIP_CHECK(kem->encapsulate(dummy_ek_, made, secret.mut()));
    return false;
  }
  std::copy(made.begin(), made.end(), ct.begin());
  ss_pq = secret;
  return true;
}

Answer Responder::answer(View m1, MutView m2) {
  GOSSIP_CHECK(m1.size() == kM1 && m2.size() == kM2 && ready());
  const View n_i = m1.first(32);
  // Rationale: the decoy's secrets are made for friends too, so that the two cost the same.
  const Secret32 decoy_root = expand(crypto_, boot_secret_, "decoy", n_i);
  const Transcript decoy(crypto_, decoy_root, expand(crypto_, decoy_root, "h0", {}));
  auto who = match(n_i, m1.subspan(32, kTag));
  Answer out{who, who ? Transcript(crypto_, who->in.root, who->in.h0) : decoy};

  Body body;
  bool real = read_body(who, out.transcript, m1, body);
  Secret32 y, ee, k_r, no_ee;
  rng_.fill(y.mut());
  rng_.fill(no_ee.mut());
  const Hash e_r = crypto_.x25519_public(y);
  if (!crypto_.x25519(y, body.e_i, ee.mut()) && real) {
    note(who->peer, Reason::kBadBody);
    real = false;
  }
  rng_.fill(m2);  // n_R, a ct that is not used, and what c_R leaves of its slot
  MutView b2 = m2.subspan(32, kB2);
  Secret32 ss_pq;
  const bool pq = add_pq(who.get(), body, real, b2.subspan(kHead + 32, kCt), ss_pq);
  if (!real) {
    out = {nullptr, decoy};
    ee = no_ee;
  }
  out.pq = pq;
  const PublicKey& theirs = out.pair ? *out.pair->theirs : *decoy_;
  Transcript& t = out.transcript;
  t.add(m1);

  const View n_r = m2.first(32);
  rng_.fill(k_r.mut());
  b2[0] = kVersion;
  std::fill_n(b2.begin() + 1, kHead - 1, std::uint8_t{0});
  if (pq) b2[1] = kMlKem;
  std::copy(e_r.begin(), e_r.end(), b2.begin() + kHead);
  theirs.encrypt(k_r, t.label_cr(n_r, b2.first(kB2a)), b2.subspan(kB2a, theirs.size()));
  crypto_.seal(t.m2_key(n_r), kZeroNonce, t.m2_ad(n_r), b2, m2.subspan(32));
  t.add(m2);
  t.mix(ee, ss_pq, k_r);
  return out;
}

std::optional<SessionKeys> Responder::finish(Answer& answer, View m3, Micros now) {
  GOSSIP_CHECK(m3.size() == kM3);
  Transcript& t = answer.transcript;
  std::array<std::uint8_t, kB3> b3;
  const bool opened = crypto_.open(t.m3_key(), kZeroNonce, t.h(), m3, b3);
  if (!answer.pair || !current(*answer.pair)) return std::nullopt;
  const PairKeys& pair = *answer.pair;
  if (!opened || !all_zero(View{b3}.first(16))) {
    note(pair.peer, Reason::kM3Bad);
    return std::nullopt;
  }
  auto rate = rates_.try_emplace(pair.peer, kMinute / kHandshakesPerMinute, kHandshakesPerMinute).first;
  if (!rate->second.take(now)) {
    note(pair.peer, Reason::kRate);
    return std::nullopt;
  }
  Secret32 fallback, k_i;
  rng_.fill(fallback.mut());
  pair.ours->decrypt(View{b3}.subspan(16, pair.ours->size()), t.label_ci(), fallback, k_i.mut());
  t.add(m3);
  SessionKeys keys = t.finish(k_i);
  keys.pq = answer.pq;
  t = Transcript(crypto_, Secret32{}, Secret32{});
  return keys;
}

CallerCounts Responder::drain_counts() {
  CallerCounts out;
  out.strangers = std::exchange(strangers_, 0);
  for (const auto& [key, count] : reasons_) out.reasons.push_back({key.first, key.second, count});
  reasons_.clear();
  return out;
}

}  // namespace gossip
