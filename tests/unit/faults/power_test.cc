// The power fails at any moment: what was acknowledged is there, once, and the file is sound.
#include <gtest/gtest.h>

#include <chrono>

#include "disk.h"
#include "faults.h"
#include "workload.h"

namespace gossip::test {
namespace {

class Power : public FaultsTest {
 protected:
  // Cuts until there were `most`, each in the ruins of the one before. Gives what is wrong.
  std::string live(std::uint64_t seed, unsigned most, bool honest = true) {
    clear();
    TestRng rng(seed ^ 0x5eed);
    Disk disk(seed);
    if (!honest) disk.lie();
    Workload work(path_, seed);
    bool made = false;
    for (unsigned i = 0; i < most; ++i) {
      disk.cut_at(1 + rng.next() % (rng.next() % 4 == 0 ? 12 : 250));  // some while it recovers, or is being made
      try {
        if (!made) work.prepare();
        made = true;
        work.run(80);
      } catch (const db::Error& error) {
        if (!disk.off()) return std::string("there is power, but: ") + error.what();
      }
      if (!disk.off()) disk.cut_now();
      work.close();
      disk.power_up();
      ++cuts_;
      const auto begin = std::chrono::steady_clock::now();
      if (std::string wrong = work.wrong(); !wrong.empty()) return "after cut " + std::to_string(i + 1) + ": " + wrong;
      slowest_ = std::max(slowest_, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    acknowledged_ += work.acknowledged();
    return {};
  }

  std::uint64_t cuts_ = 0, acknowledged_ = 0;
  double slowest_ = 0;  // seconds, to open and to read all
};

TEST_F(Power, F12_CutsLoseNothingThatWasAcknowledged) {
  const std::uint64_t count = asked("GOSSIP_CUTS", 500), first = asked("GOSSIP_SEED", 1);
  for (std::uint64_t seed = first; cuts_ < count; ++seed) {
    const std::string wrong = live(seed, 4);
    ASSERT_EQ(wrong, "") << "GOSSIP_SEED=" << seed << " GOSSIP_CUTS=1";
  }
  std::printf("figures: power cuts from seed %llu: %llu cuts, %llu messages acknowledged and none lost, slowest look %.2f s\n",
              static_cast<unsigned long long>(first), static_cast<unsigned long long>(cuts_),
              static_cast<unsigned long long>(acknowledged_), slowest_);
  EXPECT_LT(slowest_, 2.0);
}

// The control: were nothing lost here, the test above would prove nothing.
TEST_F(Power, ADiskThatOnlySaysThatItSyncedLosesThem) {
  std::string wrong;
  for (std::uint64_t seed = 1; seed <= 50 && wrong.empty(); ++seed) wrong = live(seed, 4, false);
  EXPECT_NE(wrong, "");
}

}  // namespace
}  // namespace gossip::test
