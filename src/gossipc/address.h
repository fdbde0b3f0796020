// Friends' addresses, as people type them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/peers.h"
#include "gossip/result.h"
#include "gossipc/options.h"

namespace gossip::client {

constexpr int kDefaultPort = 5555;

Result<int> parse_port(std::string_view text);  // 1..65535

// HOST, HOST:PORT, a bare IPv6, [IPv6] or [IPv6]:PORT.
struct TypedAddress {
  std::string host;         // a name, IPv4 or IPv6; without brackets
  std::optional<int> port;
};
Result<TypedAddress> parse_address(std::string_view text);

// All of them, `port` where none is named, in the order given: at most kMaxAddresses, no two alike.
Result<db::Addresses> parse_addresses(const std::vector<std::string>& typed, int port);
// What every --host and --port say, in the order given: at most kMaxAddresses, no two alike. None: empty.
Result<db::Addresses> addresses_of(const Options& options);

std::string address_words(const db::Address& address);      // host:port, [v6]:port
std::string address_words(const db::Addresses& addresses);  // all of them; "no address"

}  // namespace gossip::client
