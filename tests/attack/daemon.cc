// A live daemon measured from outside: how soon it answers whom, and how friends fare in a flood of forged M1s.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdio>
#include <deque>
#include <thread>

#include "attack/attack.h"
#include "attack/live.h"
#include "support/test_rng.h"

namespace gossip::attack {

using M1 = std::array<std::uint8_t, kM1>;

// Rationale: below the 500 M1 a second that are answered, or the time would be that of the queue.
constexpr int kPauseMs = 2;

bool calls(int port, std::size_t samples) {
  const auto pairs = make_friends(1);
  Tools tools;
  std::vector<Class> classes{{"stranger", {}}, {"friend", {}}, {"replay of a friend", {}}, {"friend, bad body", {}}};
  std::vector<M1> heard;
  test::TestRng dice(3);
  for (std::size_t i = 0; i < samples * classes.size(); ++i) {
    ::poll(nullptr, 0, kPauseMs);
    const Initiator caller(*tools.crypto, *tools.rng, pairs[0]), other(*tools.crypto, *tools.rng, pairs[0]);
    std::array<M1, 4> all;
    tools.rng->fill(all[0]);
    std::copy(caller.m1().begin(), caller.m1().end(), all[1].begin());
    std::copy(other.m1().begin(), other.m1().end(), all[3].begin());
    all[3][700] ^= 1;
    all[2] = heard.empty() ? all[1] : heard[dice.below(heard.size())];
    const std::size_t which = heard.empty() ? 1 : dice.below(classes.size());
    Wire wire(port, "127.0.0.1");
    std::array<std::uint8_t, kM2> m2;
    bool answered = false;
    const double time = micros_of([&] { answered = wire.send(all[which]) && wire.receive(m2); });
    if (!answered) return std::printf("calls: no answer to a %s\n", classes[which].name.c_str()), false;
    if (i >= 200) classes[which].times.push_back(time);  // the first ones warm it up
    if (which == 1 && heard.size() < 1000) heard.push_back(all[1]);
  }
  return tell_apart("calls", classes);
}

namespace {

// Random M1s from 60 prefixes at `rate` a second until told to stop; each connection stays for as long as 800 others come.
class Flood {
 public:
  Flood(int port, std::size_t rate) : rate_(rate) {
    there_.sin_family = AF_INET;
    there_.sin_port = htons(static_cast<std::uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &there_.sin_addr);
  }
  void run() {
    const auto start = Clock::now();
    while (!stop) {
      ::poll(nullptr, 0, 1);
      const auto due = static_cast<std::size_t>(seconds_since(start) * static_cast<double>(rate_));
      for (std::size_t n = 0; tried_ < due && n < 200; ++n) one();
      if (due > tried_ + rate_) tried_ = due - rate_;  // what this machine cannot send is not made up for
    }
    seconds = seconds_since(start);
  }
  std::atomic<bool> stop{false};
  std::size_t sent = 0;
  double seconds = 0;

 private:
  void one() {
    ++tried_;
    sys::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const linger reset{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(0x7f010000u + static_cast<std::uint32_t>((dice_.below(60) << 8) + 1 + dice_.below(250)));
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) return;
    ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&there_), sizeof there_);
    M1 m1;
    dice_.fill(m1);
    if (::send(fd.get(), m1.data(), m1.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(m1.size())) ++sent;
    open_.push_back(std::move(fd));
    if (open_.size() > 800) open_.pop_front();
  }
  std::size_t rate_, tried_ = 0;
  sockaddr_in there_{};
  test::TestRng dice_{22};
  std::deque<sys::Fd> open_;
};

}  // namespace

bool flood(int port, std::size_t rate, double seconds) {
  constexpr std::size_t kFriends = 8;
  const auto pairs = make_friends(kFriends);
  Flood flood(port, rate);
  std::thread thread([&] { flood.run(); });
  Tools tools;
  Samples times;
  std::size_t failed = 0;
  const auto start = Clock::now();
  // Each friend is let in 30 times a minute, with as many in hand.
  const double every = std::max(0.05, seconds / (kFriends * 28.0));
  for (std::size_t i = 0; seconds_since(start) < seconds; ++i) {
    const std::string home = "127.0.9." + std::to_string(1 + i % kFriends);
    bool fine = false;
    const double time = micros_of([&] { fine = shake(tools, pairs[i % kFriends], port, home); });
    times.push_back(fine ? time / 1e6 : 1e9);
    failed += !fine;
    const double left = every * static_cast<double>(i + 1) - seconds_since(start);
    if (left > 0) ::poll(nullptr, 0, static_cast<int>(left * 1000));
  }
  flood.stop = true;
  thread.join();
  std::printf("flood: %zu forged M1 in %.1f s, %.0f a second; %zu friends' handshakes, %zu failed; median %.4f s, p99 %.4f s, most %.4f s\n",
              flood.sent, flood.seconds, static_cast<double>(flood.sent) / flood.seconds, times.size(), failed,
              test::quantile(times, 0.5), test::quantile(times, 0.99), test::quantile(times, 1));
  return failed == 0;
}

}  // namespace gossip::attack
