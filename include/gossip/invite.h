// The invitation: one line that holds all a friend needs to join (gossip(7), INVITATIONS). Who has it can be that friend.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gossip/ports.h"
#include "gossip/result.h"
#include "gossip/secret.h"

namespace gossip {

constexpr std::string_view kInvitePrefix = "gossip-invite:";
constexpr std::size_t kMaxInvite = 8192;  // characters of a line and of the white space in it; the longest line has 4,224

struct Invitation {
  struct Place {
    std::string host;  // 1 to 253 printable ASCII characters; whether it is a host is for the reader to say
    std::uint16_t port = 0;
    bool operator==(const Place&) const = default;
  };
  std::int64_t until_ms = 0;   // since 1970, by the inviter's clock
  std::string name;            // the inviter's claim: a peer's name, or empty
  std::vector<Place> places;   // of the inviter, at most kMaxAddresses
  Bytes modulus;               // of the inviter's key for this friend: 256, 384 or 512 bytes, big-endian; e = 65537
  SecretBytes primes;          // of the one-use keypair, one behind the other, as many bytes as `modulus` has; e = 65537
};

// REQUIRES what the comments above say. A secret: the caller wipes it.
std::string format_invitation(Crypto& crypto, const Invitation& invitation);
// What stands before the prefix, and white space anywhere behind it, is left out; nothing else may follow the line. Exactly one
// line stands for an invitation. Numbers are not looked at.
Result<Invitation> parse_invitation(Crypto& crypto, std::string_view text);

}  // namespace gossip
