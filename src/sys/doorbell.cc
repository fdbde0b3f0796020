#include "sys/doorbell.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sys/error.h"
#include "sys/files.h"

namespace gossip::sys {
namespace {

constexpr const char* kTooLong = "its path is too long for a socket";

// The address of `path`, or the same through a descriptor of its directory where a socket address is too short for it.
bool address_of(const std::string& path, int directory, sockaddr_un& out) {
  out = {};
  out.sun_family = AF_UNIX;
  std::string name = path;
  if (name.size() >= sizeof out.sun_path) name = "/proc/self/fd/" + std::to_string(directory) + "/" + name_of(path);
  if (name.size() >= sizeof out.sun_path) return false;
  std::memcpy(out.sun_path, name.c_str(), name.size() + 1);
  return true;
}

Fd open_directory(const std::string& path) {
  return Fd(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

const sockaddr* raw(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

void take_away(int directory, const std::string& name) {
  struct stat facts {};
  if (::fstatat(directory, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(facts.st_mode))
    ::unlinkat(directory, name.c_str(), 0);
}

}  // namespace

std::optional<Doorbell> Doorbell::hang(const std::string& path, std::string& why) {
  Fd directory = open_directory(path);
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address;
  if (directory && fd && !address_of(path, directory.get(), address)) {
    why = kTooLong;
    return std::nullopt;
  }
  if (directory && fd) {
    take_away(directory.get(), name_of(path));
    if (::bind(fd.get(), raw(address), sizeof address) == 0) {
      // Who has it may hear and not speak: nobody who is contained reaches another program's socket with it.
      ::shutdown(fd.get(), SHUT_WR);
      return Doorbell(std::move(fd), std::move(directory), name_of(path));
    }
  }
  why = reason(errno);
  return std::nullopt;
}

Doorbell::~Doorbell() {
  if (directory_) take_away(directory_.get(), name_);
}

bool Doorbell::rung() {
  bool any = false;
  std::array<char, 16> bin;
  for (int i = 0; i < 1024 && ::recv(fd_.get(), bin.data(), bin.size(), 0) >= 0; ++i) any = true;
  return any;
}

bool ring(const std::string& path) {
  Fd directory = open_directory(path);
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address;
  if (!directory || !fd || !address_of(path, directory.get(), address)) return false;
  const char bell = 1;
  return ::sendto(fd.get(), &bell, 1, MSG_NOSIGNAL, raw(address), sizeof address) == 1 || errno == EAGAIN || errno == ENOBUFS;
}

}  // namespace gossip::sys
