#include "sys/signals.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sys/error.h"

namespace gossip::sys {
namespace {

volatile sig_atomic_t g_pipe = -1;
const char* g_abort_prefix = "";
const char* (*g_abort_words)() = nullptr;
volatile sig_atomic_t g_abort_code = 1;

void to_pipe(int signal) {
  int saved = errno;
  auto byte = static_cast<unsigned char>(signal);
  if (g_pipe >= 0 && ::write(g_pipe, &byte, 1) < 0) {
    // a full pipe already says that something came
  }
  errno = saved;
}

void say(const char* words) {
  if (::write(STDERR_FILENO, words, std::strlen(words)) < 0) return;
}

constexpr std::size_t kMostLeft = 64;
const char* g_left_path = nullptr;
std::span<const volatile std::uint8_t> g_left;
pthread_t g_left_by;

struct Fault {
  int signal;
  const char* words;
};
constexpr Fault kFaults[] = {{SIGSEGV, "segmentation fault"}, {SIGBUS, "bus error"}, {SIGFPE, "arithmetic fault"},
                             {SIGILL, "illegal instruction"}};

alignas(16) unsigned char g_stack[64 * 1024];  // where a fault is that of a stack that is full

void aborted(int signal) {
  if (signal != SIGBUS) leave_now();
  const char* words = signal == SIGABRT && g_abort_words ? g_abort_words() : nullptr;
  for (const Fault& fault : kFaults)
    if (fault.signal == signal) words = fault.words;
  say(g_abort_prefix);
  say(words ? words : "aborted");
  say("\n");
  ::_exit(g_abort_code);
}

void install(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigfillset(&action.sa_mask);
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  if (::sigaction(signal, &action, nullptr) != 0) fail("sigaction");
}

}  // namespace

Signals::Signals(std::initializer_list<int> signals) : watched_(signals) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) fail("pipe");
  read_.reset(ends[0]);
  write_.reset(ends[1]);
  g_pipe = ends[1];
  for (int signal : watched_) install(signal, to_pipe);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

Signals::~Signals() {
  for (int signal : watched_) ::signal(signal, SIG_IGN);
  g_pipe = -1;
}

std::vector<int> Signals::take() {
  std::vector<int> came;
  std::array<unsigned char, 64> bytes;
  for (ssize_t n; (n = ::read(read_.get(), bytes.data(), bytes.size())) > 0;) came.insert(came.end(), bytes.begin(), bytes.begin() + n);
  return came;
}

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void ignore_signal(int signal) { install(signal, SIG_IGN); }

void on_abort(const char* (*words)(), int code, const char* prefix) {
  g_abort_prefix = prefix;
  g_abort_words = words;
  g_abort_code = code;
  install(SIGABRT, aborted);
  stack_t stack{};
  stack.ss_sp = g_stack;
  stack.ss_size = sizeof g_stack;
  struct sigaction there {};
  for (const Fault& fault : kFaults) {
    if (::sigaction(fault.signal, nullptr, &there) != 0 || there.sa_handler != SIG_DFL) continue;
    ::sigaltstack(&stack, nullptr);
    install(fault.signal, aborted);
  }
}

void leave_at_crash(const char* path, std::span<const volatile std::uint8_t> bytes) {
  g_left_path = path;
  g_left = bytes;
  g_left_by = ::pthread_self();
}

void leave_now() {
  if (!g_left_path || g_left[0] == 0 || g_left.size() > kMostLeft || !::pthread_equal(g_left_by, ::pthread_self())) return;
  std::array<unsigned char, kMostLeft> bytes;
  for (std::size_t i = 0; i < g_left.size(); ++i) bytes[i] = g_left[i];
  const int fd = ::open(g_left_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, bytes.data(), g_left.size()) < 0) return;
  ::close(fd);
}

}  // namespace gossip::sys
