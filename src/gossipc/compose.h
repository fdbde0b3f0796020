// From what somebody says to a message ready for the log.
#pragma once

#include <memory>
#include <string_view>

#include "gossip/message.h"
#include "gossip/ports.h"
#include "gossipc/words.h"

namespace gossip::client {

// Stamps messages so that those of one program keep their order: time of the wall clock, and a counter within the millisecond.
class Stamp {
 public:
  std::uint64_t next(std::int64_t wall_ms);

 private:
  std::int64_t ms_ = -1;
  std::uint16_t counter_ = 0;
};

class Composer {
 public:
  Composer();
  // REQUIRES that check_sender and check_text had nothing against them, and at most kMaxParents parents.
  Incoming compose(std::string_view sender, std::string_view text, const std::vector<Hash>& parents = {});
  Crypto& crypto() { return *crypto_; }

 private:
  std::unique_ptr<Crypto> crypto_;
  std::unique_ptr<Rng> rng_;
  Stamp stamp_;
};

Exit exit_for(TextFault fault);  // of a text: over the limit kRefused, else kUsage

}  // namespace gossip::client
