#include "gossipc/address.h"

#include <algorithm>

#include "gossipc/words.h"

namespace gossip::client {
namespace {

constexpr std::size_t kMaxHost = 253;  // RFC 1035 2.3.4, in text form

bool host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
         c == ':' || c == '%';  // %: the zone of a link-local address
}

}  // namespace

Result<int> parse_port(std::string_view text) {
  int value = 0;
  bool fine = !text.empty() && text.size() <= 5;
  for (char c : text.substr(0, 5)) {
    fine = fine && c >= '0' && c <= '9';
    value = value * 10 + (c - '0');
  }
  if (!fine || value < 1 || value > 65535) return Refusal{quoted(text) + " is not a port", "1 to 65535"};
  return value;
}

Result<std::string> parse_host(std::string_view text) {
  const std::string_view typed = text;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  if (text.empty()) return Refusal{"the host is empty", "leave --host out to wait for their call"};
  if (text.size() > kMaxHost || text.front() == '-' || !std::all_of(text.begin(), text.end(), host_char)) {
    return Refusal{quoted(typed) + " is not a host", "a name, an IPv4 or an IPv6 address"};
  }
  if (std::count(text.begin(), text.end(), ':') == 1) {
    return Refusal{quoted(typed) + " is not a host", "give the port by itself, with --port"};
  }
  return std::string(text);
}

std::string address_words(const std::string& host, int port) {
  if (host.empty()) return "no address";
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace gossip::client
