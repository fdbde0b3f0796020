// Hooks: hands message after message, in the order heard, to the runner, which runs the user's program for it. How far it is, is
// stored when a hook has ended: a crash repeats at most the one that ran, and skips nothing. Nothing here waits.
#pragma once

#include <deque>
#include <optional>

#include "db/handover.h"
#include "gossip/time.h"
#include "gossipd/chronicle.h"
#include "gossipd/errand.h"
#include "sys/log.h"
#include "sys/loop.h"

namespace gossip::daemon {

constexpr const char* kRunnerFlag = "--as-hook-runner";
constexpr int kHookTries = 5;  // of a message whose hook was killed, or asked for another try by exit code 75

// Our end of the pair with the runner, and its number; neither: there are no hooks.
struct RunnerEnd {
  sys::Fd fd;
  pid_t pid = 0;
};
// arguments: of the listener. REQUIRES that this process is not contained yet: the runner would be, too. The runner holds the lock
// as long as a hook of it runs.
RunnerEnd start_runner(std::vector<std::string> arguments, int lock_fd);

class Hooks {
 public:
  Hooks(db::Database& db, RunnerEnd runner);
  void run(Now now, Seq heard);  // every turn. heard: how far the log goes
  void stop();                   // nothing more is begun; what runs may end
  bool running() const { return pid_ > 0; }  // the runner does
  void watch(sys::Poller& poller);
  void look(const sys::Poller& poller, Now now);
  std::optional<Micros> next_deadline() const;  // only where there is more to do
  Counters take_counts() { return std::exchange(counts_, {}); }

 private:
  enum class State { kIdle, kHanded, kEnded };  // a hook has a message; it has ended, which is to be stored
  void send();
  void next(Now now, Seq heard);
  void ended(Now now, const Ending& ending);
  void again(Now now, Micros pause);
  void settle(Now now);
  void lost();

  db::Database& db_;
  sys::Fd fd_;
  pid_t pid_ = 0;
  std::size_t slot_ = 0;
  State state_ = State::kIdle;
  std::deque<Bytes> unsent_;
  Seq upto_ = 0;                 // handed over, or nobody's business
  Seq stored_ = 0;               // of that
  Seq at_ = 0;                   // what the hook has
  Seq tried_ = 0;                // what was tried before,
  int tries_ = 0;                // and how often
  std::optional<Micros> again_at_;  // not before
  bool more_ = false;
  bool stopping_ = false;
  Counters counts_;
  sys::RateLimit bad_lines_{10 * kMinute}, unstarted_lines_{10 * kMinute};
};

}  // namespace gossip::daemon
