// The judge: holds everything that the hearer holds, the private key and the record of the session with its secrets, and says
// whether the record is in order (gossip(7), TRANSCRIPTS), and what else can be measured of it. Written from the page, step by
// step, and not from what the programs do.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gossip/handshake.h"

namespace gossip::test {

struct Judge {
  Crypto& crypto;
  std::shared_ptr<const PrivateKey> hearer;
  Hash fp_hearer{}, fp_speaker{};
  Bytes network_key;
};

struct Finding {
  std::string fault;                // empty: in order
  std::vector<std::string> texts;   // that the speaker said
  std::vector<std::pair<std::string, double>> features;
};

Finding look_at(const Judge& judge, const std::string& transcript);

}  // namespace gossip::test
