// A restore ends at any of its steps, killed or refused by the disk: the old or the new store is there, and the old one is all there.
#include <dlfcn.h>

#include <algorithm>
#include <cerrno>

#include "db/backup.h"
#include "db/files.h"
#include "faults.h"

namespace {

int g_left = 0;       // steps until the one that is not made; 0: all are
bool g_kills = false;

bool strikes() {
  if (g_left == 0 || --g_left > 0) return false;
  if (g_kills) ::_exit(137);
  errno = EIO;
  return true;
}

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {
int rename(const char* from, const char* to) noexcept { return strikes() ? -1 : next<int (*)(const char*, const char*)>("rename")(from, to); }
int link(const char* from, const char* to) noexcept { return strikes() ? -1 : next<int (*)(const char*, const char*)>("link")(from, to); }
int unlink(const char* path) noexcept { return strikes() ? -1 : next<int (*)(const char*)>("unlink")(path); }
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) noexcept {
  return strikes() ? -1 : next<int (*)(int, const char*, int, const char*, unsigned)>("renameat2")(a, from, b, to, flags);
}
}

namespace gossip::test {
namespace {

using db::Database;
using db::test::contents;

class Restore : public FaultsTest {
 protected:
  void say(int from, int to) {
    Database db = open();
    db::Log log(db, crypto_, db::test::fixed_clock);
    std::vector<Incoming> some;
    for (int i = from; i < to; ++i) some.push_back(db::test::incoming(crypto_, db::test::hearsay(std::to_string(i))));
    ASSERT_TRUE(log.commit(some, {}, {}));
  }

  // A copy of 10 messages, and a store of 20; a damaged one has some of it in the -wal, where it cannot be read any more.
  void make(bool damaged) {
    g_left = 0;
    clear();
    say(0, 10);
    Database db = open();
    db::copy_store(db, copy_, [](std::int64_t, std::int64_t) {});
    say(10, 20);
    if (!damaged) return;
    std::string bytes = contents(path_);
    std::fill(bytes.begin() + 100, bytes.end(), 'x');
    db::test::write_file(path_, bytes);
    ASSERT_GT(db::size_of(path_ + "-wal"), 0);
  }

  void restore() { db::restore_store(copy_, path_, kept_, [](std::int64_t, std::int64_t) {}); }

  static std::int64_t messages(const std::string& path) {
    Database db = db::open_store(path, {.create = false});
    return db::check_whole(db);
  }

  // False when the new one is there.
  bool sound(bool damaged, const std::string& main, const std::string& wal) {
    if (damaged && contents(path_).compare(100, 50, main, 100, 50) == 0) {
      EXPECT_TRUE(contents(path_ + "-wal") == wal || (contents(kept_ + "-wal") == wal && contents(kept_) == contents(path_)));
      return true;
    }
    const std::int64_t there = messages(path_);
    EXPECT_TRUE(there == 10 || (!damaged && there == 20)) << there;
    if (there == 20) return true;
    if (!damaged) { EXPECT_EQ(messages(kept_), 20); }
    if (damaged) { EXPECT_EQ(contents(kept_).compare(100, 50, main, 100, 50), 0); }
    if (damaged) { EXPECT_EQ(contents(kept_ + "-wal"), wal); }
    return false;
  }

  void each_step(bool damaged, bool kills) {
    int old = 0, made = 0;
    for (int step = 1, code = 1; code != 0; ++step) {
      ASSERT_LT(step, 100);
      make(damaged);
      const std::string main = contents(path_), wal = contents(path_ + "-wal");
      code = db::test::exit_code(db::test::spawn([&] {
        g_left = step, g_kills = kills;
        try {
          restore();
        } catch (const db::Error&) { return 1; }
        return g_left > 0 ? 0 : 2;  // 2: it did not matter
      }));
      SCOPED_TRACE("step " + std::to_string(step) + ", " + std::to_string(code));
      (sound(damaged, main, wal) ? old : made) += 1;
      if (!kills && code == 1 && db::size_of(path_ + "-wal") == 0 && damaged) { EXPECT_EQ(contents(kept_ + "-wal"), wal); }
      if (HasFailure()) return;
    }
    EXPECT_GT(old, 1);
    EXPECT_GT(made, 0);
  }

  std::string copy_ = dir_ + "/copy", kept_ = path_ + ".before-restore-1";
};

TEST_F(Restore, KilledAtEachStep) { each_step(false, true); }
TEST_F(Restore, KilledAtEachStepOverADamagedOne) { each_step(true, true); }
TEST_F(Restore, FailingAtEachStep) { each_step(false, false); }
TEST_F(Restore, FailingAtEachStepOverADamagedOne) { each_step(true, false); }

}  // namespace
}  // namespace gossip::test
