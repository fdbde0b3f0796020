// The Crypto, Rng and key ports on OpenSSL (>= 3.0.8). One object per process and thread; not shared between threads.
#pragma once

#include <memory>
#include <string>

#include "gossip/ports.h"

namespace gossip::crypto {

std::unique_ptr<Crypto> make_crypto(bool with_kem = false);  // with_kem: has a kem() where the library has ML-KEM-768 (3.5)
std::unique_ptr<Rng> make_rng();
std::string library_name();  // of the library at run time, as "OpenSSL 3.0.19 27 Jan 2026"
// Once, before any other call of OpenSSL: from then on it wipes whatever it frees, and the numbers of private keys live in 4 MiB
// that are not swapped and not dumped, with a guard page at either end. Its arithmetic copies some of them into ordinary memory
// while it works. False: the system did not let us keep them from being swapped (ulimit -l).
bool protect_private_keys();
void require_openssl();  // throws std::runtime_error, in words, when the library at run time is older than 3.0.8

}  // namespace gossip::crypto
