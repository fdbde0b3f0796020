// What an invitation comes to: addresses and keys, as strictly looked at as those that people type.
#pragma once

#include "db/invite.h"
#include "gossip/invite.h"
#include "gossip/result.h"

namespace gossip::client {

struct Taken {
  db::Addresses addresses;
  db::Joining joining;
};
Result<Taken> take(const Invitation& invitation, int network_bits);

}  // namespace gossip::client
