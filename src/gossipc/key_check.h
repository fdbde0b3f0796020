// What recover and fsck ask of a key that lies in the database.
#pragma once

#include "gossip/bytes.h"

namespace gossip::client {

bool key_fits(View private_der, const Hash& fp);  // it parses, and its public half has this fingerprint

}  // namespace gossip::client
