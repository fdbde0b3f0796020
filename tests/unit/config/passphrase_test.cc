// Where the passphrase comes from, and what may stand there.
#include <gtest/gtest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/config.h"
#include "support/folder.h"

namespace gossip::config {
namespace {

class PassphraseFile : public ::testing::Test {
 protected:
  void write(const std::string& what, mode_t mode = 0600) {
    std::ofstream(path_, std::ios::binary) << what;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  Result<std::optional<SecretBytes>> read() {
    Config config;
    config.passphrase_file = path_;
    return read_passphrase(config);
  }
  test::Folder folder_;
  std::string directory_ = folder_.path(), path_ = folder_ / "pass";
};

TEST_F(PassphraseFile, IsOneLineOfAnyBytes) {
  for (const std::string& line : {std::string("x"), std::string("correct horse battery"), std::string(" \t ends in a space "),
                                  std::string("\xff\x00\x01", 3), std::string(1024, 'y')}) {
    for (const char* end : {"", "\n", "\r\n"}) {
      write(line + end);
      auto got = read();
      ASSERT_TRUE(got.ok()) << got.refusal().what;
      EXPECT_EQ(as_text((*got)->view()), line);
    }
  }
}

TEST_F(PassphraseFile, OrIsRefusedInWordsThatDoNotShowIt) {
  for (const std::string& bad : {std::string(), std::string("\n"), std::string("\r\n"), std::string("hush\nhush"), std::string("hush\n\n"),
                                 std::string(1025, 'h'), std::string(9000, 'h')}) {
    write(bad);
    auto got = read();
    ASSERT_FALSE(got.ok()) << bad.size();
    EXPECT_TRUE(got.refusal().what.starts_with("GOSSIPD_PASSPHRASE_FILE: " + path_ + " ")) << got.refusal().what;
    EXPECT_EQ(got.refusal().what.find("hush"), std::string::npos);
    EXPECT_NE(got.refusal().hint, "");
    if (bad.size() > 1024) {
      EXPECT_TRUE(got.refusal().what.ends_with(" is longer than 1024 bytes")) << got.refusal().what;
    }
  }
}

TEST_F(PassphraseFile, F26_IsClosedToOthersAndAFile) {
  for (mode_t mode : {0640u, 0604u, 0660u, 0610u}) {
    write("secret", mode);
    EXPECT_FALSE(read().ok()) << mode;
  }
  write("secret", 0400);
  EXPECT_TRUE(read().ok());
  std::filesystem::remove(path_);
  EXPECT_FALSE(read().ok()) << "not there";
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(read().ok()) << "a pipe would hang";
}

TEST(PassphraseDescriptor, IsReadToItsEndAndClosed) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "correct ", 8), 8);
  ASSERT_EQ(::write(ends[1], "horse\n", 6), 6);
  ::close(ends[1]);
  Config config;
  config.passphrase_fd = ends[0];
  auto got = read_passphrase(config);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(as_text((*got)->view()), "correct horse");
  EXPECT_LT(::fcntl(ends[0], F_GETFD), 0);
  EXPECT_FALSE(read_passphrase(config).ok()) << "not open any more";
  EXPECT_FALSE((*read_passphrase(Config())).has_value());
}

}  // namespace
}  // namespace gossip::config
