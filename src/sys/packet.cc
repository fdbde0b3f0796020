#include "sys/packet.h"

#include <array>

#include "sys/error.h"

namespace gossip::sys {

std::pair<Fd, Fd> packet_pair() {
  std::array<int, 2> ends;
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) fail("socketpair");
  return {Fd(ends[0]), Fd(ends[1])};
}

Io send_packet(int fd, std::span<const std::uint8_t> packet) { return write_some(fd, packet); }
Io receive_packet(int fd, std::span<std::uint8_t> into) { return read_some(fd, into); }

}  // namespace gossip::sys
