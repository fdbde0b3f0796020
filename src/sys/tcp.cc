#include "sys/tcp.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "sys/error.h"

namespace gossip::sys {
namespace {

using Found = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Found look_up(const std::string& host, int port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  int got = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  return Found(got == 0 ? list : nullptr, &::freeaddrinfo);
}

void set_option(int fd, int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); }

bool passing(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

}  // namespace

Address Address::from(const sockaddr* raw, socklen_t size) {
  Address address;
  address.size_ = std::min<socklen_t>(size, sizeof address.storage_);
  std::memcpy(&address.storage_, raw, address.size_);
  return address;
}

std::optional<Address> Address::parse(const std::string& ip, int port) {
  if (ip.empty() || ip.find('\0') != std::string::npos || port < 0 || port > 65535) return std::nullopt;
  std::array<unsigned char, 16> bytes;
  // getaddrinfo would also take "1", "127.1" and octal forms, which people write by mistake only
  bool plain = ::inet_pton(AF_INET, ip.c_str(), bytes.data()) == 1 || ::inet_pton(AF_INET6, ip.c_str(), bytes.data()) == 1;
  if (!plain && ip.find('%') == std::string::npos) return std::nullopt;
  Found found = look_up(ip, port, AI_NUMERICHOST);
  if (!found) return std::nullopt;
  return from(found->ai_addr, found->ai_addrlen);
}

std::string Address::ip() const {
  std::array<char, NI_MAXHOST> text;
  if (size_ == 0 || ::getnameinfo(raw(), size_, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return "unknown";
  return text.data();
}

int Address::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  return 0;
}

std::string Address::text() const { return size_ == 0 ? "unknown" : ip() + " port " + std::to_string(port()); }

std::array<std::uint8_t, 16> Address::bytes16() const {
  std::array<std::uint8_t, 16> out{};
  if (family() == AF_INET6) std::memcpy(out.data(), &reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr, 16);
  if (family() == AF_INET) {
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, &reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr, 4);
  }
  return out;
}

std::vector<Address> resolve(const std::string& host, int port) {
  std::vector<Address> out;
  Found found = look_up(host, port, AI_ADDRCONFIG);
  for (const addrinfo* one = found.get(); one; one = one->ai_next) out.push_back(Address::from(one->ai_addr, one->ai_addrlen));
  return out;
}

Fd listen_on(const Address& address, int backlog) {
  const std::string where = "cannot listen on " + address.text();
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail(where);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.family() == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd.get(), address.raw(), address.size()) != 0 || ::listen(fd.get(), backlog) != 0) fail(where);
  return fd;
}

Address local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) fail("getsockname");
  return Address::from(reinterpret_cast<sockaddr*>(&storage), size);
}

Accepted accept_call(int listener, Call& out) {
  for (;;) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
      out = {Fd(fd), Address::from(reinterpret_cast<sockaddr*>(&storage), size)};
      return Accepted::kCall;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Accepted::kNone;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return Accepted::kNoDescriptor;
    if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK || errno == EOPNOTSUPP || errno == EFAULT) fail("accept");
    // anything else is the one caller's trouble (accept(2): treat network errors like EAGAIN by trying again)
  }
}

Fd start_dial(const Address& to, int& fault) {
  fault = 0;
  Fd fd(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd) {
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    if (::connect(fd.get(), to.raw(), to.size()) == 0 || errno == EINPROGRESS || errno == EINTR) return fd;
  }
  fault = errno;
  return Fd();
}

int dial_fault(int fd) {
  int fault = 0;
  socklen_t size = sizeof fault;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size) == 0 ? fault : errno;
}

Io read_some(int fd, std::span<std::uint8_t> into) {
  ssize_t n = ::recv(fd, into.data(), into.size(), 0);
  if (n > 0) return {Io::kBytes, static_cast<std::size_t>(n)};
  return {n < 0 && passing(errno) ? Io::kBlocked : Io::kEnd};
}

Io write_some(int fd, std::span<const std::uint8_t> from) {
  ssize_t n = ::send(fd, from.data(), from.size(), MSG_NOSIGNAL);
  if (n >= 0) return {Io::kBytes, static_cast<std::size_t>(n)};
  return {passing(errno) ? Io::kBlocked : Io::kEnd};
}

void part(int fd) {
  ::shutdown(fd, SHUT_WR);
  std::array<std::uint8_t, 16 * 1024> bin;
  for (int i = 0; i < 4 && read_some(fd, bin).kind == Io::kBytes; ++i) continue;
}

}  // namespace gossip::sys
