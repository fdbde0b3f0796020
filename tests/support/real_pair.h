// A friendship on OpenSSL with the fixed keys of test_keys.h.
#pragma once

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "gossip/check.h"
#include "support/cheap_crypto.h"
#include "support/test_keys.h"

namespace gossip::test {

inline Pair real_pair(Crypto& crypto) {
  auto fp = [](View private_der) {
    auto key = crypto::import_public(crypto::public_pem(private_der), 2048);
    GOSSIP_CHECK(key.ok());
    return key->fp;
  };
  const Bytes ann = ann_key(), bob = bob_key();
  return pair_of(crypto, crypto::load_private(ann), crypto::public_half(ann), crypto::load_private(bob), crypto::public_half(bob),
                 fp(ann), fp(bob));
}

}  // namespace gossip::test
