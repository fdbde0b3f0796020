#include "sys/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "sys/error.h"

namespace gossip::sys {

Notifier Notifier::to(const std::string& where) {
  if (where.empty()) return {};
  const std::string tried = "cannot tell the service manager at NOTIFY_SOCKET";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool named = where.size() > 1 && (where[0] == '/' || where[0] == '@');
  if (!named) throw Error(tried, EAFNOSUPPORT);
  if (where.size() >= sizeof address.sun_path) throw Error(tried, ENAMETOOLONG);
  std::memcpy(address.sun_path, where.data(), where.size());
  if (where[0] == '@') address.sun_path[0] = '\0';
  const std::size_t size = offsetof(sockaddr_un, sun_path) + where.size() + (where[0] == '/' ? 1 : 0);
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) != 0) fail(tried);
  return Notifier(std::move(fd));
}

bool Notifier::say(const std::string& lines) {
  if (!fd_) return true;
  return ::send(fd_.get(), lines.data(), lines.size(), MSG_NOSIGNAL) >= 0 || (errno != EAGAIN && errno != ENOBUFS && errno != EINTR);
}

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value ? value : "";
  ::unsetenv(name);
  return out;
}

}  // namespace gossip::sys
