// Small files, read with a bound; directories; the lock that keeps two daemons off one database.
#pragma once

#include <optional>
#include <string>

#include "sys/fd.h"

namespace gossip::sys {

// A regular file of at most `max` bytes, whole. Throws Error when it cannot be read; `fault` says what is wrong with it else
// ("is not a regular file", "is longer than 4096 bytes", "can be read by others").
// No copy of a secret is left behind: contents has been in one place all the time.
struct SmallFile {
  std::string contents;
  std::string fault;
  bool longer = false;  // than `max`: the fault
};
SmallFile read_small_file(const std::string& path, std::size_t max, bool secret);
// The same from a descriptor of any kind, up to its end; it is closed.
SmallFile read_small_descriptor(Fd fd, std::size_t max, const std::string& name);

std::string directory_of(const std::string& path);  // "." when there is no slash
std::string name_of(const std::string& path);
void make_private_directories(const std::string& path);  // missing ones, 0700; those that exist are left as they are

// flock on a file of its own, made 0600 and holding the owner's process number. It lasts until every descriptor of it, in every
// process that inherited one, is closed.
class LockFile {
 public:
  // Nothing when somebody else holds it; `holder` is then what the file says (the process number), or empty.
  static std::optional<LockFile> take(const std::string& path, std::string& holder);
  explicit LockFile(Fd held) : fd_(std::move(held)) {}  // one that was inherited
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace gossip::sys
