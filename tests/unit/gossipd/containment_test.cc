// What each process keeps and what it has given up, seen from inside: a child puts up the fences and tries.
#include "gossipd/containment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>

#include "support/folder.h"
#include "sys/doorbell.h"
#include "sys/files.h"
#include "sys/process.h"
#include "sys/tcp.h"

namespace gossip::daemon {
namespace {

constexpr int kNotContained = 254, kFine = 0;

std::string contained_here(const Contained& contained) { return contained.missing.empty() ? contained.done : contained.missing; }

class Containment : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"/data", "/home"}) ASSERT_EQ(::mkdir((top_ + folder).c_str(), 0700), 0);
    config_.db_path = top_ + "/data/gossipd.db";
    config_.network_key_file = top_ + "/home/network";
    for (const char* file : {"/data/gossipd.db", "/home/network", "/home/diary"}) ::close(::open((top_ + file).c_str(), O_CREAT | O_RDWR, 0600));
    if (run(Process::kWorker, [] { return kFine; }) == kNotContained) GTEST_SKIP() << "no fences here";
  }

  // How the attempt went within the fences: its errno, 0 where it succeeded, or the signal, negative.
  int run(Process process, const std::function<int()>& attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      const Contained contained = contain(process, config_);
      ::_exit(contained.missing.empty() ? attempt() : kNotContained);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  int worker(const std::function<int()>& attempt) { return run(Process::kWorker, attempt); }
  int listener(const std::function<int()>& attempt) { return run(Process::kListener, attempt); }
  void both(int expected, const std::function<int()>& attempt, const char* what) {
    EXPECT_EQ(worker(attempt), expected) << "worker: " << what;
    EXPECT_EQ(listener(attempt), expected) << "listener: " << what;
  }

  test::Folder folder_;
  std::string top_ = folder_.path();
  config::Config config_;
};

int code(long result) { return result < 0 ? errno : kFine; }
int opened(const std::string& path, int flags) { return code(::open(path.c_str(), flags, 0600)); }
int dialled(int family, int type) {
  const int fd = ::socket(family, type, 0);
  if (fd < 0) return errno;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);  // discard: nobody is there, which is told apart from not being let
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return code(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to));
}
int executed(const char* program) {
  char* arguments[] = {const_cast<char*>(program), nullptr};
  return code(::execve(program, arguments, arguments + 1));
}

TEST_F(Containment, OfTheFilesOnlyItsOwnRemain) {
  both(EACCES, [&] { return opened(top_ + "/home/diary", O_RDONLY); }, "somebody's file");
  both(EACCES, [&] { return opened(top_ + "/home/new", O_WRONLY | O_CREAT); }, "a new file elsewhere");
  both(EACCES, [] { return opened("/etc/passwd", O_WRONLY); }, "to write what belongs to the system");
  both(EACCES, [] { return opened("/proc/self/mem", O_RDWR); }, "our own memory as a file");
  both(EACCES, [] { return opened("/dev/tty", O_RDWR); }, "the terminal");
  both(EACCES, [&] { return code(::unlink((top_ + "/home/diary").c_str())); }, "to delete elsewhere");
  both(EPERM, [&] { return code(::rename((top_ + "/home/diary").c_str(), (top_ + "/data/d").c_str())); }, "rename");
  both(EPERM, [&] { return code(::symlink("/etc", (top_ + "/data/link").c_str())); }, "symlink");
  both(EPERM, [&] { return code(::chmod((top_ + "/data/gossipd.db").c_str(), 0644)); }, "chmod");
  both(EPERM, [&] { return code(::fchmod(::open(config_.db_path.c_str(), O_RDWR), 0644)); }, "fchmod");
  both(kFine, [&] { return code(::fchmod(::open(config_.db_path.c_str(), O_RDWR), 0600)); }, "fchmod to ourselves");
  both(EACCES, [&] { return opened(top_ + "/home/network", O_WRONLY); }, "to write the network key");
  both(kFine, [&] { return opened(top_ + "/home/network", O_RDONLY); }, "to read the network key");
  both(kFine, [&] { return opened(config_.db_path, O_RDWR); }, "the database");
  both(kFine, [&] { return opened(config_.db_path + "-wal", O_RDWR | O_CREAT); }, "a file beside it");
  both(kFine, [&] { return code(::unlink((config_.db_path + "-wal").c_str())) & ~ENOENT; }, "to delete it");
  both(kFine, [&] { return opened(top_ + "/data", O_RDONLY | O_DIRECTORY); }, "the directory");
  both(kFine, [] { return opened("/etc/passwd", O_RDONLY); }, "where the resolver's files are");
  both(kFine, [] { return opened("/dev/null", O_RDWR); }, "nothing");
}

class Resolver : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"/etc", "/run"}) ASSERT_EQ(::mkdir((top_ + folder).c_str(), 0700), 0);
  }
  // What is read for the sake of the link.
  std::vector<std::string> reads(const std::string& target) {
    std::filesystem::remove(link_);
    std::filesystem::create_symlink(target, link_);
    return besides_the_listed();
  }
  std::vector<std::string> besides_the_listed() {
    const std::vector<std::string> listed = resolver_directories("/no-such-directory/resolv.conf");
    std::vector<std::string> out = resolver_directories(link_);
    EXPECT_TRUE(out.size() >= listed.size() && std::equal(listed.begin(), listed.end(), out.begin()));
    out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(std::min(listed.size(), out.size())));
    return out;
  }
  using Paths = std::vector<std::string>;
  test::Folder folder_;
  std::string top_ = std::filesystem::canonical(folder_.path()), link_ = top_ + "/etc/resolv.conf";
};

TEST_F(Resolver, TheDirectoryOfWhereTheLinkLeadsIsRead) {
  std::filesystem::create_directory(top_ + "/run/resolve");
  ::close(::open((top_ + "/run/resolve/stub").c_str(), O_CREAT | O_RDWR, 0600));
  EXPECT_EQ(reads("../run/resolve/stub"), (Paths{top_ + "/run/resolve"}));
  std::filesystem::create_symlink(top_ + "/run/resolve/stub", top_ + "/run/second");
  EXPECT_EQ(reads(top_ + "/run/second"), (Paths{top_ + "/run/resolve"})) << "a link to a link";
  std::filesystem::remove(link_);
  EXPECT_EQ(besides_the_listed(), (Paths{top_ + "/etc"})) << "nothing there yet";
  ::close(::open(link_.c_str(), O_CREAT | O_RDWR, 0600));
  EXPECT_EQ(besides_the_listed(), (Paths{top_ + "/etc"})) << "no link";
}

TEST_F(Resolver, WhereThatIsMissingItIsTheNearestAboveButNeverAll) {
  EXPECT_EQ(reads("../run/resolve/stub"), (Paths{top_ + "/run"}));
  EXPECT_EQ(reads(top_ + "/run/a/b/../c/stub"), (Paths{top_ + "/run"}));
  EXPECT_EQ(reads("/no-such-directory/a/stub"), Paths{});
  EXPECT_EQ(reads("resolv.conf"), (Paths{top_ + "/etc"})) << "a link to itself";
}

TEST_F(Resolver, WhatIsListedAndMissingIsLeftOut) {
  for (const std::string& path : resolver_directories(link_)) {
    EXPECT_TRUE(std::filesystem::is_directory(path)) << path;
    EXPECT_TRUE(path != "/" && path != "/run") << path;
  }
}

TEST_F(Containment, NoProgramIsStartedButOurOwn) {
  EXPECT_EQ(listener([] { return executed("/bin/true"); }), EPERM);
  EXPECT_EQ(listener([] { return executed("/proc/self/exe"); }), EPERM);
  EXPECT_EQ(listener([] { return code(::fork()); }), EPERM);
  EXPECT_EQ(worker([] { return executed("/bin/true"); }), EACCES);
  EXPECT_EQ(worker([] { return executed("/bin/sh"); }), EACCES);
  EXPECT_EQ(worker([] {
              const pid_t child = sys::spawn_self({"unit-gossipd", "--gtest_list_tests", "--gtest_filter=None.*"}, {});
              int status = 1;
              ::waitpid(child, &status, 0);
              return status == 0 ? kFine : 1;
            }),
            kFine)
      << "a listener has to be startable";
}

TEST_F(Containment, OfTheNetworkOnlyItsOwnPartRemains) {
  EXPECT_EQ(listener([] { return dialled(AF_INET, SOCK_STREAM); }), EPERM);
  EXPECT_EQ(worker([] { return dialled(AF_INET, SOCK_STREAM); }), ECONNREFUSED);
  both(kFine, [] { return dialled(AF_INET, SOCK_DGRAM); }, "names are asked for by UDP");
  both(EPERM, [] { return code(::socket(AF_UNIX, SOCK_STREAM, 0)); }, "local services");
  both(EPERM, [] { return code(::socket(AF_NETLINK, SOCK_RAW, 0)); }, "netlink");
  both(EPERM, [] { return code(::socket(AF_PACKET, SOCK_RAW, 0)); }, "packets");
  both(EPERM, [] { return code(::socket(AF_INET, SOCK_RAW, 0)); }, "raw IP");
  both(EPERM, [] { return code(::listen(0, 1)); }, "listen");
  both(EPERM, [] {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    return fd < 0 ? 1 : code(::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any));
  }, "bind");
  both(EPERM, [] {
    const int one = 1;
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    return fd < 0 ? 1 : code(::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
  }, "options that nobody needs");
}

// A connection that somebody else made may be broken off, but leads nowhere else: the file descriptor of a caller is all it is.
TEST_F(Containment, AListenersOwnSocketsDialNobody) {
  sys::Fd listening = sys::listen_on(*sys::Address::parse("127.0.0.1", 0), 5);
  const sys::Address here = sys::local_address(listening.get());
  int fault = 0;
  const sys::Fd caller = sys::start_dial(here, fault);
  const auto dial_again = [&] {
    sockaddr none{};
    none.sa_family = AF_UNSPEC;
    ::connect(caller.get(), &none, sizeof none);
    if (code(::sendto(caller.get(), "x", 1, MSG_FASTOPEN, here.raw(), here.size())) != EPERM) return 1;
    return code(::connect(caller.get(), here.raw(), here.size()));
  };
  EXPECT_EQ(listener(dial_again), EACCES);
  EXPECT_EQ(worker(dial_again) & ~EINPROGRESS, kFine);
}

TEST_F(Containment, TheRestIsGone) {
  both(EPERM, [] { return code(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }, "ptrace");
  both(EPERM, [] { return code(::kill(::getppid(), SIGTERM)); }, "signals to others");
  both(EPERM, [] { return code(::kill(::getppid(), SIGKILL)); }, "the end of others");
  both(EPERM, [] { return code(::setuid(0)); }, "setuid");
  both(EPERM, [] { return code(::chdir("/")); }, "chdir");
  both(EPERM, [] { return code(::unshare(CLONE_NEWUSER)); }, "namespaces");
  both(EPERM, [] { return ::mmap(nullptr, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0; },
       "memory to write and run");
  both(EPERM, [] {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code(::mprotect(page, 4096, PROT_READ | PROT_EXEC));
  }, "to run what was written");
  both(ENOSYS, [] { return code(::syscall(9999)); }, "calls that are newer than the list");
  both(kFine, [] {
    pthread_t thread;
    return ::pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr) != 0 || ::pthread_join(thread, nullptr) != 0;
  }, "threads");
  const int known = sys::resolve("localhost", 1).empty() ? 1 : kFine;  // a bare system knows no names
  both(known, [] { return sys::resolve("localhost", 1).empty() ? 1 : kFine; }, "names");
}

TEST_F(Containment, TheBellIsHeardAndSpeaksToNobody) {
  std::string why;
  const std::string theirs = top_ + "/home/service";
  auto bell = sys::Doorbell::hang(config_.db_path + ".bell", why), service = sys::Doorbell::hang(theirs, why);
  ASSERT_TRUE(bell && service) << why;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  theirs.copy(to.sun_path, sizeof to.sun_path - 1);
  const auto speak = [&] { return code(::sendto(bell->fd(), "x", 1, MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to), sizeof to)); };
  both(EPIPE, speak, "another program's socket");
  EXPECT_FALSE(service->rung());
  EXPECT_TRUE(sys::ring(config_.db_path + ".bell"));
  EXPECT_TRUE(bell->rung());
}

TEST_F(Containment, TheKillingFilterEndsTheProcess) {
  config_.sandbox = config::Sandbox::kKill;
  both(-SIGSYS, [] { return code(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }, "ptrace");
  both(-SIGSYS, [] { return code(::socket(AF_PACKET, SOCK_RAW, 0)); }, "packets");
  both(EPERM, [] { return code(::socket(AF_UNIX, SOCK_STREAM, 0)); }, "what resolvers try and do without");
  both(EACCES, [] { return opened("/etc/passwd", O_WRONLY); }, "files are never deadly");
}

TEST_F(Containment, AListenerWithinAWorkersFence) {
  EXPECT_EQ(worker([&] {
              if (!contain(Process::kListener, config_).missing.empty()) return kNotContained;
              if (dialled(AF_INET, SOCK_STREAM) != EPERM || opened(config_.db_path, O_RDWR) != kFine) return 1;
              return code(::fork()) == EPERM ? kFine : 2;
            }),
            kFine);
}

TEST(ContainmentWords, WhatIsMissingIsSaid) {
  config::Config config;
  const auto no_kernel = [](long, std::uintptr_t, std::uintptr_t, std::uintptr_t, std::uintptr_t) -> long {
    errno = ENOSYS;
    return -1;
  };
  const std::string words = contained_here(contain(Process::kListener, config, no_kernel));
  EXPECT_TRUE(words.starts_with("this program was built with a sanitizer") ||
              words == "files and network, as there is no Landlock: function not implemented; system calls, as there is no filter: "
                       "function not implemented")
      << words;
  config.sandbox = config::Sandbox::kOff;
  EXPECT_EQ(contained_here(contain(Process::kWorker, config, no_kernel)), "GOSSIPD_SANDBOX is off");
}

}  // namespace
}  // namespace gossip::daemon
