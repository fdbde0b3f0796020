// Handshakes on one core, with keys of 3072 bits: of a friend, both sides of it, beside the two RSA private operations in it that
// nothing can take away; and how many strangers are answered with a decoy, whatever the pace at which a daemon lets them in.
//   bench-handshakes SECONDS      prints friends/s, what RSA alone allows, strangers/s
#include <array>
#include <functional>
#include <memory>

#include "bench/measure.h"
#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/handshake.h"

namespace gossip::bench {
namespace {

constexpr int kBits = 3072;
constexpr PeerId kPeer = 1;

struct Side {
  crypto::NewKey made = crypto::make_key(kBits);
  std::shared_ptr<const PrivateKey> secret = crypto::load_private(made.private_der);
  std::shared_ptr<const PublicKey> open = crypto::public_half(made.private_der);
};

std::shared_ptr<const PairKeys> pair_of(const Side& ours, const Side& theirs, Crypto& crypto) {
  const Secret32 psk = psk_of(crypto, {});
  const Hash &a = ours.made.fp, &b = theirs.made.fp;
  const Statics out = derive_statics(crypto, psk, a, b), in = derive_statics(crypto, psk, b, a);
  return std::make_shared<const PairKeys>(PairKeys{kPeer, 1, ours.secret, theirs.open, a, b, out, in, false});
}

// How often a second, of processor time.
double rate(double seconds, const std::function<void()>& work) {
  const double begin = cpu_ms(), end = begin + seconds * 1e3;
  double now = begin;
  int n = 0;
  for (; now < end; ++n, now = cpu_ms()) work();
  return n / (now - begin) * 1e3;
}

int run(double seconds) {
  const auto crypto = crypto::make_crypto();
  const auto rng = crypto::make_rng();
  const Side ann, bob, decoy;
  const auto at_ann = pair_of(ann, bob, *crypto), at_bob = pair_of(bob, ann, *crypto);
  Responder responder(*crypto, *rng);
  const std::shared_ptr<const PairKeys> friends[] = {at_bob};
  responder.set_peers(friends);
  responder.set_decoy(decoy.open);
  std::array<std::uint8_t, kM2> m2;
  std::array<std::uint8_t, kM3> m3;
  Micros now = 0;
  const double all = rate(seconds, [&] {
    now += kMinute;  // so that nobody is too fast a caller
    Initiator initiator(*crypto, *rng, at_ann);
    Answer answer = responder.answer(initiator.m1(), m2);
    must(initiator.answer(m2, m3) && responder.finish(answer, m3, now).has_value(), "handshake");
  });
  Bytes sealed(bob.open->size());
  Hash secret{}, label{}, fallback{};
  bob.open->encrypt(secret, label, sealed);
  const double alone = rate(seconds, [&] {
    bob.secret->decrypt(sealed, label, fallback, secret);
    bob.secret->decrypt(sealed, label, fallback, secret);
  });
  std::array<std::uint8_t, kM1> m1;
  rng->fill(m1);
  const double strangers = rate(seconds, [&] { responder.answer(m1, m2); });
  std::printf("%.1f %.1f %.1f\n", all, alone, strangers);
  return 0;
}

}  // namespace
}  // namespace gossip::bench

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  return gossip::bench::run(std::atof(argv[1]));
}
