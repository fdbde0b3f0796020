// The Crypto, Rng and key ports on OpenSSL (>= 3.0.8). One object per process and thread; not shared between threads.
#pragma once

#include <memory>

#include "gossip/ports.h"

namespace gossip::crypto {

std::unique_ptr<Crypto> make_crypto();
std::unique_ptr<Rng> make_rng();
void require_openssl();  // throws std::runtime_error, in words, when the library at run time is older than 3.0.8

}  // namespace gossip::crypto
