#include "sys/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "scratch.h"
#include "sys/error.h"

namespace gossip::sys {
namespace {

using Files = Scratch;

TEST_F(Files, SmallFilesAreReadWholeOrNotAtAll) {
  const std::string path = directory_ + "/f";
  std::ofstream(path) << std::string(100, 'x');
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(read_small_file(path, 100, true).contents.size(), 100u);
  SmallFile longer = read_small_file(path, 99, true);
  EXPECT_TRUE(longer.contents.empty());
  EXPECT_NE(longer.fault.find("longer than 99"), std::string::npos);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_FALSE(read_small_file(path, 100, true).fault.empty());
  EXPECT_TRUE(read_small_file(path, 100, false).fault.empty());
  EXPECT_FALSE(read_small_file(directory_, 100, false).fault.empty());
  EXPECT_THROW(read_small_file(directory_ + "/none", 100, false), Error);
}

TEST_F(Files, AFifoIsRefusedAndDoesNotHang) {
  const std::string path = directory_ + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_NE(read_small_file(path, 10, true).fault.find("regular"), std::string::npos);
}

TEST_F(Files, NamesAndDirectories) {
  EXPECT_EQ(directory_of("/a/b"), "/a");
  EXPECT_EQ(directory_of("/a"), "/");
  EXPECT_EQ(directory_of("a"), ".");
  EXPECT_EQ(name_of("/a/b"), "b");
  EXPECT_EQ(name_of("b"), "b");
  make_private_directories(directory_ + "/x/y/z");
  struct stat facts {};
  ASSERT_EQ(::stat((directory_ + "/x/y/z").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
  make_private_directories(directory_ + "/x/y/z");
  std::ofstream(directory_ + "/file") << "x";
  EXPECT_THROW(make_private_directories(directory_ + "/file/below"), Error);
}

// F6: two daemons on one database.
TEST_F(Files, F6TheLockIsForOne) {
  const std::string path = directory_ + "/db.lock";
  std::string holder;
  auto first = LockFile::take(path, holder);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(LockFile::take(path, holder).has_value());
  EXPECT_EQ(holder, std::to_string(::getpid()));
  Fd inherited(::dup(first->fd()));
  first.reset();
  EXPECT_FALSE(LockFile::take(path, holder).has_value()) << "held as long as any descriptor of it is open";
  inherited.reset();
  EXPECT_TRUE(LockFile::take(path, holder).has_value());
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 077, 0u);
}

// Who can open it can hold it.
TEST_F(Files, ALockThatOthersCouldOpenIsClosedToThem) {
  const std::string path = directory_ + "/db.lock";
  ::close(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  std::string holder;
  ASSERT_TRUE(LockFile::take(path, holder).has_value());
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
}

TEST_F(Files, ALockThatIsALinkIsRefused) {
  ASSERT_EQ(::symlink("elsewhere", (directory_ + "/db.lock").c_str()), 0);
  std::string holder;
  EXPECT_THROW(LockFile::take(directory_ + "/db.lock", holder), Error);
}

}  // namespace
}  // namespace gossip::sys
