// A pair of processes over TCP on loopback, for the floors.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"

namespace gossip::bench {

inline void read_all(int fd, void* data, std::size_t size) {
  must(recv(fd, data, size, MSG_WAITALL) == static_cast<ssize_t>(size), "recv");
}

inline void write_all(int fd, const void* data, std::size_t size) {
  must(send(fd, data, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size), "send");
}

inline void no_delay(int fd) {
  const int on = 1;
  must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

// The other process runs `there` with its end; gives ours.
template <class There>
int fork_with(There there, pid_t& child) {
  const int door = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  must(bind(door, reinterpret_cast<sockaddr*>(&at), size) == 0 && listen(door, 1) == 0, "listen");
  must(getsockname(door, reinterpret_cast<sockaddr*>(&at), &size) == 0, "getsockname");
  child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "connect");
    no_delay(fd);
    there(fd);
    std::_Exit(0);
  }
  const int fd = accept(door, nullptr, nullptr);
  must(fd >= 0, "accept");
  close(door);
  no_delay(fd);
  return fd;
}

inline void wait_for(pid_t child) {
  int status = 0;
  must(waitpid(child, &status, 0) == child && status == 0, "the other process");
}

}  // namespace gossip::bench
