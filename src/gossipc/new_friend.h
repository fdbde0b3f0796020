// What the ways to make a friend have in common: add-peer, invite and join.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "crypto/keys.h"
#include "gossipc/address.h"
#include "gossipc/store.h"

namespace gossip::client {

std::optional<Refusal> check_name(const std::string& name);          // for a peer
Result<db::Addresses> friends_addresses(const Options& options);     // of --host and --port, which goes with it
crypto::NewKey make_key(const Call& call, int bits, const std::string& why);  // a few seconds, shown on a terminal
// Makes a key and tries again, as long as there is none.
db::Change with_a_key(Call& call, db::Database& db, int bits, const std::function<db::Change()>& attempt);
// Words and exit code for a change that was not made.
int refuse_friend(db::Database& db, db::Change change, const std::string& name);

// --- by invitation
constexpr std::int64_t kLongestInvitation = std::int64_t{90} * 24 * 3600 * 1000;  // ms
std::optional<int> seconds_to_wait(const Options& options, int otherwise);  // --wait; nothing: it says no number
// Until the invitation is used, or `seconds` are over; says whom we are friends with now. `asked`: by --wait, and then it is a
// failure when that does not come.
int wait_for_friend(Call& call, db::Database& db, const std::string& name, int seconds, bool asked);

}  // namespace gossip::client
