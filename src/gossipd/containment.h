// Containment: what each of the two processes keeps when it has started, and gives up the rest for good (gossipd(8), CONTAINMENT).
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "sys/sandbox.h"

namespace gossip::daemon {

enum class Process { kWorker, kListener };

// The listener is started by the worker, within the worker's fence: the worker's lists hold all that the listener needs until it
// puts up its own.
sys::Fence fence_of(Process process, const config::Config& config);
std::vector<sys::Rule> calls_of(Process process);  // empty where there are no filters

// What is read to look up names: directories that are there. `link` is /etc/resolv.conf: the directory it leads into is among them,
// or, where that is not there yet, the nearest one above it; but never "/".
std::vector<std::string> resolver_directories(const std::string& link);

struct Contained {
  std::string done;     // "files, network, system calls"; empty: nothing
  std::string missing;  // what could not be done, and why; empty: nothing
};
// REQUIRES that no thread was started yet. Never throws: a kernel that has no fences is no reason not to run.
Contained contain(Process process, const config::Config& config, sys::SystemCall call = sys::system_call);
// The same, with a line in the log: the worker speaks for both, the listener where -v wants to know.
void contain_and_say(Process process, const config::Config& config);

}  // namespace gossip::daemon
