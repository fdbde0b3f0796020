// Making up a session that never was, from the public halves of its keys (gossip(7), TRANSCRIPTS). Both parties are the ones that
// the daemon is made of; what a private key would be asked is known here, as both sides of it were said here.
#pragma once

#include <span>

#include "gossipc/record.h"

namespace gossip::client {

struct PublicHalf {
  std::shared_ptr<const PublicKey> key;
  Hash fp{};
};

// The hearer dials the speaker and fetches `said`, all there is in the speaker's log. `network_key` is empty where there is none.
Record forge(Crypto& crypto, Rng& rng, const PublicHalf& hearer, const PublicHalf& speaker, View network_key,
             std::span<const Incoming> said, std::int64_t wall_ms);

}  // namespace gossip::client
