// The chain over a log, and what of it each friend is shown (gossip(7), CURSORS). Two friends who compare notes find no common
// name: log id and tags are HMACs under the log key, with the friend's number in them.
#pragma once

#include "gossip/ports.h"

namespace gossip {

constexpr Seq kChainStep = 256;  // a store keeps chain(seq) for every 256th seq and recomputes between

Hash chain_next(Crypto& crypto, const Hash& chain, const Hash& id);                   // SHA-256(chain | id)
LogId log_id_for(Crypto& crypto, View log_key, PeerId peer, std::uint64_t gen);
Tag tag_for(Crypto& crypto, View log_key, PeerId peer, Seq seq, const Hash& chain);   // zeros at seq 0

}  // namespace gossip
