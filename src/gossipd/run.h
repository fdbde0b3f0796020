// What gossipd can be asked to do. Each returns an exit code of gossipd(8), EXIT STATUS, or throws.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "gossip/result.h"
#include "gossipd/driver.h"

namespace gossip::daemon {

enum Exit { kDone = 0, kUsage = 2, kLocked = 4, kBusy = 7, kBadDatabase = 10, kNoRoom = 11, kNoAddress = 12, kOurBug = 70 };

// Why the program cannot go on: words for a person, and the code to leave with.
class Stop : public std::runtime_error {
 public:
  Stop(Exit code, const std::string& what, std::string hint = {})
      : std::runtime_error(what), code_(code), hint_(std::move(hint)) {}
  Stop(Exit code, const Refusal& refusal) : Stop(code, refusal.what, refusal.hint) {}
  Exit code() const { return code_; }
  const std::string& hint() const { return hint_; }

 private:
  Exit code_;
  std::string hint_;
};

Setup read_setup();                                          // environment and the files it names; Stop(kUsage)
int check(const Setup& setup);                               // -n
int print_config(const Setup& setup);                        // on stdout
int run_worker(Setup setup, const std::vector<std::string>& listener_arguments);
int run_listener();                                          // the internal modes, with what a worker passes
int run_runner();

}  // namespace gossip::daemon
