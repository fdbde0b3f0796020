// What two friends exchange: our key for them, theirs for us, and the code that shows both are the right ones.
#pragma once

#include <optional>
#include <string>

#include "gossipc/store.h"

namespace gossip::client {

// "Exchange key:" and the PEM of our half for this friend, on standard output.
void print_exchange_key(Call& call, db::Database& db, const db::Peer& peer);
std::optional<std::string> pair_code_of(const db::Peer& peer);  // none: a key is missing
// The pair code on stderr, when both keys are there.
void note_pair_code(const Call& call, const db::Peer& peer);
// What a file with somebody's key holds, of at most crypto::kMaxKeyText bytes and one; - is standard input. Throws sys::Error.
std::string read_key_file(const std::string& path);

}  // namespace gossip::client
