// The disk fails under a backup, at every write and every sync: what is there then is a whole copy, or none.
#include <cerrno>

#include "db/backup.h"
#include "disk.h"
#include "faults.h"

namespace gossip::test {
namespace {

using db::Database;

class Backup : public FaultsTest {
 protected:
  void fill() {
    Database db = open();
    db::Log log(db, crypto_, db::test::fixed_clock);
    std::vector<Incoming> some;
    for (int i = 0; i < 300; ++i) some.push_back(db::test::incoming(crypto_, db::test::hearsay(std::to_string(i))));
    ASSERT_TRUE(log.commit(some, {}, {}));
  }

  // False when there was no such call, or it did not matter.
  bool fails(const Fault& fault) {
    const std::string copy = dir_ + "/copy";
    bool failed = false;
    {
      Disk disk(fault.at);
      Database db = db::open_store(path_, {.create = false, .write = false});
      disk.fail(fault);
      try {
        EXPECT_EQ(db::copy_store(db, copy, [](std::int64_t, std::int64_t) {}).messages, 300);
      } catch (const db::Error& error) {
        EXPECT_EQ(error.trouble(), fault.error == ENOSPC && fault.op == Op::kWrite ? db::Trouble::kFull : db::Trouble::kIo) << error.what();
        failed = true;
      }
      disk.heal();
      struck_ = disk.struck();
    }
    for (const auto& entry : std::filesystem::directory_iterator(dir_))
      EXPECT_EQ(entry.path().string().find(".unfinished"), std::string::npos) << fault.at;
    EXPECT_EQ(std::filesystem::exists(copy), !failed) << fault.at;
    if (failed) return true;
    Database whole(copy, Database::Mode::kRead, 0);
    EXPECT_EQ(db::check_whole(whole), 300);
    EXPECT_EQ(db::test::mode_of(copy), 0600u);
    std::filesystem::remove(copy);
    return false;
  }

  bool struck_ = true;
};

TEST_F(Backup, ACopyThatCannotBeWrittenIsNotThere) {
  fill();
  for (const Fault& kind : {Fault{Op::kWrite, 0, SQLITE_FULL, ENOSPC}, Fault{Op::kWrite, 0, SQLITE_IOERR_WRITE, EIO},
                            Fault{Op::kSync, 0, SQLITE_IOERR_FSYNC, EIO}}) {
    int failed = 0;
    Fault fault = kind;
    for (struck_ = true, fault.at = 1; struck_ && !HasFailure(); ++fault.at) failed += fails(fault) ? 1 : 0;
    EXPECT_GT(failed, 0) << name_of(kind.op);
  }
}

}  // namespace
}  // namespace gossip::test
