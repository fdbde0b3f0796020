// The system calls that each process keeps. Only their numbers and, where a number says too much, some of their arguments.
#include "gossipd/containment.h"

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#endif

namespace gossip::daemon {

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
namespace {

constexpr long kPlain[] = {
    // files; which, is Landlock's part
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_close, SYS_openat, SYS_fstat, SYS_newfstatat, SYS_statx,
    SYS_lseek, SYS_faccessat, SYS_faccessat2, SYS_readlinkat, SYS_getcwd, SYS_fcntl, SYS_flock, SYS_ftruncate, SYS_fallocate, SYS_fsync,
    SYS_fdatasync, SYS_unlinkat, SYS_dup, SYS_dup3, SYS_pipe2,
    // waiting
    SYS_ppoll, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres,
    SYS_gettimeofday, SYS_restart_syscall,
    // sockets that are there
    SYS_accept4, SYS_connect, SYS_recvfrom, SYS_recvmsg, SYS_shutdown, SYS_getsockname,
    SYS_getpeername, SYS_getsockopt,
    // memory; that which can be run is looked at below
    SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mlock, SYS_mlock2, SYS_munlock,
    // threads and signals
    SYS_futex, SYS_set_robust_list, SYS_rseq, SYS_sched_yield, SYS_sched_getaffinity, SYS_sigaltstack, SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_exit, SYS_exit_group,
    // about ourselves
    SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrusage, SYS_uname, SYS_sysinfo,
    SYS_getrandom,
#ifdef __x86_64__  // older forms of the same, which the C library still makes use of here
    SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_unlink, SYS_poll, SYS_epoll_wait, SYS_dup2, SYS_pipe, SYS_time,
#endif
};

// What the worker has to do for the next listener, and that one until it has a filter of its own.
constexpr long kStarting[] = {
    SYS_execve, SYS_wait4, SYS_waitid, SYS_set_tid_address, SYS_umask, SYS_close_range, SYS_seccomp,
    444, 445, 446,  // Landlock's, which not every C library names
#ifdef __x86_64__
    SYS_arch_prctl,
#endif
};

constexpr std::uint32_t kAll = ~0U;
constexpr std::uint32_t kThread = CLONE_THREAD;
constexpr std::uint32_t kFork = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
constexpr std::uint32_t kNewNames = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint32_t kType = 0xf;  // of a socket, without its flags

sys::Where is(int argument, std::uint32_t value) { return {argument, kAll, value}; }

void add_sockets(std::vector<sys::Rule>& rules, std::uint32_t type) {
  for (std::uint32_t family : {AF_INET, AF_INET6}) rules.push_back({SYS_socket, {is(0, family), {1, kType, type}}});
}

// Both processes: names are looked up by UDP, and a resolver that tries a local service first is told that there is none.
void add_shared(std::vector<sys::Rule>& rules) {
  add_sockets(rules, SOCK_DGRAM);
  for (std::uint32_t family : {AF_UNIX, AF_NETLINK}) rules.push_back({SYS_socket, {is(0, family)}, EPERM});
  rules.push_back({SYS_setsockopt, {is(1, IPPROTO_TCP), is(2, TCP_NODELAY)}});
  rules.push_back({SYS_setsockopt, {is(1, IPPROTO_IP), is(2, IP_RECVERR)}});
  rules.push_back({SYS_setsockopt, {is(1, IPPROTO_IPV6), is(2, IPV6_RECVERR)}});
  // Rationale: with this flag a send is a connect, and one by TCP that neither the list of calls nor Landlock's ports would see.
  rules.push_back({SYS_sendto, {{3, MSG_FASTOPEN, 0}}});
  rules.push_back({SYS_sendmsg, {{2, MSG_FASTOPEN, 0}}});
  rules.push_back({SYS_sendmmsg, {{3, MSG_FASTOPEN, 0}}});
  rules.push_back({SYS_ioctl, {is(1, FIONREAD)}});
  rules.push_back({SYS_ioctl, {}, ENOTTY});
  rules.push_back({SYS_clone, {{0, kThread | kNewNames, kThread}}});
  rules.push_back({SYS_clone3, {}, ENOSYS});  // its flags cannot be seen: the C library goes back to clone
  rules.push_back({SYS_fchmod, {{1, 077, 0}}});
  rules.push_back({SYS_mprotect, {{2, PROT_EXEC, 0}}});
  rules.push_back({SYS_mmap, {{2, PROT_EXEC, 0}}});
  rules.push_back({SYS_prlimit64, {is(0, 0)}});
  rules.push_back({SYS_prctl, {is(0, PR_SET_NAME)}});
  rules.push_back({SYS_tgkill, {is(2, SIGABRT)}});  // abort()
  rules.push_back({SYS_fchown, {}, EPERM});         // which SQLite tries as root, and does without
}

void add_worker(std::vector<sys::Rule>& rules) {
  for (long number : kStarting) rules.push_back({number});
  add_sockets(rules, SOCK_STREAM);
  rules.push_back({SYS_socketpair, {is(0, AF_UNIX), {1, kType, SOCK_SEQPACKET}}});
  rules.push_back({SYS_clone, {is(0, kFork)}});
  rules.push_back({SYS_kill, {is(1, SIGKILL)}});
  rules.push_back({SYS_mmap, {{2, PROT_EXEC | PROT_WRITE, PROT_EXEC}}});
  rules.push_back({SYS_prctl, {is(0, PR_SET_DUMPABLE), is(1, 0)}});
  rules.push_back({SYS_prctl, {is(0, PR_SET_NO_NEW_PRIVS)}});
}

}  // namespace

std::vector<sys::Rule> calls_of(Process process) {
  std::vector<sys::Rule> rules;
  for (long number : kPlain) rules.push_back({number});
  if (process == Process::kWorker) add_worker(rules);
  else rules.push_back({SYS_mmap, {{2, PROT_EXEC | PROT_WRITE, PROT_EXEC}}, EPERM});  // a library somebody asks for: done without
  add_shared(rules);
  return rules;
}

#else

std::vector<sys::Rule> calls_of(Process) { return {}; }

#endif

}  // namespace gossip::daemon
