#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <link.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>

#include "sys/error.h"
#include "sys/files.h"
#include "sys/signals.h"

extern char** environ;

namespace gossip::sys {
namespace {

constexpr std::size_t kMaxPass = 8;
constexpr int kAbove = 16;  // descriptors are parked here before they get their numbers

// The path that was executed, whatever the program was called. Async-signal-safe.
const char* started_as() {
#ifdef __linux__
  const auto path = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  return path ? path : "";
#else
  return "";
#endif
}

// In the child of a program that may have threads: async-signal-safe calls only.
[[noreturn]] void become(char* const* arguments, const Pass* pass, std::size_t count) {
  std::array<int, kMaxPass> parked{};
  int next = 3;
  for (std::size_t i = 0; i < count; ++i) {
    if (pass[i].fd < 0) continue;
    parked[i] = ::fcntl(pass[i].fd, F_DUPFD, kAbove);
    if (parked[i] < 0) ::_exit(127);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (pass[i].fd < 0) continue;
    if (::dup2(parked[i], pass[i].as) < 0) ::_exit(127);
    next = std::max(next, pass[i].as + 1);
  }
  close_from(next);
  ::execve("/proc/self/exe", arguments, environ);
  ::execve(started_as(), arguments, environ);  // no /proc
  ::_exit(127);
}

}  // namespace

void close_from(int first) {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0) return;
#endif
  rlimit limit{};
  int end = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? static_cast<int>(limit.rlim_cur) : 65536;
  for (int fd = first; fd < end; ++fd) ::close(fd);
}

pid_t spawn_self(const std::vector<std::string>& arguments, std::initializer_list<Pass> pass) {
  if (pass.size() > kMaxPass) throw Error("too many descriptors to pass", EINVAL);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  SignalsBlocked blocked;  // no handler of ours may run in the child, where it would write into the parent's pipe
  pid_t pid = ::fork();
  if (pid < 0) fail("cannot start another process");
  if (pid == 0) become(argv.data(), pass.begin(), pass.size());
  return pid;
}

#ifdef __linux__

// The first object is the program itself; its header names the loader.
std::vector<std::string> own_programs() {
  std::vector<std::string> out{"/proc/self/exe"};
  if (*started_as()) out.emplace_back(started_as());  // no /proc
  const auto look = [](dl_phdr_info* object, std::size_t, void* list) {
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      const auto& part = object->dlpi_phdr[i];
      if (part.p_type != PT_INTERP) continue;
      static_cast<std::vector<std::string>*>(list)->emplace_back(reinterpret_cast<const char*>(object->dlpi_addr + part.p_vaddr));
    }
    return 1;
  };
  ::dl_iterate_phdr(look, &out);
  return out;
}

std::vector<std::string> library_directories() {
  std::vector<std::string> out;
  const auto look = [](dl_phdr_info* object, std::size_t, void* list) {
    const std::string name = object->dlpi_name;
    if (name.starts_with('/')) static_cast<std::vector<std::string>*>(list)->push_back(directory_of(name));
    return 0;
  };
  ::dl_iterate_phdr(look, &out);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

#else

std::vector<std::string> own_programs() { return {}; }
std::vector<std::string> library_directories() { return {}; }

#endif

std::string Ended::words() const {
  if (by_signal) return "killed by signal " + std::to_string(code);
  return code == 127 ? "could not be started" : "exit code " + std::to_string(code);
}

std::optional<Ended> reap(pid_t child) {
  int status = 0;
  pid_t got = ::waitpid(child, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR)) return std::nullopt;
  if (got < 0) fail("cannot wait for the other process");
  if (WIFSIGNALED(status)) return Ended{true, WTERMSIG(status)};
  return Ended{false, WEXITSTATUS(status)};
}

std::vector<std::string> environment() {
  std::vector<std::string> out;
  for (char** entry = environ; entry && *entry; ++entry) out.emplace_back(*entry);
  return out;
}

void kill_now(pid_t child) { ::kill(child, SIGKILL); }

void name_process([[maybe_unused]] const char* name) {
#ifdef __linux__
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
#endif
}

void prefer_short_turns() {
#if defined(__linux__) && defined(SYS_sched_setattr)
  constexpr std::uint64_t kTurnNs = 500'000;
  struct {  // sched_setattr(2); the C library has it from glibc 2.41 on
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } mine{};
  if (::syscall(SYS_sched_getattr, 0, &mine, sizeof mine, 0) != 0 || mine.policy != SCHED_OTHER) return;
  if (mine.runtime != 0 && mine.runtime <= kTurnNs) return;
  mine.runtime = kTurnNs;  // heeded from Linux 6.12 on; 0 before that
  static_cast<void>(::syscall(SYS_sched_setattr, 0, &mine, 0));
#endif
}

void no_core_dumps() {
  rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

}  // namespace gossip::sys
