// The WAL-reset bug of SQLite 3.7.0 to 3.51.2 (sqlite.org/wal.html, "The WAL-reset bug"), on the store's own code, with the fence and
// without. A checkpoint reads the WAL's header; a writer then starts the WAL anew, which all of it being carried over allows; the
// checkpoint notes the old length as carried, and so many new frames are never read nor carried.
#include <sqlite3.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <new>
#include <set>

#include "db/checkpoint.h"
#include "db/wal.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

enum class Fence { kUp, kDown };

// --- the window, opened on purpose

std::function<void()> g_in_window;
sqlite3_io_methods g_methods;
const sqlite3_io_methods* g_real = nullptr;
sqlite3_vfs* g_beneath = nullptr;

// SQLite lets go of mapped pages here: after it has read a header that is new to it, before it compares lengths.
int unfetch(sqlite3_file* file, sqlite3_int64 at, void* page) {
  if (g_in_window && page == nullptr) std::exchange(g_in_window, nullptr)();
  return g_real->xUnfetch(file, at, page);
}

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* given) {
  const int code = g_beneath->xOpen(g_beneath, name, file, flags, given);
  if (code != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return code;
  if (g_real == nullptr) {
    g_real = file->pMethods;
    g_methods = *g_real;
    g_methods.xUnfetch = unfetch;
  }
  file->pMethods = &g_methods;
  return code;
}

class Windowed {
 public:
  Windowed() {
    g_beneath = sqlite3_vfs_find(nullptr);
    g_real = nullptr;
    vfs_ = *g_beneath;
    vfs_.zName = "windowed";
    vfs_.xOpen = open_file;
    sqlite3_vfs_register(&vfs_, 1);
  }
  Windowed(const Windowed&) = delete;
  ~Windowed() { sqlite3_vfs_unregister(&vfs_); }

 private:
  sqlite3_vfs vfs_{};
};

// --- three writers and a checkpointer

constexpr std::size_t kWriters = 3;
const bool kMended = sqlite3_libversion_number() >= 3'051'003;
using Clock = std::chrono::steady_clock;
constexpr std::chrono::microseconds kPause{100};  // without the fence, else writers would hardly ever find it down
using Counts = std::array<std::uint64_t, kWriters>;

// In memory that all processes share.
struct Race {
  std::array<std::atomic<std::uint64_t>, kWriters> acknowledged{};  // messages of each writer
  std::atomic<std::uint64_t> commits{0}, checkpoints{0}, whole{0};
  std::atomic<std::size_t> done{0};  // writers
  std::atomic<bool> damaged{false};
};

struct Totals {
  std::uint64_t rounds = 0, commits = 0, checkpoints = 0, whole = 0, resets = 0, corruptions = 0;
};

// Sizes differ, so that a reset WAL ends at other places than the one before.
Message pattern(std::size_t who, std::uint64_t i) {
  return hearsay(std::to_string(who) + "/" + std::to_string(i) + std::string(i * 37 % 3000, static_cast<char>('a' + who)));
}

class TA27 : public Scratch {
 protected:
  // A writer in the window of a checkpoint. True: it got in.
  bool race_once(Fence fence) {
    Windowed windowed;
    Database db = open_store(path_, {.busy_timeout_ms = 0});
    Log log(db, crypto_, fixed_clock);
    auto add = [&] {
      Incoming in = incoming(crypto_, pattern(0, acknowledged_));
      if (!log.commit({&in, 1}, {}, {})) return false;
      ++acknowledged_;
      return true;
    };
    Checkpointer late(path_);
    Database bare(path_, Database::Mode::kWrite, 0);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(add());
    EXPECT_TRUE(Checkpointer(path_).run()) << "all is carried over: the next writer begins the WAL anew";
    bool reached = false, written = false;
    g_in_window = [&] {
      reached = true;
      written = add();
    };
    if (fence == Fence::kUp) {
      EXPECT_TRUE(late.run());
    } else {
      bare.prepare("PRAGMA wal_checkpoint(PASSIVE)").run();
    }
    EXPECT_TRUE(reached);
    try {  // on, past the old length; what the next checkpoint skips is gone when the WAL begins anew
      for (int i = 0; i < 40; ++i) add();
      Checkpointer(path_).run();
      add();
    } catch (const Error& error) { std::fprintf(stderr, "writer: %s\n", error.what()); }
    return written;
  }

  int write_until(Race& race, std::size_t who, Clock::time_point end) {
    try {
      Database db = open_store(path_, {.busy_timeout_ms = 20'000, .create = false, .write = true});
      Log log(db, crypto_, fixed_clock);
      for (std::uint64_t i = 0; i == 0 || (Clock::now() < end && !race.damaged);) {
        Incoming in = incoming(crypto_, pattern(who, i));
        if (!log.commit({&in, 1}, {}, {})) continue;  // busy: again
        race.acknowledged[who] = ++i;
        ++race.commits;
        // Bursts: a WAL begins anew only where a checkpoint caught up with all writers.
        const std::uint64_t whole = race.whole;
        if (i * 7 % 10 < 3)
          while (race.whole == whole && Clock::now() < end && !race.damaged) ::sched_yield();
      }
    } catch (const Error& error) {
      if (!race.damaged.exchange(true)) std::fprintf(stderr, "writer: %s\n", error.what());
    }
    ++race.done;
    return 0;
  }

  // Once more after the last writer, so that one at least is whole.
  int hammer(Race& race, Fence fence) {
    try {
      Checkpointer fenced(path_);
      Database bare(path_, Database::Mode::kWrite, 0);
      Statement unfenced = bare.prepare("PRAGMA wal_checkpoint(PASSIVE)");
      for (bool last = false; !last; ++race.checkpoints) {
        last = race.done == kWriters;
        if (fence == Fence::kUp) {
          if (race.checkpoints % 10 == 0 ? fenced.tidy() : fenced.run()) ++race.whole;
          for (auto now = Clock::now(), on = now + kPause; now < on; now = Clock::now()) ::sched_yield();
        } else {
          Using use(unfenced);
          if (use->step() && use->integer(0) == 0 && use->integer(1) == use->integer(2)) ++race.whole;
        }
      }
    } catch (const Error& error) {
      if (!race.damaged.exchange(true)) std::fprintf(stderr, "checkpointer: %s\n", error.what());
    }
    return 0;
  }

  // What is wrong with the database, or nothing: the file is sound, every row is the message its id says, and every acknowledged
  // message is there. An id is there once: seq is dense and the ids are distinct.
  std::string wrong(const Counts& acknowledged) {
    try {
      Database db = open();
      if (std::string found = words(db, "PRAGMA integrity_check"); found != "ok") {
        std::replace(found.begin(), found.end(), '\n', ' ');
        return found;
      }
      Log log(db, crypto_, fixed_clock);
      std::set<Hash> ids;
      std::vector<LogRow> rows(512);
      Bytes body;
      for (Seq at = 0, n; (n = log.rows(at, rows)) > 0; at += n) {
        for (std::size_t i = 0; i < n; ++i) {
          body.clear();
          if (rows[i].seq != at + i + 1) return "a seq is missing before " + std::to_string(rows[i].seq);
          if (!log.body(rows[i].seq, body) || message_id(crypto_, body) != rows[i].id) return "a body is not what its id says";
          if (!ids.insert(rows[i].id).second) return "a message is there twice";
        }
      }
      for (std::size_t who = 0; who < kWriters; ++who)
        for (std::uint64_t i = 0; i < acknowledged[who]; ++i)
          if (!ids.contains(message_id(crypto_, encode_message(pattern(who, i)))))
            return "message " + std::to_string(i) + " of writer " + std::to_string(who) + " is lost";
      return {};
    } catch (const Error& error) { return error.what(); }
  }

  // One round on a database of its own.
  std::string round(Fence fence, Clock::duration length, Totals& totals) {
    for (const char* rest : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + rest);
    {
      Database db = open();
      meta_put(db, "a", "b");
    }
    const std::uint64_t before = wal_use(path_ + "-wal").generation;
    void* shared = ::mmap(nullptr, sizeof(Race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return "no memory to share";
    Race& race = *new (shared) Race;
    const Clock::time_point end = Clock::now() + length;
    std::vector<pid_t> children{spawn([&] { return hammer(race, fence); })};
    for (std::size_t who = 0; who < kWriters; ++who) children.push_back(spawn([&, who] { return write_until(race, who, end); }));
    bool ended_well = true;
    for (pid_t child : children) ended_well = exit_code(child) == 0 && ended_well;
    Counts acknowledged{};
    for (std::size_t who = 0; who < kWriters; ++who) acknowledged[who] = race.acknowledged[who];
    ++totals.rounds;
    totals.commits += race.commits;
    totals.checkpoints += race.checkpoints;
    totals.whole += race.whole;
    // The first salt counts the resets.
    totals.resets += static_cast<std::uint32_t>((wal_use(path_ + "-wal").generation >> 32) - (before >> 32));
    std::string found = wrong(acknowledged);
    if (found.empty() && race.damaged) found = "a process met damage";
    if (found.empty() && !ended_well) found = "a process did not end well";
    ::munmap(shared, sizeof(Race));
    if (!found.empty()) ++totals.corruptions;
    return found;
  }

  static void report(const char* name, const Totals& t, double seconds) {
    std::printf("figures: WAL race %s: %.0f s, %llu rounds, %llu commits, %llu checkpoints (%llu whole), %llu resets, %llu corruptions\n",
                name, seconds, static_cast<unsigned long long>(t.rounds), static_cast<unsigned long long>(t.commits),
                static_cast<unsigned long long>(t.checkpoints), static_cast<unsigned long long>(t.whole),
                static_cast<unsigned long long>(t.resets), static_cast<unsigned long long>(t.corruptions));
  }

  static std::chrono::seconds asked() {
    const char* text = std::getenv("GOSSIP_RACE_SECONDS");
    return std::chrono::seconds(text ? std::max(1, std::atoi(text)) : 30);
  }

  std::uint64_t acknowledged_ = 0;
};

TEST_F(TA27, FencedNoWriterGetsIntoTheWindow) {
  EXPECT_FALSE(race_once(Fence::kUp));
  EXPECT_EQ(acknowledged_, 61u);
  EXPECT_EQ(wrong({acknowledged_, 0, 0}), "");
}

// The control: were nothing lost here, the test above would prove nothing.
TEST_F(TA27, UnfencedTheSameWindowLosesWhatWasAcknowledged) {
  EXPECT_TRUE(race_once(Fence::kDown));
  const std::string found = wrong({acknowledged_, 0, 0});
  if (found.empty() && kMended) GTEST_SKIP() << "SQLite " << sqlite3_libversion() << " has the bug mended";
  ASSERT_NE(found, "") << "SQLite " << sqlite3_libversion() << " has the bug, so this proves nothing";
  std::printf("unfenced: %s\n", found.c_str());
}

TEST_F(TA27, ThreeWritersAndACheckpointerLoseNothing) {
  const Clock::time_point begin = Clock::now(), end = begin + asked();
  Totals totals;
  while (Clock::now() < end) {
    const Clock::duration length = std::min<Clock::duration>(end - Clock::now(), std::chrono::seconds(5));
    ASSERT_EQ(round(Fence::kUp, length, totals), "");
  }
  report("fenced", totals, std::chrono::duration<double>(Clock::now() - begin).count());
  EXPECT_GT(totals.whole, 0u);
  EXPECT_EQ(totals.corruptions, 0u);
}

// By `make walrace` only: how soon depends on the machine.
TEST_F(TA27, DISABLED_UnfencedTheyDamageIt) {
  const Clock::time_point begin = Clock::now(), end = begin + std::min<std::chrono::seconds>(asked(), std::chrono::minutes(5));
  Totals totals;
  while (Clock::now() < end) {
    const Clock::duration length = std::min<Clock::duration>(end - Clock::now(), std::chrono::seconds(5));
    const std::string found = round(Fence::kDown, length, totals);
    if (found.empty() || totals.corruptions != 1) continue;
    std::printf("unfenced, after %.1f s: %s\n", std::chrono::duration<double>(Clock::now() - begin).count(), found.c_str());
  }
  report("unfenced", totals, std::chrono::duration<double>(Clock::now() - begin).count());
  if (totals.corruptions == 0 && kMended) GTEST_SKIP() << "this SQLite has the bug mended";
  EXPECT_GT(totals.corruptions, 0u) << "the control proves nothing";
}

}  // namespace
}  // namespace gossip::db::test
