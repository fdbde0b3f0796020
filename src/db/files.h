// The files under the store: owner, modes, symlinks, and making them privately whatever the umask. Throws Error.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "db/sqlite.h"

namespace gossip::db {

// How far a long work is; all 0: not known yet. Called often. What it throws ends the work.
using Progress = std::function<void(std::int64_t done, std::int64_t all)>;

std::string directory_of(const std::string& path);  // "." when the path names none

// A directory of ours that nobody else can read or enter. `create` makes it, and missing ones above it, with mode 0700.
void check_directory(const std::string& directory, bool create);

// A regular file of ours that nobody else can read. Gives its size, -1 when there is none.
std::int64_t check_file(const std::string& path);

void check_ours(const std::string& path);  // what is there, a file or a socket: no symlink, our own, closed to others

// Bytes that this user may still write beside the file.
std::uint64_t room_beside(const std::string& path);

// That the store at `path` can be written, or made, as far as that shows without writing: modes, and a medium that is read only.
void check_writable(const std::string& path);

// On a medium that is read only, and nothing in a write-ahead log beside it: the file is all there is, and stays as it is.
bool frozen(const std::string& path);

void make_private_file(const std::string& path);                    // empty, 0600; replaces what is there
void remove_file(const std::string& path);                          // no error when there is none
void replace_file(const std::string& from, const std::string& to);  // fsync, rename, fsync of the directory
void link_file(const std::string& path, const std::string& other);  // a second name that nobody has; fsync of the directory
std::string free_name(const std::string& wanted);                   // that, or with -2, -3 ... behind it, which nobody has yet
std::int64_t size_of(const std::string& path);                      // 0 when there is none

// Whether a store at `path` has a file of this name, or may make one; other names of the same file count.
bool is_part_of_store(const std::string& file, const std::string& path);

// A file to work on, beside the one it is to become: empty, 0600, under a name that nobody had ("NAME.unfinished-" and a random
// number). It is gone, with what lies beside it, when this goes before name().
class Unfinished {
 public:
  explicit Unfinished(const std::string& wanted);
  Unfinished(const Unfinished&) = delete;
  ~Unfinished();
  const std::string& path() const { return path_; }
  void name(const std::string& wanted, bool replace);  // fsync, rename, fsync of the directory. Else throws kNotOurs where there is one

 private:
  std::string path_;
};

// Held while the database is made or another is put in its place, and shared while it is opened: an flock on the directory, so that
// nothing is left beside the file.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& directory, bool shared = false);
  DirectoryLock(const DirectoryLock&) = delete;
  ~DirectoryLock();

 private:
  int fd_;
};

}  // namespace gossip::db
