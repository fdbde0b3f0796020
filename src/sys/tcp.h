// TCP sockets, non-blocking, IPv4 and IPv6.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sys/fd.h"

namespace gossip::sys {

class Address {
 public:
  Address() = default;  // of no family; text() is "unknown"
  static std::optional<Address> parse(const std::string& ip, int port);  // numeric only; an IPv6 scope may follow: fe80::1%eth0
  static Address from(const sockaddr* raw, socklen_t size);
  std::string ip() const;
  int port() const;
  std::string text() const;                        // "127.0.0.1 port 5555"
  std::array<std::uint8_t, 16> bytes16() const;    // IPv6 form; IPv4 as ::ffff:a.b.c.d
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return storage_.ss_family; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// Looks a name up; may take long, so in a thread of its own. Empty: not found.
std::vector<Address> resolve(const std::string& host, int port);

Fd listen_on(const Address& address, int backlog);  // throws Error; "::" takes IPv4 callers too
Address local_address(int fd);

enum class Accepted { kCall, kNone, kNoDescriptor };
struct Call {
  Fd fd;
  Address from;
};
Accepted accept_call(int listener, Call& out);      // never blocks; a caller who left already is skipped

Fd start_dial(const Address& to, int& fault);       // an empty Fd and an errno, or a descriptor that becomes writable when it is done
int dial_fault(int fd);                             // then: 0, or the errno

struct Io {
  enum Kind { kBytes, kBlocked, kEnd } kind;        // kEnd: end of file, or the connection is broken
  std::size_t n = 0;
};
Io read_some(int fd, std::span<std::uint8_t> into);
Io write_some(int fd, std::span<const std::uint8_t> from);
// Shuts writing down and reads what has come, at most 64 KiB, so that closing sends no reset.
void part(int fd);

}  // namespace gossip::sys
