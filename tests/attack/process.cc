// In one process: how long the work takes that an attacker can cause, by what the attacker sent.
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <cstdio>
#include <stdexcept>

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

namespace {

// m^e mod n, without any padding.
class RawRsa {
 public:
  explicit RawRsa(const Bytes& private_der) {
    const std::uint8_t* at = private_der.data();
    key_.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(private_der.size())));
    ctx_.reset(EVP_PKEY_CTX_new(key_.get(), nullptr));
    if (!ctx_ || EVP_PKEY_encrypt_init(ctx_.get()) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx_.get(), RSA_NO_PADDING) != 1)
      throw std::runtime_error("RSA without padding");
  }
  void encrypt(View plain, MutView out) const {
    std::size_t size = out.size();
    if (EVP_PKEY_encrypt(ctx_.get(), out.data(), &size, plain.data(), plain.size()) != 1) throw std::runtime_error("EVP_PKEY_encrypt");
  }

 private:
  template <auto kFree>
  struct Free {
    template <class T>
    void operator()(T* object) const { kFree(object); }
  };
  std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key_;
  std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>> ctx_;
};

}  // namespace

// Rationale: the ciphertexts of all classes are made before each sample and one is taken, so that what lies in the caches says
// nothing of the class.
bool oaep(std::size_t samples) {
  const auto crypto = crypto::make_crypto();
  const auto rng = crypto::make_rng();
  const test::Pair pair = test::real_pair(*crypto);
  const PrivateKey& ours = *pair.one->ours;
  const PublicKey &right = *pair.two->theirs, &other = *pair.one->theirs;
  std::vector<Class> classes{{"good", {}}, {"another label", {}}, {"another key", {}}, {"random", {}}, {"a small plaintext", {}}};
  const RawRsa raw(test::ann_key());
  test::TestRng dice(1);
  for (std::size_t i = 0; i < samples * classes.size(); ++i) {
    const Hash plain = rng->array<32>(), label = rng->array<32>(), wrong = rng->array<32>(), fallback = rng->array<32>();
    std::array<Bytes, 5> sealed;
    for (Bytes& s : sealed) s.resize(ours.size());
    right.encrypt(plain, label, sealed[0]);
    right.encrypt(plain, wrong, sealed[1]);
    other.encrypt(plain, label, sealed[2]);
    rng->fill(sealed[3]);
    Bytes small(ours.size());
    rng->fill(MutView{small}.last(64));  // CVE-2022-4304: what is deciphered begins with many zeros
    raw.encrypt(small, sealed[4]);
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
  const auto unassigned_public = crypto::public_half(unassigned.private_der);
  const PublicKey &decoy = *unassigned_public, &friends = *pair.two->theirs;
  const Hash nothing{};
  Bytes spare(decoy.size());
  responder.set_decoy(unassigned_public);
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
  std::size_t next = 0;
  for (std::size_t i = 0; i < kReplaySet / 2; ++i) responder.answer(fresh(), m2);  // not as it is at start
  for (std::size_t i = 0; i < samples * classes.size(); ++i) {
    std::array<M1, 4> all{M1{}, fresh(), M1{}, fresh()};
    rng->fill(all[0]);
    all[2] = heard.empty() ? all[1] : heard[dice.below(heard.size())];
    all[3][700] ^= 1;
    std::size_t which = dice.below(classes.size());
    if (heard.empty()) which = 1;
    const M1 chosen = all[which];
    // Rationale: what is measured is the work; how warm a key is depends on how often it is used, which shows in `calls`.
    const bool first = dice.below(2) == 0;
    for (const PublicKey* key : {first ? &friends : &decoy, first ? &decoy : &friends}) key->encrypt(nothing, nothing, spare);
    bool known = false;
    const double time = micros_of([&] { known = responder.answer(chosen, m2).pair != nullptr; });
    if (known != (which == 1)) return std::printf("answers: a caller taken for another\n"), false;
    classes[which].times.push_back(time);
    if (which != 1) continue;
    if (heard.size() < 1000) heard.push_back(chosen);
    else heard[next++ % heard.size()] = chosen;
  }
  return tell_apart("answers", classes);
}

}  // namespace gossip::attack
