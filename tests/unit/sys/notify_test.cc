#include "sys/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "scratch.h"
#include "sys/error.h"

namespace gossip::sys {
namespace {

class Notify : public Scratch {};

// A manager at `where`, as NOTIFY_SOCKET would say it.
Fd manager(const std::string& where) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, where.data(), where.size());
  if (where[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + where.size());
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  return fd;
}

std::string heard(const Fd& at) {
  std::array<char, 512> text;
  const ssize_t n = ::recv(at.get(), text.data(), text.size(), 0);
  return n < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(n));
}

TEST_F(Notify, ReachesAPathAndAnAbstractName) {
  for (const std::string& where : {directory_ + "/manager", "@gossip-test-" + std::to_string(::getpid())}) {
    const Fd at = manager(where);
    Notifier notifier = Notifier::to(where);
    EXPECT_TRUE(notifier.say("READY=1\nSTATUS=well"));
    EXPECT_EQ(heard(at), "READY=1\nSTATUS=well") << where;
    EXPECT_EQ(heard(at), "nothing");
  }
}

TEST_F(Notify, NobodyWantsToKnow) {
  EXPECT_TRUE(Notifier::to("").say("READY=1"));
}

TEST_F(Notify, NamesThatAreNoneAreRefused) {
  const std::string x(107, 'x');
  for (const std::string& where : {std::string("relative"), std::string("@"), std::string("/"), std::string("vsock:2:1"), "/" + x, "@" + x,
                                   std::string("/nonexistent/socket")})
    EXPECT_THROW(Notifier::to(where), Error) << where;
  const std::string longest = "@" + std::string(106, 'x');
  const Fd at = manager(longest);
  EXPECT_TRUE(Notifier::to(longest).say("x"));
  EXPECT_EQ(heard(at), "x");
}

TEST_F(Notify, AManagerWhoDoesNotReadIsToldLater) {
  const std::string where = directory_ + "/manager";
  const Fd at = manager(where);
  Notifier notifier = Notifier::to(where);
  int told = 0;
  while (told < 100'000 && notifier.say("STATUS=" + std::to_string(told))) ++told;
  ASSERT_LT(told, 100'000) << "it never blocks, and it says when it could not";
  while (heard(at) != "nothing") continue;
  EXPECT_TRUE(notifier.say("again"));
  EXPECT_EQ(heard(at), "again");
}

TEST_F(Notify, TheVariableIsTakenAway) {
  ::setenv("GOSSIP_TEST_VARIABLE", "x", 1);
  EXPECT_EQ(take_variable("GOSSIP_TEST_VARIABLE"), "x");
  EXPECT_EQ(std::getenv("GOSSIP_TEST_VARIABLE"), nullptr);
  EXPECT_EQ(take_variable("GOSSIP_TEST_VARIABLE"), "");
}

}  // namespace
}  // namespace gossip::sys
