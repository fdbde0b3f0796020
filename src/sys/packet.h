// A pair of connected sockets that keep the borders of what is sent: for two processes of one program.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "sys/fd.h"
#include "sys/tcp.h"

namespace gossip::sys {

std::pair<Fd, Fd> packet_pair();                             // SOCK_SEQPACKET, non-blocking; throws Error
Io send_packet(int fd, std::span<const std::uint8_t> packet);  // whole or not at all
Io receive_packet(int fd, std::span<std::uint8_t> into);       // one; kEnd when the other side is gone

}  // namespace gossip::sys
