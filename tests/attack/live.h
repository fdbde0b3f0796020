// A live daemon on loopback, as friends see it whose keys this program made, and as strangers do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/handshake.h"
#include "sys/fd.h"

namespace gossip::attack {

struct Tools {
  std::unique_ptr<Crypto> crypto = crypto::make_crypto();
  std::unique_ptr<Rng> rng = crypto::make_rng();
};

// Prints the PEMs of `n` new keys to stdout, one after the other, then reads as many of the daemon's from stdin.
std::vector<std::shared_ptr<const PairKeys>> make_friends(std::size_t n);

// A blocking connection to 127.0.0.1, from an address of 127.0.0.0/8. Whatever fails or takes 10 s leaves it broken. Ends with
// a reset, so that nothing lingers.
class Wire {
 public:
  Wire(int port, const std::string& from);
  bool send(View bytes);
  bool receive(MutView bytes);

 private:
  sys::Fd fd_;
};

bool shake(Tools& tools, const std::shared_ptr<const PairKeys>& pair, int port, const std::string& from);  // up to READY

}  // namespace gossip::attack
