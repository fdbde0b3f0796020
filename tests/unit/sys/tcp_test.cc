#include "sys/tcp.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scratch.h"
#include "sys/error.h"

namespace gossip::sys {
namespace {

Address at(const std::string& ip, int port) { return *Address::parse(ip, port); }

struct Joined {
  Fd listener, caller;
  Call call;
};

Joined join() {
  Joined j;
  j.listener = listen_on(at("127.0.0.1", 0), 5);
  int fault = 0;
  j.caller = start_dial(local_address(j.listener.get()), fault);
  EXPECT_TRUE(readable_soon(j.listener.get()));
  EXPECT_EQ(accept_call(j.listener.get(), j.call), Accepted::kCall);
  EXPECT_TRUE(writable_soon(j.caller.get()));
  EXPECT_EQ(dial_fault(j.caller.get()), 0);
  return j;
}

TEST(Address, ParsesNumbersOnly) {
  EXPECT_EQ(at("127.0.0.1", 80).text(), "127.0.0.1 port 80");
  EXPECT_EQ(at("::1", 65535).text(), "::1 port 65535");
  for (const char* bad : {"", "localhost", "1", "127.1", "0177.0.0.1", "1.2.3.4.5", "::1::", "[::1]", "fe80::1%nonsense%"})
    EXPECT_FALSE(Address::parse(bad, 1).has_value()) << bad;
  EXPECT_FALSE(Address::parse("127.0.0.1", -1).has_value());
  EXPECT_FALSE(Address::parse("127.0.0.1", 65536).has_value());
}

TEST(Address, BytesOfIpv4AreTheMappedForm) {
  std::array<std::uint8_t, 16> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4};
  EXPECT_EQ(at("1.2.3.4", 5).bytes16(), mapped);
  EXPECT_EQ(at("::ffff:1.2.3.4", 5).bytes16(), mapped);
  EXPECT_NE(at("::1", 5).bytes16(), mapped);
}

TEST(Tcp, BytesGoBothWaysAndTheEndIsSeen) {
  Joined j = join();
  EXPECT_EQ(j.call.from.ip(), "127.0.0.1");
  std::array<std::uint8_t, 4> out{1, 2, 3, 4}, in{};
  EXPECT_EQ(read_some(j.caller.get(), in).kind, Io::kBlocked);
  EXPECT_EQ(write_some(j.call.fd.get(), out).n, 4u);
  ASSERT_TRUE(readable_soon(j.caller.get()));
  EXPECT_EQ(read_some(j.caller.get(), in).n, 4u);
  EXPECT_EQ(in, out);
  part(j.call.fd.get());
  ASSERT_TRUE(readable_soon(j.caller.get()));
  EXPECT_EQ(read_some(j.caller.get(), in).kind, Io::kEnd);
}

TEST(Tcp, AWriterIsToldWhenTheOtherSideTakesNoMore) {
  Joined j = join();
  std::vector<std::uint8_t> much(1 << 20);
  Io io{Io::kBytes, 0};
  for (int i = 0; i < 1000 && io.kind == Io::kBytes; ++i) io = write_some(j.caller.get(), much);
  EXPECT_EQ(io.kind, Io::kBlocked);
  j.call.fd.reset();  // with bytes unread: a reset
  ASSERT_TRUE(readable_soon(j.caller.get()));
  io = {Io::kBytes, 0};
  while (io.kind == Io::kBytes) io = write_some(j.caller.get(), much);
  EXPECT_EQ(io.kind, Io::kEnd);
}

TEST(Tcp, DescriptorsAreCloseOnExecAndNonBlocking) {
  Joined j = join();
  for (int fd : {j.listener.get(), j.caller.get(), j.call.fd.get()}) {
    EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC);
    EXPECT_TRUE(::fcntl(fd, F_GETFL) & O_NONBLOCK);
  }
}

TEST(Tcp, ARefusedDialHasPlainWords) {
  Fd listener = listen_on(at("127.0.0.1", 0), 5);
  Address nobody = local_address(listener.get());
  listener.reset();
  int fault = 0;
  Fd fd = start_dial(nobody, fault);
  if (fd) {
    ASSERT_TRUE(writable_soon(fd.get()));
    fault = dial_fault(fd.get());
  }
  EXPECT_EQ(fault, ECONNREFUSED);
}

TEST(Tcp, AnAddressInUseIsOneClearError) {
  Fd first = listen_on(at("127.0.0.1", 0), 5);
  Address taken = local_address(first.get());
  try {
    listen_on(taken, 5);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "cannot listen on " + taken.text() + ": address already in use");
  }
}

// F1: a caller who is gone before he is accepted, and a process without descriptors, harm nobody.
TEST(Tcp, F1AcceptSurvivesResetsAndTheLackOfDescriptors) {
  Fd listener = listen_on(at("127.0.0.1", 0), 5);
  Call call;
  EXPECT_EQ(accept_call(listener.get(), call), Accepted::kNone);
  int fault = 0;
  Fd caller = start_dial(local_address(listener.get()), fault);
  linger at_once{1, 0};
  ::setsockopt(caller.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ASSERT_TRUE(readable_soon(listener.get()));
  caller.reset();
  EXPECT_NE(accept_call(listener.get(), call), Accepted::kNoDescriptor);

  caller = start_dial(local_address(listener.get()), fault);
  ASSERT_TRUE(readable_soon(listener.get()));
  rlimit before{}, low{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  low = before;
  low.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(accept_call(listener.get(), call), Accepted::kNoDescriptor);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(accept_call(listener.get(), call), Accepted::kCall);
}

}  // namespace
}  // namespace gossip::sys
