// What two friends share, and what is derived from it once (gossip(7), PAIRING and DERIVATIONS).
#pragma once

#include <memory>
#include <string>

#include "gossip/ports.h"
#include "gossip/secret.h"

namespace gossip {

// Static derivations of one direction: `initiator` dials.
struct Statics {
  Secret32 root, tag_key, h0;
};

// Everything needed to shake hands with one friend.
struct PairKeys {
  PeerId peer = 0;
  std::uint64_t gen = 0;
  std::shared_ptr<const PrivateKey> ours;    // made for this friend
  std::shared_ptr<const PublicKey> theirs;   // made for us; null until set-peer-key
  Hash fp_ours{}, fp_theirs{};
  Statics out, in;                           // we dial; they dial
  bool need_pq = false;                      // no session without ML-KEM
};

Hash fingerprint(Crypto& crypto, View spki_der);                              // Lab("spki", DER)
Secret32 psk_of(Crypto& crypto, View network_key);                            // empty view = no network key = 32 zeros
Statics derive_statics(Crypto& crypto, View psk, const Hash& fp_initiator, const Hash& fp_responder);
std::string pair_code(Crypto& crypto, const Hash& fp_a, const Hash& fp_b);    // ABCDE-FGHIJ-KLMNO-PQRST-UVWXYZ

}  // namespace gossip
