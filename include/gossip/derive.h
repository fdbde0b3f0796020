// The derivation schedule of `gossipd/1`, step by step (gossip(7), DERIVATIONS): what each message of the handshake is sealed
// with and bound to. No randomness and no state but the running hash, so that every line of the vectors can be checked.
#pragma once

#include <initializer_list>
#include <string_view>

#include "gossip/bytes.h"
#include "gossip/ports.h"
#include "gossip/secret.h"

namespace gossip {

constexpr std::string_view kProto = "gossipd/1 skeme rsa-oaep-sha256 x25519 mlkem768-opt chacha20poly1305 hkdf-sha256";
constexpr std::array<std::uint8_t, 12> kZeroNonce{};  // every handshake key seals once

Bytes concat(std::initializer_list<View> parts);
Hash lab(Crypto& crypto, std::string_view label, View x);                            // H("gossipd/1 " | label | 00 | x)
Secret32 extract(Crypto& crypto, View salt, View ikm);                               // HKDF-Extract (RFC 5869)
Secret32 expand(Crypto& crypto, View key, std::string_view label, View context);     // HKDF-Expand, 32 bytes

struct SessionKeys {
  Secret32 i2r, r2i;  // one per direction
  Hash sid{};         // channel binding
  bool pq = false;    // ML-KEM's secret is in them; whoever shook hands says so
};

// The running hash h, and the chaining keys. Order of use, by either side:
//   m1_key m1_ad add(M1)   m2_key m2_ad label_cr add(M2) mix   label_ci m3_key h add(M3) finish
class Transcript {
 public:
  Transcript(Crypto& crypto, View root, View h0) : crypto_(&crypto), root_(root), h_(h0) {}
  void add(View message);                          // h := H(h | message)
  View h() const { return h_; }
  View ck() const { return ck_; }

  Secret32 m1_key(View n_i) const;                 // Expand(root, "m1", n_I)
  Bytes m1_ad(View n_i, View tag) const;           // h0 | n_I | t
  Secret32 m2_key(View n_r) const;                 // Expand(root, "m2", h1 | n_R)
  Bytes m2_ad(View n_r) const;                     // h1 | n_R
  Hash label_cr(View n_r, View b2a) const;         // Lab("cR", h1 | n_R | B2a)
  void mix(View ee, View ss_pq, View k_r);         // ck2 = Extract(root, ee | ss_pq | k_R)
  Hash label_ci() const;                           // Lab("cI", h2)
  Secret32 m3_key() const;                         // Expand(ck2, "m3", h2)
  SessionKeys finish(View k_i);                    // ck3 = Extract(ck2, k_I), and what comes of it

 private:
  Crypto* crypto_;
  Secret32 root_, h_, ck_;
};

}  // namespace gossip
