#include "gossip/chain.h"

#include <algorithm>

namespace gossip {

Hash chain_next(Crypto& crypto, const Hash& chain, const Hash& id) {
  std::array<std::uint8_t, 64> both;
  std::copy(chain.begin(), chain.end(), both.begin());
  std::copy(id.begin(), id.end(), both.begin() + 32);
  return crypto.sha256(both);
}

LogId log_id_for(Crypto& crypto, View log_key, PeerId peer, std::uint64_t gen) {
  Bytes input;
  Writer(input).bytes(as_view("log")).u64(peer).u64(gen);
  Hash mac = crypto.hmac(log_key, input);
  LogId out;
  std::copy_n(mac.begin(), out.size(), out.begin());
  return out;
}

Tag tag_for(Crypto& crypto, View log_key, PeerId peer, Seq seq, const Hash& chain) {
  Tag out{};
  if (seq == 0) return out;
  Bytes input;
  input.reserve(64);
  Writer(input).bytes(as_view("tag")).u64(peer).u64(seq).bytes(chain);
  Hash mac = crypto.hmac(log_key, input);
  std::copy_n(mac.begin(), out.size(), out.begin());
  return out;
}

}  // namespace gossip
