#include "db/checkpoint.h"

#include <sqlite3.h>

#include "db/sqlite.h"
#include "db/wal.h"

namespace gossip::db {

namespace {
constexpr std::uint64_t kDueBytes = 16 << 20;
constexpr Micros kQuiet = 60 * kSecond;
constexpr Micros kLook = kSecond / 10;  // a look costs some 20 reads: no more often than this
constexpr Micros kIdleLook = 2 * kSecond;
}  // namespace

struct Checkpointer::Impl {
  explicit Impl(const std::string& path)
      : wal(path + "-wal"), fence(path, Database::Mode::kWrite, 5000), carrier(path, Database::Mode::kWrite, 5000) {
    sqlite3_busy_timeout(fence.raw(), 0);  // waiting was for the opening only
    fence.exec("PRAGMA journal_size_limit=0");
  }

  std::uint64_t waiting(const WalUse& use) const {
    return use.generation == done.generation && use.frames >= done.frames ? use.frames - done.frames : use.frames;
  }
  bool carry();
  bool begin_anew();

  std::string wal;
  Database fence, carrier;
  WalUse done;           // carried over so far
  WalUse seen;           // at the last look
  Micros seen_grow = 0;  // when it last grew
  Micros next_look = 0;
  bool looked = false;
  bool wipe = false;
};

// With the fence held: nobody writes, so the WAL cannot be reset under the checkpoint.
bool Checkpointer::Impl::carry() {
  WalUse use = wal_use(wal);
  int frames = 0, carried = 0;
  int code = sqlite3_wal_checkpoint_v2(carrier.raw(), "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &carried);
  if (code != SQLITE_OK) carrier.fail("checkpoint");
  done = use;
  if (carried < frames) done.frames = static_cast<std::uint64_t>(carried);
  return carried >= frames;
}

// What was carried over stays in the file until it is written over, and with it private keys that were deleted since. All of it
// being carried over, the next writer begins the WAL anew: here the smallest write there is, with a limit that cuts off the rest.
// False: somebody is reading from the WAL, so that the write only made it longer.
bool Checkpointer::Impl::begin_anew() {
  const std::uint64_t before = wal_use(wal).generation;
  Transaction smallest(fence);
  fence.exec(("PRAGMA user_version=" + std::to_string(fence.pragma("user_version"))).c_str());
  smallest.commit();
  const WalUse use = wal_use(wal);
  if (use.frames == 1) done = use;  // else somebody else wrote as well
  return use.generation != before;
}

// False when a writer or a full disk is in the way.
template <typename Work>
static bool unless_in_the_way(Work work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.may_pass()) return false;
    throw;
  }
}

Checkpointer::Checkpointer(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
Checkpointer::~Checkpointer() = default;

void Checkpointer::wipe_soon() {
  impl_->wipe = true;
  impl_->next_look = 0;
}

bool Checkpointer::run() {
  return unless_in_the_way([&] {
    Transaction fence(impl_->fence);  // never committed: it rolls back at the end of this block
    return impl_->carry();
  });
}

bool Checkpointer::tidy() {
  return run() && unless_in_the_way([&] { return impl_->begin_anew(); });
}

Micros Checkpointer::run_if_due(Micros now) {
  Impl& my = *impl_;
  if (my.looked && now < my.next_look) return my.next_look;
  WalUse use = wal_use(my.wal);
  const bool grew = !my.looked || use.generation != my.seen.generation || use.frames != my.seen.frames;
  if (grew) my.seen_grow = now;
  my.looked = true;
  my.seen = use;
  const std::uint64_t waiting = my.waiting(use);
  const bool quiet = my.wipe || (now - my.seen_grow >= kQuiet && use.frames > 1);
  const bool due = waiting * use.frame_bytes >= kDueBytes;
  if ((quiet && !tidy()) || (!quiet && due && !run())) return my.next_look = now + kSecond;
  my.wipe = false;
  my.next_look = now + kLook;
  return grew ? my.next_look : now + kIdleLook;
}

}  // namespace gossip::db
