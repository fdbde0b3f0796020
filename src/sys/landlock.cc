#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sys/error.h"
#include "sys/fd.h"
#include "sys/sandbox.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace gossip::sys {

#ifdef __linux__

long system_call(long number, std::uintptr_t a, std::uintptr_t b, std::uintptr_t c, std::uintptr_t d) {
  return ::syscall(number, a, b, c, d);
}

bool no_new_privileges() { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

namespace {

// linux/landlock.h, which the system we are built on may not have, or in an older version. The numbers are those of every machine.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr std::uintptr_t kAskVersion = 1, kPathBeneath = 1;
constexpr std::uint64_t kExecute = 1, kWriteFile = 2, kReadFile = 4, kReadDir = 8, kRemoveFile = 32, kMakeReg = 256, kMakeSock = 512,
                        kTruncate = 1 << 14;
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate;  // what a rule on a file may name
constexpr std::uint64_t kBindTcp = 1, kConnectTcp = 2;
constexpr std::uint64_t kAbstractSockets = 1, kSignals = 2;

struct Ruleset {
  std::uint64_t files = 0, network = 0, scoped = 0;
};
struct [[gnu::packed]] PathRule {
  std::uint64_t allowed;
  std::int32_t directory;
};

// Everything the version knows to take away.
Ruleset taken_by(long version, bool tcp_connect) {
  const int bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
  Ruleset all;
  all.files = (std::uint64_t{1} << bits) - 1;
  if (version >= 4) all.network = kBindTcp | (tcp_connect ? 0 : kConnectTcp);
  if (version >= 6) all.scoped = kAbstractSockets | kSignals;
  return all;
}

std::size_t size_for(long version) { return version >= 6 ? 24 : version >= 4 ? 16 : 8; }

std::uint64_t rights(Use use) {
  switch (use) {
    case Use::kRead: return kReadFile;
    case Use::kWrite: return kReadFile | kWriteFile | kTruncate;
    case Use::kKeep: return kReadFile | kWriteFile | kTruncate | kReadDir | kRemoveFile | kMakeReg | kMakeSock;
    case Use::kRun: return kReadFile | kExecute;
  }
  return 0;
}

bool add(int ruleset, const Reach& reach, std::uint64_t known, SystemCall call) {
  Fd fd(::open(reach.path.c_str(), O_PATH | O_CLOEXEC));
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0) return true;
  const std::uint64_t fitting = S_ISDIR(facts.st_mode) ? known : known & kOfFiles;
  PathRule rule{rights(reach.use) & fitting, fd.get()};
  return call(kAddRule, static_cast<std::uintptr_t>(ruleset), kPathBeneath, reinterpret_cast<std::uintptr_t>(&rule), 0) == 0;
}

Fenced none() { return {0, reason(errno)}; }

}  // namespace

Fenced fence_in(const Fence& fence, SystemCall call) {
  const long version = call(kCreateRuleset, 0, 0, kAskVersion, 0);
  if (version < 1) return none();
  const Ruleset taken = taken_by(version, fence.tcp_connect);
  Fd ruleset(static_cast<int>(call(kCreateRuleset, reinterpret_cast<std::uintptr_t>(&taken), size_for(version), 0, 0)));
  if (!ruleset) return none();
  const auto fits = [&](const Reach& reach) { return add(ruleset.get(), reach, taken.files, call); };
  if (!std::all_of(fence.files.begin(), fence.files.end(), fits)) return none();
  if (!no_new_privileges() || call(kRestrictSelf, static_cast<std::uintptr_t>(ruleset.get()), 0, 0, 0) != 0) return none();
  return {static_cast<int>(version), ""};
}

#else

long system_call(long, std::uintptr_t, std::uintptr_t, std::uintptr_t, std::uintptr_t) {
  errno = ENOSYS;
  return -1;
}
bool no_new_privileges() { return false; }
Fenced fence_in(const Fence&, SystemCall) { return {0, reason(ENOSYS)}; }

#endif

}  // namespace gossip::sys
