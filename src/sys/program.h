// Programs of the user's: an executable, started in a session of its own, with its input on a pipe and its output nowhere.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sys/fd.h"
#include "sys/tcp.h"

namespace gossip::sys {

// Why `path`, a whole one, is not to be run; empty: it is a regular file, executable, ours or root's, nobody else can write to it,
// nor have the path lead to another one: each directory and each link on the way is ours or root's as well, and who else can write
// to one of these directories cannot rename there what is ours, as it is sticky.
std::string fault_of_program(const std::string& path);

struct Started {
  pid_t pid = 0;
  Fd input;       // the other end of its standard input, non-blocking
  int error = 0;  // an errno: it could not be started, and there is no process
};
// No shell: the path is its only argument, `environment` ("NAME=value") all of its environment, signals are as at login, and no
// descriptor but the three is open. Its process group has its number. On Linux it is killed when this process ends.
Started start_program(const std::string& path, const std::vector<std::string>& environment);

Io feed_program(const Fd& input, std::span<const std::uint8_t> from);  // REQUIRES SIGPIPE ignored; kEnd: it does not read any more

// REQUIRES a child of ours that was not reaped yet, so that the number is still its own.
void signal_group(pid_t leader, int signal);
bool has_ended(pid_t child);   // it is still to be reaped
void end_group(pid_t leader);  // at once, and waits for the leader's end

}  // namespace gossip::sys
