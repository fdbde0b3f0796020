// The disk fails under the store, once, at every call of a standard run: the error says what it was, nothing that was acknowledged
// is lost, the file stays sound, and going on works: with the same connections where there was only no room, else in a new process.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

#include "disk.h"
#include "faults.h"
#include "workload.h"

namespace gossip::test {
namespace {

using db::Trouble;

struct Kind {
  int code, error;
  Trouble trouble;
  bool part = false;
};

const std::vector<std::pair<Op, std::vector<Kind>>> kKinds = {
    {Op::kWrite,
     {{SQLITE_FULL, ENOSPC, Trouble::kFull}, {SQLITE_FULL, ENOSPC, Trouble::kFull, true}, {SQLITE_IOERR_WRITE, EIO, Trouble::kIo}}},
    {Op::kSync,  // no room is an I/O error too: what was to be synced may be gone
     {{SQLITE_IOERR_FSYNC, EIO, Trouble::kIo}, {SQLITE_IOERR_FSYNC, ENOSPC, Trouble::kIo}}},
    {Op::kOpen, {{SQLITE_CANTOPEN, EMFILE, Trouble::kIo}, {SQLITE_CANTOPEN, ENOSPC, Trouble::kFull}}},
    {Op::kTruncate, {{SQLITE_IOERR_TRUNCATE, EIO, Trouble::kIo}}},
    {Op::kRead, {{SQLITE_IOERR_READ, EIO, Trouble::kIo}}},
    {Op::kDelete, {{SQLITE_IOERR_DELETE, EIO, Trouble::kIo}}},
};

class Errors : public FaultsTest {
 protected:
  // False when the run has no call of this kind that late.
  bool live(Op op, const Kind& kind, std::uint64_t at, unsigned steps) {
    clear();
    Disk disk(at);
    Workload work(path_, 7);
    work.resume();
    disk.fail({op, at, kind.code, kind.error, kind.part});
    work.prepare();
    const std::uint64_t of_making = disk.synced_after_failure();  // a file that is thrown away
    for (unsigned i = 0, behind = 0; i < steps && behind < 6; ++i) {
      work.run(1);
      behind += disk.struck() ? 1 : 0;
    }
    work.close();
    const bool struck = disk.struck();
    disk.heal();
    surfaced_ += work.met().size();
    for (Trouble met : work.met()) EXPECT_EQ(met, kind.trouble);
    EXPECT_LE(work.met().size(), 1u);
    EXPECT_EQ(disk.synced_after_failure(), of_making);
    EXPECT_EQ(work.wrong(), "");
    // Nor does it hold in memory only.
    disk.cut_now();
    disk.power_up();
    EXPECT_EQ(work.wrong(), "") << "after a power cut";
    return struck;
  }

  std::uint64_t surfaced_ = 0;
};

TEST_F(Errors, F12_EveryFailedCallSurfacesAndNothingAcknowledgedIsLost) {
  const std::uint64_t most = asked("GOSSIP_CALLS", 300);
  const unsigned steps = static_cast<unsigned>(asked("GOSSIP_STEPS", 40));
  for (const auto& [op, kinds] : kKinds) {
    std::uint64_t n = 1, failed = 0;
    surfaced_ = 0;
    const std::uint64_t these = op == Op::kRead ? most / 5 : most;  // the others are what the promise is about
    for (bool more = true; more && n <= these; ++n) {
      for (std::size_t i = 0; more && i < kinds.size(); ++i) {
        if (most <= 300 && n % kinds.size() != i) continue;  // by turns; all of them in the long form
        more = live(op, kinds[i], n, steps);
        failed += more ? 1 : 0;
        ASSERT_FALSE(HasFailure()) << name_of(op) << " " << n << ", code " << kinds[i].code << ", errno " << kinds[i].error;
      }
    }
    std::printf("figures: %llu calls of %s failed, %llu surfaced\n", static_cast<unsigned long long>(failed), name_of(op),
                static_cast<unsigned long long>(surfaced_));
    EXPECT_GT(failed, 0u) << name_of(op);
  }
}

}  // namespace
}  // namespace gossip::test
