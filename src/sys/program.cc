#include "sys/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "sys/process.h"
#include "sys/signals.h"

namespace gossip::sys {
namespace {

constexpr int kStatus = 3;  // where the child has the pipe that closes with its execve, or tells why that failed
constexpr int kAbove = 16;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void say_and_leave(int status) {
  const int error = errno;
  if (::write(status, &error, sizeof error) < 0) ::_exit(126);
  ::_exit(127);
}

// In the child.
[[noreturn]] void become(const char* path, char* const* arguments, char* const* environment, int input, int status, pid_t parent) {
  input = ::fcntl(input, F_DUPFD, kAbove);
  status = ::fcntl(status, F_DUPFD, kAbove);
  const int nowhere = ::open("/dev/null", O_WRONLY);
  if (::setsid() < 0 || nowhere < 0 || ::dup2(input, 0) < 0 || ::dup2(nowhere, 1) < 0 || ::dup2(nowhere, 2) < 0) say_and_leave(status);
  if (::dup2(status, kStatus) < 0 || ::fcntl(kStatus, F_SETFD, FD_CLOEXEC) != 0) say_and_leave(status);
  close_from(kStatus + 1);
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  if (::getppid() != parent) ::_exit(127);  // gone before we asked to go with it
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(path, arguments, environment);
  say_and_leave(kStatus);
}

bool make_pipe(Fd& read, Fd& write) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  read.reset(ends[0]);
  write.reset(ends[1]);
  return true;
}

// 0: it runs.
int told(const Fd& status) {
  int error = 0;
  ssize_t n = 0;
  while ((n = ::read(status.get(), &error, sizeof error)) < 0 && errno == EINTR) continue;
  return n == 0 ? 0 : n == sizeof error ? error : EIO;
}

void wait_for(pid_t child) {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
}

bool ours(const struct stat& facts) { return facts.st_uid == ::geteuid() || facts.st_uid == 0; }

// What is ours in it stays what it is.
bool ours_alone(const struct stat& folder) { return ours(folder) && ((folder.st_mode & 022) == 0 || (folder.st_mode & S_ISVTX) != 0); }

std::string not_there() { return std::string("cannot be looked at: ") + std::strerror(errno); }

// Goes the way the system goes, name by name and link by link. Why somebody else could have it end elsewhere; empty: nobody could,
// and `facts` are of what is there.
std::string follow(const std::string& path, struct stat& facts) {
  constexpr int kMostLinks = 40;
  if (!path.starts_with('/')) return "is not a whole path";
  std::string rest = path, at;  // still to go; gone, without a link in it
  for (int links = 0; !rest.empty();) {
    struct stat folder {};
    if (::lstat((at + "/").c_str(), &folder) != 0) return not_there();
    if (!ours_alone(folder)) return "is reached through " + at + "/, in which others can put another one in its place";
    const std::size_t begin = std::min(rest.find_first_not_of('/'), rest.size()), end = std::min(rest.find('/', begin), rest.size());
    const std::string name = rest.substr(begin, end - begin);
    rest.erase(0, end);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    const std::string next = at + "/" + name;
    if (::lstat(next.c_str(), &facts) != 0) return not_there();
    if (!S_ISLNK(facts.st_mode)) {
      at = next;
      continue;
    }
    if (!ours(facts)) return "is reached through " + next + ", a link of somebody else's";
    std::array<char, PATH_MAX> target;
    const ssize_t n = ::readlink(next.c_str(), target.data(), target.size());
    if (n < 0) return not_there();
    if (++links > kMostLinks) return "is reached through too many links";
    rest.insert(0, target.data(), static_cast<std::size_t>(n));
    if (rest.starts_with('/')) at.clear();
  }
  return {};
}

}  // namespace

std::string fault_of_program(const std::string& path) {
  struct stat facts {};
  if (std::string fault = follow(path, facts); !fault.empty()) return fault;
  if (!S_ISREG(facts.st_mode)) return "is not a regular file";
  if (!ours(facts)) return "belongs to somebody else";
  if ((facts.st_mode & 022) != 0) return "can be written by others";
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) return "is not executable";
  return {};
}

Started start_program(const std::string& path, const std::vector<std::string>& environment) {
  Started out;
  Fd input, status, status_end;
  const auto failed = [&] { return Started{0, Fd(), errno}; };
  if (!make_pipe(input, out.input) || !make_pipe(status, status_end)) return failed();
  set_nonblocking(out.input.get());
  const std::vector<std::string> words{path};
  const std::vector<char*> arguments = pointers(words), variables = pointers(environment);
  const pid_t parent = ::getpid();
  SignalsBlocked blocked;
  out.pid = ::fork();
  if (out.pid < 0) return failed();
  if (out.pid == 0) become(path.c_str(), arguments.data(), variables.data(), input.get(), status_end.get(), parent);
  status_end.reset();
  out.error = told(status);
  if (out.error == 0) return out;
  wait_for(out.pid);
  return {0, Fd(), out.error};
}

Io feed_program(const Fd& input, std::span<const std::uint8_t> from) {
  const ssize_t n = ::write(input.get(), from.data(), from.size());
  if (n >= 0) return {Io::kBytes, static_cast<std::size_t>(n)};
  return {errno == EAGAIN || errno == EINTR ? Io::kBlocked : Io::kEnd};
}

void signal_group(pid_t leader, int signal) { ::kill(-leader, signal); }

bool has_ended(pid_t child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

void end_group(pid_t leader) {
  signal_group(leader, SIGKILL);
  wait_for(leader);
}

}  // namespace gossip::sys
