#include "gossipc/follow.h"

#include <poll.h>
#include <signal.h>

namespace gossip::client {
namespace {

constexpr int kLookAgainMs = 200;

volatile std::sig_atomic_t g_interrupted = 0;

}  // namespace

Follower::Follower(db::Database& db, Out& out) : db_(db), out_(out) {
  struct sigaction action {};
  action.sa_handler = [](int) { g_interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &action, nullptr);
  }
  out_.give_up_on(&g_interrupted);
}

bool Follower::wait(std::int64_t before) {
  while (version() == before) {
    pollfd reader{out_.fd(), 0, 0};  // tells when a pipe's reader has gone
    if (::poll(&reader, 1, kLookAgainMs) > 0 && (reader.revents & (POLLERR | POLLHUP)) != 0) return false;
    if (g_interrupted) return false;
  }
  return true;
}

bool Follower::interrupted() { return g_interrupted != 0; }

}  // namespace gossip::client
