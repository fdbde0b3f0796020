// What the three targets of the handshake share: a friendship on OpenSSL, with ML-KEM where it has that, and on CheapCrypto with a
// toy KEM (the first byte of the input says which: one value in 16 is for OpenSSL, which takes a thousand times as long), and
// mutation of good messages.
#pragma once

#include "core/wire.h"
#include "gossip/check.h"
#include "gossip/handshake.h"
#include "support/fuzz_input.h"
#include "support/real_pair.h"
#include "support/toy_kem.h"

namespace gossip::test {

class CheapWithKem : public CheapCrypto {
 public:
  Kem* kem() override { return &kem_; }

 private:
  ToyKem kem_;
};

struct World {
  std::unique_ptr<Crypto> crypto;
  Pair pair;  // one dials, two answers
  std::shared_ptr<const PublicKey> decoy;
};

inline bool real_of(std::uint8_t mode) { return (mode & 0xf0) == 0x80; }

inline World& world(bool real) {
  static World worlds[2] = {
      [] {
        World w{std::make_unique<CheapWithKem>(), {}, std::make_shared<CheapKey>(std::uint8_t{9})};
        w.pair = cheap_pair(*w.crypto);
        return w;
      }(),
      [] {
        World w{crypto::make_crypto(true), {}, nullptr};
        w.pair = real_pair(*w.crypto);
        w.decoy = w.pair.two->theirs;  // any key of the size will do
        return w;
      }()};
  return worlds[real ? 1 : 0];
}

// An encapsulation key that is one, where anybody looks.
inline bool imports(Crypto& crypto, View ek) {
  std::array<std::uint8_t, kKemCiphertext> ct;
  Secret32 secret;
  return !crypto.kem() || crypto.kem()->encapsulate(ek, ct, secret.mut());
}

inline Responder responder_of(World& w, Rng& rng) {
  Responder responder(*w.crypto, rng, 64);  // a full set takes longer to make than to use
  responder.set_decoy(w.decoy);
  responder.set_peers(std::span(&w.pair.two, 1));
  return responder;
}

// Changes some bytes; false when nothing is different in the end.
inline bool mutate(Feed& feed, MutView message) {
  const Bytes before(message.begin(), message.end());
  for (int n = 1 + feed.u8() % 3; n > 0; --n) message[feed.number(2) % message.size()] ^= feed.u8();
  return !std::equal(before.begin(), before.end(), message.begin());
}

// Fills as far as the input reaches.
inline void fill_from(Feed& feed, MutView out) {
  View bytes = feed.take(out.size());
  std::copy(bytes.begin(), bytes.end(), out.begin());
}

inline bool zero(View bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

}  // namespace gossip::test
