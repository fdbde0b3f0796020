#include "gossipc/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "gossip/limits.h"
#include "gossipc/words.h"
#include "sys/tcp.h"

namespace gossip::client {
namespace {

constexpr std::size_t kMaxHost = 253, kMaxLabel = 63;  // RFC 1035 2.3.4, in text form

bool letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool name_char(char c) { return letter_or_digit(c) || c == '.' || c == '-' || c == '_'; }

// What getaddrinfo would take for an IPv4 address in a form that people write by mistake only: 1.2.3, 0x7f.1, 999.1.1.1.
bool nearly_ipv4(const std::string& host) {
  in_addr ignored;
  const bool digits = host.find_first_not_of("0123456789.") == std::string::npos;
  return (digits || ::inet_aton(host.c_str(), &ignored) != 0) && !sys::Address::parse(host, 0);
}

// Each of 1 to 63 characters; one dot may end the name.
bool labels_fit(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  for (std::size_t at = 0; at <= host.size();) {
    const std::size_t end = std::min(host.find('.', at), host.size());
    if (end == at || end - at > kMaxLabel) return false;
    at = end + 1;
  }
  return true;
}

std::optional<Refusal> check_name(std::string_view host, std::string_view typed) {
  const bool fits = host.size() <= kMaxHost && labels_fit(host);
  if (!fits || host.front() == '-' || !std::all_of(host.begin(), host.end(), name_char)) {
    return Refusal{quoted(typed) + " is not a host", "a name, an IPv4 or an IPv6 address; a port goes behind a colon"};
  }
  if (nearly_ipv4(std::string(host))) {
    return Refusal{quoted(host) + " is no IPv4 address", "four numbers from 0 to 255, with dots between them"};
  }
  return std::nullopt;
}

std::string_view without_zone(std::string_view host) { return host.substr(0, host.find('%')); }

// The zone is a name of this machine's, of an interface that may be down now.
std::optional<Refusal> check_ipv6(std::string_view host, std::string_view typed) {
  const std::string_view number = without_zone(host), zone = host.substr(number.size());
  const bool fine = number.find(':') != number.npos && sys::Address::parse(std::string(number), 0) && zone.size() != 1 &&
                    (zone.empty() || std::all_of(zone.begin() + 1, zone.end(), name_char)) && host.size() <= kMaxHost;
  if (fine) return std::nullopt;
  return Refusal{quoted(typed) + " is no IPv6 address", "with a port it is written [2001:db8::1]:5555"};
}

// 0.0.0.0/8 and :: are where one listens; 224.0.0.0/3 and ff00::/8 are of groups, or reserved (RFC 6890, RFC 4291 2.7).
bool no_machines(std::string_view host) {
  const auto number = sys::Address::parse(std::string(without_zone(host)), 0);
  if (!number) return false;
  const auto bytes = number->bytes16();
  if (number->family() == AF_INET) return bytes[12] == 0 || bytes[12] >= 224;
  return bytes[0] == 0xff || std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

// Equal for all the ways to write one host.
std::string canonical(std::string_view host) {
  const std::string_view number = without_zone(host);
  if (const auto known = sys::Address::parse(std::string(number), 0)) {
    const auto bytes = known->bytes16();
    return "#" + std::string(bytes.begin(), bytes.end()) + std::string(host.substr(number.size()));
  }
  std::string out(host);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

bool same(const db::Address& a, const db::Address& b) { return a.port == b.port && canonical(a.host) == canonical(b.host); }

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

Result<TypedAddress> parse_address(std::string_view typed) {
  std::string_view host = typed, port;
  bool has_port = false, ipv6 = false;
  if (typed.starts_with('[')) {
    const std::size_t end = std::min(typed.find(']'), typed.size());
    host = typed.substr(1, end - 1);
    port = typed.substr(std::min(end + 1, typed.size()));
    has_port = port.starts_with(':');
    ipv6 = true;
    if (end == typed.size() || (!port.empty() && !has_port)) host = {};  // no bracket closes, or something else follows it
    if (has_port) port.remove_prefix(1);
  } else {
    const auto colons = std::count(typed.begin(), typed.end(), ':');
    ipv6 = colons > 1;
    has_port = colons == 1;
    if (has_port) {
      host = typed.substr(0, typed.find(':'));
      port = typed.substr(host.size() + 1);
    }
    if (host.empty()) return Refusal{"no host is named in " + quoted(typed), "a name, an IPv4 or an IPv6 address"};
  }
  if (auto refusal = ipv6 ? check_ipv6(host, typed) : check_name(host, typed)) return *refusal;
  if (no_machines(host)) return Refusal{quoted(host) + " is no machine's address", "give your friend's"};
  TypedAddress out{std::string(host), std::nullopt};
  if (!has_port) return out;
  const Result<int> number = parse_port(port);
  if (!number) return Refusal{quoted(typed) + " names no port behind its colon", "1 to 65535; a URL is no address"};
  out.port = *number;
  return out;
}

Result<db::Addresses> parse_addresses(const std::vector<std::string>& typed, int port) {
  db::Addresses out;
  for (const std::string& text : typed) {
    const Result<TypedAddress> one = parse_address(text);
    if (!one) return one.refusal();
    const db::Address address{one->host, one->port.value_or(port)};
    if (std::any_of(out.begin(), out.end(), [&](const db::Address& other) { return same(address, other); })) {
      return Refusal{address_words(address) + " was given twice", "each address once"};
    }
    out.push_back(address);
  }
  if (out.size() > kMaxAddresses) {
    return Refusal{std::to_string(out.size()) + " addresses are too many", std::to_string(kMaxAddresses) + " at most"};
  }
  return out;
}

Result<db::Addresses> addresses_of(const Options& options) {
  const std::vector<std::string>& hosts = options.values(kHost);
  const Result<int> port = options.has(kPort) ? parse_port(options.value(kPort)) : kDefaultPort;
  if (!port) return port.refusal();
  const Result<db::Addresses> out = parse_addresses(hosts, *port);
  if (!out || !options.has(kPort) || hosts.empty()) return out;
  const auto names_none = [](const std::string& typed) { return !parse_address(typed)->port; };
  if (std::none_of(hosts.begin(), hosts.end(), names_none)) {
    return Refusal{"--port " + options.value(kPort) + " is for no --host: each names a port of its own", "leave one of them out"};
  }
  return out;
}

std::string address_words(const db::Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string address_words(const db::Addresses& addresses) {
  std::string out;
  for (const db::Address& one : addresses) out += (out.empty() ? "" : ", ") + address_words(one);
  return out.empty() ? "no address" : out;
}

}  // namespace gossip::client
