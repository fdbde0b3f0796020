#include "gossipd/hooks.h"

#include <array>
#include <csignal>
#include <cstring>

#include "gossipd/supervisor.h"
#include "sys/packet.h"
#include "sys/process.h"

namespace gossip::daemon {
namespace {

constexpr int kAgain = 75;                         // EX_TEMPFAIL of sysexits.h
constexpr Micros kFirstPause = 100 * kMillisecond;  // then four times as long each
constexpr Micros kUnstartedPause = 5 * kSecond;
constexpr Micros kStorePause = kSecond;

}  // namespace

RunnerEnd start_runner(std::vector<std::string> arguments, int lock_fd) {
  for (std::string& argument : arguments)
    if (argument == kListenerFlag) argument = kRunnerFlag;
  auto [ours, theirs] = sys::packet_pair();
  const pid_t pid = sys::spawn_self(arguments, {{lock_fd, kLockFd}, {theirs.get(), kNotesFd}});
  return {std::move(ours), pid};
}

Hooks::Hooks(db::Database& db, RunnerEnd runner) : db_(db), fd_(std::move(runner.fd)), pid_(runner.pid) {
  if (fd_) upto_ = stored_ = db::handed_upto(db_);
}

void Hooks::run(Now now, Seq heard) {
  if (!fd_) {
    if (pid_ > 0 && sys::reap(pid_)) pid_ = 0;
    return;
  }
  if (again_at_ && now.mono >= *again_at_) again_at_.reset();
  if (state_ == State::kEnded && !again_at_) settle(now);
  if (state_ == State::kIdle && !stopping_ && !again_at_) next(now, heard);
  send();
}

void Hooks::next(Now now, Seq heard) {
  more_ = false;
  if (upto_ >= heard) return;
  std::optional<db::Handed> one = db::next_to_hand(db_, upto_, now.wall_ms, at_);
  if (!one) {
    upto_ = at_;
    more_ = upto_ < heard;
    return;
  }
  for (Bytes& packet : packets_of({one->id, one->delivered_by, one->sender, one->heard, std::move(one->text)})) unsent_.push_back(std::move(packet));
  state_ = State::kHanded;
}

void Hooks::send() {
  while (!unsent_.empty() && sys::send_packet(fd_.get(), unsent_.front()).kind == sys::Io::kBytes) unsent_.pop_front();
}

void Hooks::stop() {
  if (std::exchange(stopping_, true) || !fd_) return;
  if (state_ == State::kIdle) state_ = State::kEnded;  // what was passed over is stored, too
  unsent_.push_back(stop_packet());
  send();
}

void Hooks::watch(sys::Poller& poller) { slot_ = poller.add(fd_ ? fd_.get() : -1, static_cast<bool>(fd_), fd_ && !unsent_.empty()); }

void Hooks::look(const sys::Poller& poller, Now now) {
  if (!fd_ || !poller.readable(slot_)) return;
  std::array<std::uint8_t, 16> packet;
  for (;;) {
    const sys::Io io = sys::receive_packet(fd_.get(), packet);
    if (io.kind == sys::Io::kBlocked) return;
    if (io.kind != sys::Io::kBytes) return lost();
    const auto ending = ending_of(View(packet).first(io.n));
    if (ending && state_ == State::kHanded) ended(now, *ending);
  }
}

void Hooks::ended(Now now, const Ending& ending) {
  using How = Ending::How;
  state_ = State::kIdle;
  if (ending.how == How::kUnstarted) {
    if (unstarted_lines_.pass(now.mono))
      sys::error(std::string("the hook cannot be started: ") + std::strerror(ending.code) + "; messages wait for it");
    return again(now, kUnstartedPause);
  }
  if (std::exchange(tried_, at_) != at_) tries_ = 0;
  const bool fine = ending.how == How::kExit && ending.code == 0;
  const bool once_more = ending.how == How::kSignal || (ending.how == How::kExit && ending.code == kAgain);
  if (once_more && stopping_) return;  // by us, or to be seen: after the next start
  if (once_more && ++tries_ < kHookTries) {
    counts_.emplace_back("hooks_repeated", 1);
    return again(now, kFirstPause << 2 * (tries_ - 1));
  }
  counts_.emplace_back(fine ? "hooks" : ending.how == How::kOverdue ? "hooks_overdue" : "hooks_failed", 1);
  if (!fine && bad_lines_.pass(now.mono))
    sys::warn(ending.how == How::kOverdue ? "a hook ran out of time, and was ended" : "a hook failed; gossipc status counts them");
  upto_ = at_;
  state_ = State::kEnded;
  settle(now);
}

void Hooks::again(Now now, Micros pause) { again_at_ = now.mono + pause; }

// While that cannot be stored nothing more is handed over, so that no crash repeats more than one.
void Hooks::settle(Now now) try {
  if (stored_ != upto_) db::note_handed(db_, upto_);
  stored_ = upto_;
  state_ = State::kIdle;
} catch (const db::Error& error) {
  if (!error.may_pass()) throw;
  again(now, kStorePause);
}

void Hooks::lost() {
  fd_.reset();
  unsent_.clear();
  if (!stopping_) sys::error("the process that runs hooks was lost: messages wait for it until gossipd is started again");
}

std::optional<Micros> Hooks::next_deadline() const {
  if (!fd_) return std::nullopt;
  if (again_at_) return again_at_;
  return more_ && state_ == State::kIdle ? std::optional<Micros>(0) : std::nullopt;
}

}  // namespace gossip::daemon
