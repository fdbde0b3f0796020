#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "config/config.h"
#include "support/folder.h"

namespace gossip::config {
namespace {

const std::string kDigits = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100";

TEST(NetworkKey, DigitsOfEitherCaseAndOneLineEnd) {
  for (const char* end : {"", "\n", "\r\n"}) {
    auto key = parse_network_key(kDigits + end);
    ASSERT_TRUE(key.ok());
    ASSERT_EQ(key->size(), 32u);
    EXPECT_EQ((*key)[1], 0x11);
    EXPECT_EQ((*key)[16], 0xff);
  }
}

TEST(NetworkKey, AnythingElseIsRefused) {
  const std::string rows[] = {"", "\n", kDigits + "\n\n", kDigits + "\r", kDigits + " ", " " + kDigits, kDigits.substr(1),
                              kDigits + "0", kDigits + "00", kDigits.substr(1) + "g", kDigits.substr(2) + "0x",
                              kDigits + "\n#", "\xef\xbb\xbf" + kDigits, std::string(64, '\0')};
  for (const auto& row : rows) EXPECT_FALSE(parse_network_key(row).ok()) << row;
}

class NetworkKeyFile : public testing::Test {
 protected:
  void write(const std::string& contents, mode_t mode) {
    std::ofstream(path_) << contents;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  test::Folder folder_;
  std::string directory_ = folder_.path(), path_ = folder_ / "key";
};

TEST_F(NetworkKeyFile, IsRead) {
  write(kDigits + "\n", 0600);
  auto key = read_network_key(path_);
  ASSERT_TRUE(key.ok()) << key.refusal().what;
  EXPECT_EQ(key->size(), 32u);
  EXPECT_TRUE(read_network_key("")->empty());
}

// F26: a file that holds a secret is for its owner alone.
TEST_F(NetworkKeyFile, F26OpenToOthersIsRefused) {
  for (mode_t mode : {0644, 0640, 0604, 0620}) {
    write(kDigits, mode);
    auto key = read_network_key(path_);
    ASSERT_FALSE(key.ok());
    EXPECT_NE(key.refusal().what.find("read by others"), std::string::npos);
    EXPECT_TRUE(key.refusal().what.starts_with("GOSSIPD_NETWORK_KEY_FILE"));
  }
}

TEST_F(NetworkKeyFile, MissingLongOrNoFileIsRefused) {
  EXPECT_FALSE(read_network_key(path_).ok());
  EXPECT_FALSE(read_network_key(directory_).ok());
  write(std::string(100'000, 'a'), 0600);
  auto key = read_network_key(path_);
  ASSERT_FALSE(key.ok());
  EXPECT_NE(key.refusal().what.find("longer"), std::string::npos);
}

}  // namespace
}  // namespace gossip::config
