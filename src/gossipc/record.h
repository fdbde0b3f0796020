// A record of one session, as the side that dialled can show it to others: gossip(7), TRANSCRIPTS.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gossip/handshake.h"

namespace gossip::client {

struct Record {
  Secret32 x, k_i;  // the caller's X25519 private key, and k_I
  std::optional<Secret32> ss_pq;  // where the session has ML-KEM
  Bytes m1, m2, m3;
  std::vector<Bytes> from_caller, to_caller;  // cells. How the two ways lay in time is anybody's word, and left out
};

// "gossipd/1 transcript", then lines NAME HEX.
std::string format(const Record& record);

// Cuts what goes by into messages and cells.
class Recorder {
 public:
  void sent(View bytes);
  void got(View bytes);
  Record& record() { return record_; }

 private:
  Record record_;
  Bytes sent_, got_;  // not whole yet
};

}  // namespace gossip::client
