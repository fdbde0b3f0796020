// In one process: how long the work takes that an attacker can cause, by what the attacker sent.
#include <cstdio>

#include "attack/attack.h"
#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/handshake.h"
#include "support/real_pair.h"
#include "support/test_rng.h"

namespace gossip::attack {

bool tell_apart(const char* what, const std::vector<Class>& classes) {
  bool same = true;
  const Samples& first = classes.front().times;
  for (const Class& c : classes) {
    const double t = test::cropped_t(c.times, first);
    same = same && std::abs(t) < test::kTellsApart;
    std::printf("%s: %-22s %7zu samples, median %8.3f us, lower 90 %% mean %8.3f us, t %+6.2f\n", what, c.name.c_str(), c.times.size(),
                test::quantile(c.times, 0.5), test::moments(test::cropped(c.times, c.times, first)).mean, t);
  }
  std::printf("%s: %s\n", what, same ? "not told apart" : "TOLD APART");
  std::fflush(stdout);
  return same;
}

// Rationale: the ciphertexts of all classes are made before each sample and one is taken, so that what lies in the caches says
// nothing of the class.
bool oaep(std::size_t samples) {
  const auto crypto = crypto::make_crypto();
  const auto rng = crypto::make_rng();
  const test::Pair pair = test::real_pair(*crypto);
  const PrivateKey& ours = *pair.one->ours;
  const PublicKey &right = *pair.two->theirs, &other = *pair.one->theirs;
  std::vector<Class> classes{{"good", {}}, {"another label", {}}, {"another key", {}}, {"random", {}}, {"small", {}}};
  test::TestRng dice(1);
  for (std::size_t i = 0; i < samples * classes.size(); ++i) {
    const Hash plain = rng->array<32>(), label = rng->array<32>(), wrong = rng->array<32>(), fallback = rng->array<32>();
    std::array<Bytes, 5> sealed;
    for (Bytes& s : sealed) s.resize(ours.size());
    right.encrypt(plain, label, sealed[0]);
    right.encrypt(plain, wrong, sealed[1]);
    other.encrypt(plain, label, sealed[2]);
    rng->fill(sealed[3]);
    rng->fill(MutView{sealed[4]}.subspan(128));  // below the root of the modulus
    sealed[2][0] = sealed[3][0] = 0;             // below the modulus, or OpenSSL would not even begin
    const std::size_t which = dice.below(classes.size());
    const Bytes chosen = sealed[which];
    Hash out;
    classes[which].times.push_back(micros_of([&] { ours.decrypt(chosen, label, fallback, out); }));
  }
  return tell_apart("oaep", classes);
}

bool answers(std::size_t samples) {
  const auto crypto = crypto::make_crypto();
  const auto rng = crypto::make_rng();
  const test::Pair pair = test::real_pair(*crypto);
  Responder responder(*crypto, *rng);
  const crypto::NewKey unassigned = crypto::make_key(2048);
  responder.set_decoy(crypto::public_half(unassigned.private_der));
  responder.set_peers(std::span(&pair.two, 1));

  using M1 = std::array<std::uint8_t, kM1>;
  auto fresh = [&] {
    M1 m1;
    const Initiator caller(*crypto, *rng, pair.one);
    std::copy(caller.m1().begin(), caller.m1().end(), m1.begin());
    return m1;
  };
  std::vector<Class> classes{{"stranger", {}}, {"friend", {}}, {"replay of a friend", {}}, {"friend, bad body", {}}};
  std::vector<M1> heard;  // by an eavesdropper
  std::array<std::uint8_t, kM2> m2;
  test::TestRng dice(2);
  for (std::size_t i = 0; i < kReplaySet / 2; ++i) responder.answer(fresh(), m2);  // not as it is at start
  for (std::size_t i = 0; i < samples * classes.size(); ++i) {
    std::array<M1, 4> all{M1{}, fresh(), M1{}, fresh()};
    rng->fill(all[0]);
    all[2] = heard.empty() ? all[1] : heard[dice.below(heard.size())];
    all[3][700] ^= 1;
    std::size_t which = dice.below(classes.size());
    if (heard.empty()) which = 1;
    const M1 chosen = all[which];
    bool known = false;
    const double time = micros_of([&] { known = responder.answer(chosen, m2).pair != nullptr; });
    if (known != (which == 1)) return std::printf("answers: a caller taken for another\n"), false;
    classes[which].times.push_back(time);
    if (which != 1) continue;
    if (heard.size() < 1000) heard.push_back(chosen);
    else heard[dice.below(heard.size())] = chosen;
  }
  return tell_apart("answers", classes);
}

}  // namespace gossip::attack
