// Processes: another copy of this very program, started by fork and immediate execve.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "sys/fd.h"

namespace gossip::sys {

struct Pass {  // a descriptor of ours, and the number under which the child finds it (from 3 on)
  int fd;  // below 0: nothing is passed
  int as;
};

// Starts our own binary again with these arguments. Between fork and execve only async-signal-safe calls are made. The child has
// stdio and what is passed, nothing else, and starts with all signals blocked: it unblocks them with its Signals. Throws Error
// when there can be no process; a failed execve shows as exit code 127.
pid_t spawn_self(const std::vector<std::string>& arguments, std::initializer_list<Pass> pass);

// What spawn_self needs of the file system: our own program and its loader, and where our libraries lie. Empty where unknown.
std::vector<std::string> own_programs();
std::vector<std::string> library_directories();

struct Ended {
  bool by_signal = false;
  int code = 0;               // exit code or signal number
  std::string words() const;  // "exit code 3", "killed by signal 9"
};
std::optional<Ended> reap(pid_t child);  // nothing while it runs; never blocks

void close_from(int first);   // every descriptor from this one on; async-signal-safe
void kill_now(pid_t child);  // SIGKILL
std::vector<std::string> environment();  // "NAME=value" each
void name_process(const char* name);  // for ps: who is started by /proc/self/exe is called "exe" else
// Where the system can: when we wake we run soon, and for less long where others want to run as well; what we get in all is the same.
// What we start has it too. Rationale: else Linux lets who runs finish a turn of a millisecond or two, and that is longer than a message takes.
void prefer_short_turns();
// No core files and, where the system can, no reading of our memory by others of the same user.
void no_core_dumps();

}  // namespace gossip::sys
