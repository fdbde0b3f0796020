// Strangers by the thousand, against a daemon on 127.0.0.1; they come from all over 127.0.0.0/8, or from one address.
//   abuse-strangers openings PORT COUNT [FROM]      malformed ones of ten kinds, each over as soon as it is said
//   abuse-strangers hold PORT COUNT SECONDS [FROM]  so many at once: silent, slow, or behind an M1 that is none; a new one for each that ends
//   abuse-strangers flood PORT SECONDS [FROM]       as many M1s that are none as there is time for, and then silence
// Prints what was done; ends with 1 when it could not.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "gossip/handshake.h"
#include "support/test_rng.h"
#include "sys/fd.h"

namespace gossip::attack {
namespace {

constexpr unsigned long kFiles = 8192;
constexpr std::size_t kFlood = 4000;  // at once

using Clock = std::chrono::steady_clock;

struct Totals {
  unsigned long opened = 0, refused = 0, ended = 0, answered = 0;
};

struct Caller {
  sys::Fd fd;
  int kind = 0;
  std::size_t heard = 0;
  Clock::time_point since, drip;
};

class Strangers {
 public:
  Strangers(int port, const char* from) : port_(port), from_(from), rng_(1) {
    sys::raise_descriptor_limit(kFiles);
    rng_.fill(noise_);
  }

  int openings(unsigned long count) {
    for (unsigned long i = 0; i < count; ++i) {
      sys::Fd fd = call();
      if (!fd) continue;
      opening(fd.get(), static_cast<int>(i % 10));
    }
    return report();
  }
  // `most` at once, for so long; the flood keeps opening, and leaves the oldest of its own to the daemon.
  int hold(std::size_t most, double seconds, bool flood) {
    std::vector<Caller> callers;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    for (int kind = 0; Clock::now() < end; ++kind) {
      if (callers.size() < most) {
        if (Caller one = enter(flood ? 2 : kind % 3); one.fd) callers.push_back(std::move(one));
      }
      if (callers.size() == most || kind % 32 == 0) look(callers, callers.size() == most ? 20 : 0);
    }
    held_ = callers.size();
    return report();
  }

 private:
  sys::Fd call() {
    sys::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in here{}, there{};
    here.sin_family = there.sin_family = AF_INET;
    ++number_;
    here.sin_addr.s_addr = from_ ? ::inet_addr(from_) : htonl(0x7f000000u | (1 + number_ / 250 % 250) << 8 | (1 + number_ % 250));
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there.sin_port = htons(static_cast<std::uint16_t>(port_));
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
    const bool fine = fd && ::bind(fd.get(), reinterpret_cast<sockaddr*>(&here), sizeof here) == 0 &&
                      ::connect(fd.get(), reinterpret_cast<sockaddr*>(&there), sizeof there) == 0;
    ++(fine ? totals_.opened : totals_.refused);
    return fine ? std::move(fd) : sys::Fd();
  }
  void say(int fd, std::size_t n) {
    noise_[number_ % noise_.size()] ^= static_cast<std::uint8_t>(1 + number_ % 255);
    (void)!::send(fd, noise_.data(), n, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  void reset(int fd) {
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  void opening(int fd, int kind) {
    switch (kind) {
      case 0: break;                                            // a port scan
      case 1: reset(fd); break;
      case 2: say(fd, 1); break;
      case 3: say(fd, 1 + number_ % (kM1 - 1)); break;          // part of an M1
      case 4: say(fd, kM1); break;                              // and gone before the answer
      case 5: say(fd, kM1), reset(fd); break;
      case 6: say(fd, noise_.size()); break;                    // far too much
      case 7: (void)!::send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL); break;
      case 8: say(fd, kM1), ::shutdown(fd, SHUT_WR); break;
      default: say(fd, kM1), say(fd, kM3);                      // M3 without waiting
    }
  }
  Caller enter(int kind) {
    Caller one{call(), kind, 0, Clock::now(), Clock::now()};
    if (one.fd && kind == 2) say(one.fd.get(), kM1);
    return one;
  }
  // Takes out who was put out; the slow ones say one byte more.
  void look(std::vector<Caller>& callers, int wait_ms) {
    std::vector<pollfd> slots;
    for (const Caller& one : callers) slots.push_back({one.fd.get(), POLLIN, 0});
    ::poll(slots.data(), slots.size(), wait_ms);
    const auto now = Clock::now();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < callers.size(); ++i) {
      Caller& one = callers[i];
      bool gone = false;
      if (slots[i].revents != 0) {
        std::array<std::uint8_t, kM2> got;
        const ssize_t n = ::recv(one.fd.get(), got.data(), got.size(), MSG_DONTWAIT);
        gone = n == 0 || (n < 0 && errno != EAGAIN);
        if (n > 0) totals_.answered += one.heard < kM2 && one.heard + static_cast<std::size_t>(n) >= kM2, one.heard += static_cast<std::size_t>(n);
      }
      if (!gone && one.kind == 1 && now - one.drip > std::chrono::milliseconds(100)) one.drip = now, say(one.fd.get(), 1);
      totals_.ended += gone;
      if (!gone && kept++ != i) callers[kept - 1] = std::move(one);
    }
    callers.resize(kept);
  }
  int report() {
    std::printf("opened %lu, refused %lu, answered %lu, ended by the daemon %lu, held at the end %zu\n", totals_.opened, totals_.refused,
                totals_.answered, totals_.ended, held_);
    return totals_.opened > 0 ? 0 : 1;
  }

  int port_;
  const char* from_;
  test::TestRng rng_;
  Totals totals_;
  std::size_t held_ = 0;
  std::uint32_t number_ = 0;
  std::array<std::uint8_t, 8192> noise_{};
};

int run(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string_view what = argv[1];
  const int more = what == "hold" ? 5 : 4;
  Strangers strangers(std::atoi(argv[2]), argc > more ? argv[more] : nullptr);
  if (what == "openings") return strangers.openings(std::strtoul(argv[3], nullptr, 10));
  if (what == "hold" && argc > 4) return strangers.hold(std::strtoul(argv[3], nullptr, 10), std::atof(argv[4]), false);
  if (what == "flood") return strangers.hold(kFlood, std::atof(argv[3]), true);
  return 2;
}

}  // namespace
}  // namespace gossip::attack

int main(int argc, char** argv) { return gossip::attack::run(argc, argv); }
