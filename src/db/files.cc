#include "db/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gossip::db {

[[noreturn]] static void fail(const char* call, const std::string& path) {
  int error = errno;
  Trouble trouble = Trouble::kIo;
  if (error == ENOSPC || error == EDQUOT || error == EROFS) trouble = Trouble::kFull;
  if (error == ENOENT) trouble = Trouble::kMissing;
  throw Error(trouble, path + ": " + call + ": " + std::strerror(error));
}

[[noreturn]] static void refuse(const std::string& what, const std::string& hint) { throw Error(Trouble::kNotOurs, what, hint); }

namespace {
class Fd {
 public:
  Fd(const std::string& path, int flags, mode_t mode = 0) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail("open", path);
  }
  Fd(const Fd&) = delete;
  ~Fd() { ::close(fd_); }
  int get() const { return fd_; }

 private:
  int fd_;
};
}  // namespace

std::string directory_of(const std::string& path) {
  auto slash = path.find_last_of('/');
  if (slash == path.npos) return ".";
  auto end = path.find_last_not_of('/', slash);
  return end == path.npos ? "/" : path.substr(0, end + 1);
}

// False when there is no such file.
static bool look(const std::string& path, struct stat& st) {
  if (::lstat(path.c_str(), &st) == 0) return true;
  if (errno != ENOENT) fail("lstat", path);
  return false;
}

static void make_directories(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0) {
    if (errno == EEXIST) return;
    std::string above = directory_of(directory);
    if (errno != ENOENT || above == directory) fail("mkdir", directory);
    make_directories(above);
    if (::mkdir(directory.c_str(), 0700) != 0) {
      if (errno == EEXIST) return;
      fail("mkdir", directory);
    }
  }
  if (::chmod(directory.c_str(), 0700) != 0) fail("chmod", directory);  // the umask may have taken even our own bits
}

void check_directory(const std::string& directory, bool create) {
  struct stat st {};
  if (!look(directory, st)) {
    if (!create) throw Error(Trouble::kMissing, "no directory " + directory, "start gossipd once, or check GOSSIPD_DB_PATH");
    make_directories(directory);
    if (!look(directory, st)) fail("lstat", directory);
  }
  const std::string named = "directory " + directory;
  if (S_ISLNK(st.st_mode)) refuse(named + " is a symbolic link", "let GOSSIPD_DB_PATH name the directory itself");
  if (!S_ISDIR(st.st_mode)) refuse(directory + " is not a directory", "check GOSSIPD_DB_PATH");
  if (st.st_uid != ::geteuid()) refuse(named + " belongs to another user", "give the database a directory of its own");
  if (st.st_mode & 077) {
    refuse(named + " is open to other users", "give the database a directory of its own, with mode 700");
  }
}

static void check_ours(const std::string& path, const struct stat& st) {
  if (S_ISLNK(st.st_mode)) refuse(path + " is a symbolic link", "let GOSSIPD_DB_PATH name the file itself");
  if (st.st_uid != ::geteuid()) refuse(path + " belongs to another user", "run this as the user the database belongs to");
  if (st.st_mode & 077) refuse(path + " is open to other users", "chmod 600 " + path);
}

void check_ours(const std::string& path) {
  struct stat st {};
  if (look(path, st)) check_ours(path, st);
}

std::int64_t check_file(const std::string& path) {
  struct stat st {};
  if (!look(path, st)) return -1;
  if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) refuse(path + " is not a regular file", "check GOSSIPD_DB_PATH");
  check_ours(path, st);
  return st.st_size;
}

// The directory, or the one in which the missing ones would be made.
static std::string place_of(const std::string& path) {
  std::string place = directory_of(path);
  while (::faccessat(AT_FDCWD, place.c_str(), F_OK, AT_EACCESS) != 0 && errno == ENOENT && directory_of(place) != place)
    place = directory_of(place);
  return place;
}

std::uint64_t room_beside(const std::string& path) {
  struct statvfs st {};
  if (::statvfs(directory_of(path).c_str(), &st) != 0) fail("statvfs", path);
  return std::uint64_t{st.f_bavail} * st.f_frsize;
}

void check_writable(const std::string& path) {
  for (const std::string& one : {place_of(path), path, path + "-wal", path + "-shm"}) {
    if (::faccessat(AT_FDCWD, one.c_str(), W_OK, AT_EACCESS) == 0 || errno == ENOENT) continue;
    const std::string why = std::strerror(errno);
    throw Error(Trouble::kFull, one + " cannot be written: " + why, "make it writable, or the medium it lies on");
  }
}

void make_private_file(const std::string& path) {
  remove_file(path);
  Fd fd(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (::fchmod(fd.get(), 0600) != 0) fail("fchmod", path);
}

void remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail("unlink", path);
}

static void sync_file(const std::string& path) {
  Fd fd(path, O_RDONLY);
  if (::fsync(fd.get()) != 0) fail("fsync", path);
}

void replace_file(const std::string& from, const std::string& to) {
  sync_file(from);
  if (::rename(from.c_str(), to.c_str()) != 0) fail("rename", from);
  sync_file(directory_of(to));
}

void link_file(const std::string& path, const std::string& other) {
  if (::link(path.c_str(), other.c_str()) != 0) {
    const std::string why = std::strerror(errno);
    throw Error(Trouble::kIo, path + " cannot be kept as " + other + ": link: " + why,
                "where the filesystem has no hard links, move the database away first, with its -wal");
  }
  sync_file(directory_of(other));
}

std::string free_name(const std::string& wanted) {
  struct stat st {};
  std::string name = wanted;
  for (int n = 2; look(name, st); ++n) name = wanted + "-" + std::to_string(n);
  return name;
}

static bool is_same(const std::string& a, const std::string& b) {
  struct stat one {}, other {};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static std::string name_of(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

bool is_part_of_store(const std::string& file, const std::string& path) {
  const bool beside = is_same(directory_of(file), directory_of(path));
  for (const char* rest : {"", "-wal", "-shm", "-journal", ".lock", ".bell", ".crash", ".new", ".new-journal", ".new-wal", ".new-shm"})
    if ((beside && name_of(file) == name_of(path) + rest) || is_same(file, path + rest)) return true;
  return false;
}

static std::string unfinished_name(const std::string& wanted) {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) fail("getrandom", wanted);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
  return wanted + ".unfinished-" + digits;
}

Unfinished::Unfinished(const std::string& wanted) : path_(unfinished_name(wanted)) {
  Fd fd(path_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (::fchmod(fd.get(), 0600) == 0) return;
  const int error = errno;
  ::unlink(path_.c_str());
  errno = error;
  fail("fchmod", path_);
}

Unfinished::~Unfinished() {
  for (const char* rest : {"", "-wal", "-shm", "-journal"}) ::unlink((path_ + rest).c_str());
}

// Not every filesystem can do it in one call, and some have no hard links either.
static int rename_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (::link(from.c_str(), to.c_str()) == 0) return ::unlink(from.c_str());
  struct stat st {};
  if (errno == EEXIST || ::lstat(to.c_str(), &st) == 0) return errno = EEXIST, -1;
  return ::rename(from.c_str(), to.c_str());
}

void Unfinished::name(const std::string& wanted, bool replace) {
  sync_file(path_);
  if ((replace ? ::rename(path_.c_str(), wanted.c_str()) : rename_new(path_, wanted)) != 0) {
    if (errno == EEXIST) refuse(wanted + " is there already", "choose another name");
    fail("rename", path_);
  }
  sync_file(directory_of(wanted));
}

std::int64_t size_of(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? st.st_size : 0;
}

bool frozen(const std::string& path) {
  return ::access(path.c_str(), W_OK) != 0 && errno == EROFS && size_of(path + "-wal") == 0;
}

DirectoryLock::DirectoryLock(const std::string& directory, bool shared)
    : fd_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0) fail("open", directory);
  int rc = 0;
  do rc = ::flock(fd_, shared ? LOCK_SH : LOCK_EX);
  while (rc != 0 && errno == EINTR);
  if (rc != 0) {
    int error = errno;
    ::close(fd_);
    errno = error;
    fail("flock", directory);
  }
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

}  // namespace gossip::db
