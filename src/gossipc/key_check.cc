#include "gossipc/key_check.h"

#include <stdexcept>

#include "crypto/keys.h"

namespace gossip::client {

bool key_fits(View private_der, const Hash& fp) try {
  const auto half = crypto::import_public(crypto::public_pem(private_der), 2048);
  return half && half->fp == fp;
} catch (const std::runtime_error&) {
  return false;
}

}  // namespace gossip::client
