#include "gossip/pair.h"

#include "gossip/derive.h"

namespace gossip {

Hash fingerprint(Crypto& crypto, View spki_der) { return lab(crypto, "spki", spki_der); }

Secret32 psk_of(Crypto& crypto, View network_key) {
  if (network_key.empty()) return {};
  const Hash no_pair_key{};  // room for a key of the pair's own
  Bytes both = concat({network_key, no_pair_key});
  Hash psk = lab(crypto, "psk", both);
  Secret32 out{View(psk)};
  wipe(psk);
  wipe(both);
  return out;
}

Statics derive_statics(Crypto& crypto, View psk, const Hash& fp_initiator, const Hash& fp_responder) {
  Bytes ikm = concat({psk, fp_initiator, fp_responder});
  Statics out;
  out.root = extract(crypto, crypto.sha256(as_view(kProto)), ikm);
  out.tag_key = expand(crypto, out.root, "tag", {});
  out.h0 = expand(crypto, out.root, "h0", {});
  wipe(ikm);
  return out;
}

std::string pair_code(Crypto& crypto, const Hash& fp_a, const Hash& fp_b) {
  constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";  // RFC 4648 6
  const Hash hash = lab(crypto, "pair", fp_a < fp_b ? concat({fp_a, fp_b}) : concat({fp_b, fp_a}));
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  std::size_t at = 0;
  for (int i = 0; i < 26; ++i) {
    if (have < 5) {
      bits = (bits << 8) | hash[at++];
      have += 8;
    }
    have -= 5;
    if (i != 0 && i % 5 == 0 && i < 25) out += '-';
    out += kBase32[(bits >> have) & 31];
  }
  return out;
}

}  // namespace gossip
