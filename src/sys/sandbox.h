// A process gives up what it does not need, for good: for itself, its threads to come, and every program it starts. Two kinds of
// fence, both of Linux: Landlock, by file and by port, and seccomp, by system call. Where the kernel has one of them not, the caller
// is told and goes on with the other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gossip::sys {

// As syscall(2): -1 and errno. Tests put a kernel of their own in its place.
using SystemCall = long (*)(long number, std::uintptr_t a, std::uintptr_t b, std::uintptr_t c, std::uintptr_t d);
long system_call(long number, std::uintptr_t a, std::uintptr_t b, std::uintptr_t c, std::uintptr_t d);

// No program started from here on has more rights than this one. REQUIRED by both fences.
bool no_new_privileges();

// --- Landlock (5.13 on; of TCP 6.7 on; of signals and abstract sockets 6.12 on)

enum class Use {
  kRead,   // a file, or all files below a directory
  kWrite,  // the same, and to write to those that are there
  kKeep,   // a directory: to make, write and remove files and sockets in it and below
  kRun,    // a program, or the loader of programs
};
struct Reach {
  std::string path;  // left out where there is no such file now
  Use use;
};
struct Fence {
  std::vector<Reach> files;
  bool tcp_connect = false;  // binding a TCP port is given up in any case
};
struct Fenced {
  int version = 0;  // of the kernel's Landlock; 0: there is no fence, and
  std::string why;  // the reason
  bool network() const { return version >= 4; }
};
// REQUIRES that no other thread runs: they would stay outside.
Fenced fence_in(const Fence& fence, SystemCall call = system_call);

// --- seccomp: a list of calls, everything else is denied

// On the lower 32 bits of argument number `argument`, from 0 on.
struct Where {
  int argument;
  std::uint32_t mask, value;
};
struct Rule {
  long number;
  std::vector<Where> where = {};  // all of them
  int refuse = 0;                 // an errno: this call is answered with it, also where others end the process
};
enum class Denied { kFails, kKills };  // EPERM, or the end of the process by SIGSYS

// The first rule that fits counts. Calls newer than this list are answered with ENOSYS, as by an older kernel, so that a newer C
// library falls back. Empty, or why there is no filter.
std::string filter_calls(const std::vector<Rule>& rules, Denied denied, SystemCall call = system_call);

}  // namespace gossip::sys
