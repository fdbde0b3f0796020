#include "gossipc/compose.h"

#include <algorithm>
#include <limits>

#include "crypto/openssl.h"
#include "sys/clock.h"

namespace gossip::client {

std::uint64_t Stamp::next(std::int64_t wall_ms) {
  wall_ms = std::max({wall_ms, ms_, std::int64_t{0}});  // a clock set back must not turn the order round
  if (wall_ms != ms_) {
    ms_ = wall_ms;
    counter_ = 0;
  } else if (counter_ == std::numeric_limits<std::uint16_t>::max()) {
    ++ms_;
    counter_ = 0;
  } else {
    ++counter_;
  }
  return created_at(ms_, counter_);
}

Composer::Composer() : crypto_(crypto::make_crypto()), rng_(crypto::make_rng()) {}

Incoming Composer::compose(std::string_view sender, std::string_view text, const std::vector<Hash>& parents) {
  Message message;
  message.created = stamp_.next(sys::wall_ms());
  message.salt = rng_->array<16>();
  message.parents = parents;
  message.sender = sender;
  message.text = text;
  Incoming out;
  out.message = encode_message(message);
  out.id = message_id(*crypto_, out.message);
  out.epoch = epoch_of(message.created);
  return out;
}

Exit exit_for(TextFault fault) { return fault == TextFault::kTooLong ? kRefused : kUsage; }

}  // namespace gossip::client
