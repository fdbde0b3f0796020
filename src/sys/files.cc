#include "sys/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sys/error.h"

namespace gossip::sys {
namespace {

// One byte more than `max` at most, into the place where it stays.
std::string read_up_to(int fd, std::size_t max, const std::string& path) {
  std::string out(max + 1, '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    ssize_t n = ::read(fd, out.data() + size, out.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot read " + path);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  out.resize(size);
  return out;
}

SmallFile whole(std::string contents, std::size_t max) {
  if (contents.size() > max) return {"", "is longer than " + std::to_string(max) + " bytes", true};
  return {std::move(contents), "", false};
}

}  // namespace

SmallFile read_small_file(const std::string& path, std::size_t max, bool secret) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));  // non-blocking: a FIFO must not hang us
  if (!fd) fail("cannot open " + path);
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) fail("cannot look at " + path);
  if (!S_ISREG(facts.st_mode)) return {"", "is not a regular file", false};
  if (secret && (facts.st_mode & 077) != 0) return {"", "can be read by others", false};
  return whole(read_up_to(fd.get(), max, path), max);
}

SmallFile read_small_descriptor(Fd fd, std::size_t max, const std::string& name) { return whole(read_up_to(fd.get(), max, name), max); }

std::string directory_of(const std::string& path) {
  std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

void make_private_directories(const std::string& path) {
  struct stat facts {};
  if (path.empty() || ::stat(path.c_str(), &facts) == 0) return;
  std::string above = directory_of(path);
  if (above != path) make_private_directories(above);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("cannot make the directory " + path);
}

std::optional<LockFile> LockFile::take(const std::string& path, std::string& holder) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) fail("cannot open the lock file " + path);
  struct stat what {};
  if (::fstat(fd.get(), &what) != 0) fail("cannot look at " + path);
  if (!S_ISREG(what.st_mode) || what.st_uid != ::geteuid() || what.st_nlink != 1) {  // somebody else's doing
    errno = EPERM;
    fail("not a lock file of ours: " + path);
  }
  if ((what.st_mode & 077) != 0 && ::fchmod(fd.get(), 0600) != 0) fail("cannot close to others " + path);  // who opens it can hold it
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) fail("cannot lock " + path);
    std::string text = read_up_to(fd.get(), 32, path);
    holder = text.substr(0, text.find_first_not_of("0123456789"));
    return std::nullopt;
  }
  std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), text.data(), text.size(), 0) < 0) {
    // only a help for people: a full disk must not keep the daemon from serving
  }
  return LockFile(std::move(fd));
}

}  // namespace gossip::sys
