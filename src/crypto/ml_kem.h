// ML-KEM-768 (FIPS 203) on OpenSSL, where the library at run time has it (3.5 or later). Private to the floor.
#pragma once

#include <memory>

#include "crypto/raii.h"
#include "gossip/ports.h"

namespace gossip::crypto {

std::unique_ptr<Kem> make_kem();                       // null: the library has none
std::unique_ptr<KemKey> kem_key_of(PkeyPtr keypair);   // REQUIRES an ML-KEM-768 keypair

}  // namespace gossip::crypto
