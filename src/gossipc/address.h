// A friend's address, as people type it.
#pragma once

#include <string>
#include <string_view>

#include "gossip/result.h"

namespace gossip::client {

constexpr int kDefaultPort = 5555;

Result<int> parse_port(std::string_view text);                 // 1..65535
Result<std::string> parse_host(std::string_view text);         // a name, IPv4 or IPv6; brackets around IPv6 are taken off
std::string address_words(const std::string& host, int port);  // host:port, [v6]:port; "no address" for an empty host

}  // namespace gossip::client
