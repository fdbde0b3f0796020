// Runner: the process that runs hooks (gossipd(8), Hooks), where GOSSIPD_ON_MESSAGE names one. Started by the worker before it
// contains itself, and not contained, as what it runs is the user's own. It can do one thing: run that one program with an errand
// of the worker's, one at a time. It holds no database, no key and no socket but the pair, and ends with the worker.
#pragma once

#include <string>
#include <vector>

#include "gossip/time.h"
#include "gossipd/errand.h"
#include "sys/fd.h"
#include "sys/loop.h"
#include "sys/signals.h"

namespace gossip::daemon {

constexpr Micros kHookTime = 60 * kSecond;  // of one hook; then SIGTERM to its process group
constexpr Micros kHookGrace = 2 * kSecond;  // then SIGKILL. So long a hook may still run after STOP, too

class Runner {
 public:
  // environment: "NAME=value" of this process, of which the hook gets a part
  Runner(sys::Fd worker, std::string program, std::vector<std::string> environment, Micros limit = kHookTime, Micros grace = kHookGrace);
  int run();  // exit code

 private:
  bool running() const { return hook_ > 0; }
  bool hear(Micros now);
  void begin(Micros now);
  void feed();
  void hurry(Micros now);
  void end();
  void tell(const Ending& ending);

  sys::Fd worker_;
  const std::string program_;
  const std::vector<std::string> environment_;
  const Micros limit_, grace_;
  sys::Signals signals_;
  sys::Poller poller_;
  Inbox inbox_;
  Bytes buffer_;
  pid_t hook_ = 0;
  sys::Fd input_;
  std::size_t fed_ = 0;         // of the text
  Micros next_step_ = 0;        // against the hook: SIGTERM, then SIGKILL
  bool hurried_ = false;        // SIGTERM was sent
  bool overdue_ = false, stopping_ = false;
};

}  // namespace gossip::daemon
