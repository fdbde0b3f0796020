// Addresses: as people type them, as files hold them and as the system gives them (DNS answers, callers). What is accepted is said
// again and read as the same; one machine has one form at the gate.
#include <cstring>

#include "gossip/check.h"
#include "gossip/gate.h"
#include "gossipc/address.h"
#include "support/fuzz_input.h"
#include "sys/tcp.h"

using namespace gossip;

namespace {

void one_line(const Refusal& refusal) { GOSSIP_CHECK(!refusal.what.empty()); }

void typed(std::string_view text) {
  const auto got = client::parse_address(text);
  if (!got) return one_line(got.refusal());
  GOSSIP_CHECK(!got->host.empty() && got->host.size() <= 253 && got->host.size() <= text.size());
  for (char c : got->host) GOSSIP_CHECK(c > ' ' && c != 0x7f && c != '"' && c != '\\' && c != '/' && c != '[' && c != ']');
  GOSSIP_CHECK(!got->port || (*got->port >= 1 && *got->port <= 65535));
  const auto again = client::parse_address(client::address_words(db::Address{got->host, got->port.value_or(client::kDefaultPort)}));
  GOSSIP_CHECK(again.ok() && again->host == got->host && again->port == got->port.value_or(client::kDefaultPort));
}

void port(std::string_view text) {
  const auto got = client::parse_port(text);
  if (!got) return one_line(got.refusal());
  GOSSIP_CHECK(*got >= 1 && *got <= 65535 && text.size() <= 5);
}

void numeric(const std::string& text, int port) {
  const auto got = sys::Address::parse(text, port);
  if (!got) return;
  GOSSIP_CHECK(got->port() == port && (got->family() == AF_INET || got->family() == AF_INET6));
  const auto again = sys::Address::parse(got->ip(), port);
  GOSSIP_CHECK(again && again->bytes16() == got->bytes16());
  const Address at = Address::v6(got->bytes16());
  GOSSIP_CHECK(at.prefix() == at.prefix().prefix());
}

// What accept and getaddrinfo fill in: any bytes of any family and any length.
void from_the_system(test::Feed& feed) {
  sockaddr_storage raw{};
  const auto bytes = feed.array<sizeof raw>();
  std::memcpy(&raw, bytes.data(), sizeof raw);
  const int kinds[] = {AF_INET, AF_INET6, AF_UNIX, raw.ss_family};
  raw.ss_family = static_cast<sa_family_t>(kinds[feed.u8() % 4]);
  const auto at = sys::Address::from(reinterpret_cast<const sockaddr*>(&raw), static_cast<socklen_t>(feed.number(1)));
  GOSSIP_CHECK(!at.text().empty() && at.port() >= 0 && at.port() <= 65535);
  (void)Address::v6(at.bytes16()).prefix();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::Feed feed(data, size);
  switch (feed.u8() % 4) {
    case 0: typed(as_text(feed.rest())); break;
    case 1: port(as_text(feed.rest())); break;
    case 2: {
      const int at = static_cast<int>(feed.number(2));
      numeric(std::string(as_text(feed.rest())), at);
      break;
    }
    default: from_the_system(feed);
  }
  return 0;
}
