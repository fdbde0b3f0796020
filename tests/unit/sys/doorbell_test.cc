#include "sys/doorbell.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "scratch.h"

namespace gossip::sys {
namespace {

class Bells : public Scratch {
 protected:
  void rings_at(const std::string& path) {
    std::string why;
    auto bell = Doorbell::hang(path, why);
    ASSERT_TRUE(bell.has_value()) << why;
    EXPECT_FALSE(bell->rung());
    EXPECT_TRUE(ring(path));
    EXPECT_TRUE(ring(path));
    ASSERT_TRUE(readable_soon(bell->fd()));
    EXPECT_TRUE(bell->rung());
    EXPECT_FALSE(bell->rung());
  }
};

TEST_F(Bells, Ring) {
  rings_at(directory_ + "/x.bell");
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/x.bell")) << "the name goes with the bell";
  EXPECT_FALSE(ring(directory_ + "/x.bell"));
  EXPECT_FALSE(ring(directory_ + "/no/such/place/x.bell"));
}

TEST_F(Bells, APathTooLongForASocketAddressGoesThroughItsDirectory) {
  const std::string deep = directory_ + "/" + std::string(100, 'd') + "/" + std::string(100, 'e');
  std::filesystem::create_directories(deep);
  rings_at(deep + "/gossipd.db.bell");
}

TEST_F(Bells, ANameTooLongForAnythingMeansNoBell) {
  std::string why;
  EXPECT_FALSE(Doorbell::hang(directory_ + "/" + std::string(150, 'n'), why).has_value());
  EXPECT_NE(why.find("too long"), std::string::npos);
  EXPECT_FALSE(ring(directory_ + "/" + std::string(150, 'n')));
}

TEST_F(Bells, ASocketLeftBehindIsReplacedAFileIsNot) {
  const std::string path = directory_ + "/x.bell";
  std::string why;
  auto old = Doorbell::hang(path, why);
  ASSERT_TRUE(old.has_value());
  auto fresh = Doorbell::hang(path, why);
  ASSERT_TRUE(fresh.has_value()) << why;
  EXPECT_TRUE(ring(path));
  EXPECT_TRUE(readable_soon(fresh->fd()));
  EXPECT_FALSE(old->rung());
  const std::string file = directory_ + "/file";
  std::ofstream(file) << "precious";
  EXPECT_FALSE(Doorbell::hang(file, why).has_value());
  EXPECT_TRUE(std::filesystem::is_regular_file(file));
}

TEST_F(Bells, ARingWakesEveryProcessThatHasTheBellAndOneTakesIt) {
  const std::string path = directory_ + "/x.bell";
  std::string why;
  auto bell = Doorbell::hang(path, why);
  ASSERT_TRUE(bell.has_value()) << why;
  {
    Doorbell inherited{Fd(::fcntl(bell->fd(), F_DUPFD_CLOEXEC, 3))};
    EXPECT_TRUE(ring(path));
    EXPECT_TRUE(readable_soon(bell->fd()) && readable_soon(inherited.fd()));
    EXPECT_TRUE(inherited.rung());
    EXPECT_FALSE(bell->rung());
  }
  EXPECT_TRUE(ring(path)) << "who inherited it takes nothing away";
  EXPECT_TRUE(bell->rung());
}

TEST_F(Bells, AFullBellCountsAsRungAndNeverBlocks) {
  const std::string path = directory_ + "/x.bell";
  std::string why;
  auto bell = Doorbell::hang(path, why);
  ASSERT_TRUE(bell.has_value());
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(ring(path));
  EXPECT_TRUE(bell->rung());
}

}  // namespace
}  // namespace gossip::sys
