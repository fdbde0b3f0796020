#include "gossipd/supervisor.h"

#include <algorithm>
#include <csignal>

#include "sys/log.h"
#include "sys/packet.h"

namespace gossip::daemon {
namespace {

constexpr Micros kFirstPause = 50 * kMillisecond;
constexpr Micros kLongestPause = 30 * kSecond;
constexpr Micros kKilledPause = 200 * kMillisecond;  // somebody else ended it: nothing it would do again by itself
constexpr Micros kHealthy = kMinute;                 // having lived so long, it starts anew with the first pause

}  // namespace

sys::Fd Supervisor::start(Micros now, const Secrets& secrets) {
  auto [ours, theirs] = sys::packet_pair();
  send_secrets(ours.get(), secrets);
  child_ = sys::spawn_self(arguments_, {{lock_fd_, kLockFd}, {theirs.get(), kNotesFd}, {listen_fd_, kListenFd}, {bell_fd_, kBellFd}});
  started_ = now;
  start_at_.reset();
  return std::move(ours);
}

std::optional<sys::Ended> Supervisor::ended() {
  if (!running()) return std::nullopt;
  std::optional<sys::Ended> ended = sys::reap(child_);
  if (ended) child_ = 0;
  return ended;
}

void Supervisor::plan(Micros now, const sys::Ended& ended) {
  pause_ = now - started_ >= kHealthy || pause_ == 0 ? kFirstPause : std::min(2 * pause_, kLongestPause);
  if (ended.by_signal && ended.code == SIGKILL) pause_ = std::min(pause_, kKilledPause);
  start_at_ = now + pause_;
  sys::warn("the listener was lost (" + ended.words() + "), starting it again in " + std::to_string(pause_ / kMillisecond) + " ms");
}

void Supervisor::kill() {
  if (running()) sys::kill_now(child_);
}

}  // namespace gossip::daemon
