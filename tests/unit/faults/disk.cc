#include "disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>

#include "gossip/check.h"

namespace gossip::test {

namespace fs = std::filesystem;

struct Disk::State {
  Bytes platter;                 // as of the last sync
  std::set<std::size_t> dirty;   // sectors written or cut off since
  std::set<std::size_t> lost;    // written before a sync that failed, and not again since: no sync brings them any more
  bool entry = true;             // the directory knows of it for good
  bool deleted = false;          // and this the directory may not know yet
};

// The real file lies behind it, in the room that SQLite gave.
struct Disk::File {
  sqlite3_file base;
  Disk* disk;
  State* state;
  bool sync_failed;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

static Bytes read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(in), {}};
  return {all.begin(), all.end()};
}

const char* name_of(Op op) {
  constexpr const char* kNames[] = {"open", "read", "write", "sync", "truncate", "delete"};
  return kNames[static_cast<std::size_t>(op)];
}

struct Disk::Methods {
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static Disk& of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

  static void mark(File& file, sqlite3_int64 from, sqlite3_int64 to) {
    const auto sector = static_cast<sqlite3_int64>(file.disk->sector_);
    for (auto at = from / sector; at * sector < to; ++at) {
      file.state->dirty.insert(static_cast<std::size_t>(at));
      file.state->lost.erase(static_cast<std::size_t>(at));
    }
  }
  static sqlite3_int64 size(File& file) {
    sqlite3_int64 out = 0;
    file.real()->pMethods->xFileSize(file.real(), &out);
    return out;
  }

  static int close(sqlite3_file* file) { return of(file).real()->pMethods->xClose(of(file).real()); }

  static int read(sqlite3_file* file, void* to, int n, sqlite3_int64 at) {
    File& f = of(file);
    int code = SQLITE_OK;
    bool part = false;
    if (f.disk->strikes(Op::kRead, code, part)) return code;
    return f.real()->pMethods->xRead(f.real(), to, n, at);
  }

  static int write(sqlite3_file* file, const void* from, int n, sqlite3_int64 at) {
    File& f = of(file);
    int code = SQLITE_OK;
    bool part = false;
    const bool failed = f.disk->strikes(Op::kWrite, code, part);
    if (failed && !part) return code;
    const int much = failed ? n / 2 : n;
    mark(f, at, at + much);
    const int done = f.real()->pMethods->xWrite(f.real(), from, much, at);
    if (failed) return code;
    return f.disk->last_change() ? SQLITE_IOERR_WRITE : done;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 to) {
    File& f = of(file);
    int code = SQLITE_OK;
    bool part = false;
    if (f.disk->strikes(Op::kTruncate, code, part)) return code;
    mark(f, to, std::max(size(f), static_cast<sqlite3_int64>(f.state->platter.size())));
    const int done = f.real()->pMethods->xTruncate(f.real(), to);
    return f.disk->last_change() ? SQLITE_IOERR_TRUNCATE : done;
  }

  // The bytes go to memory, so there is nothing beneath to be synced. A cut in a sync leaves some of it done.
  static int sync(sqlite3_file* file, int) {
    File& f = of(file);
    int code = SQLITE_OK;
    bool part = false;
    if (f.sync_failed) ++f.disk->retried_;
    if (f.disk->strikes(Op::kSync, code, part)) {
      f.sync_failed = true;
      f.state->lost.merge(std::exchange(f.state->dirty, {}));
      return code;
    }
    if (f.disk->last_change()) return SQLITE_IOERR_FSYNC;
    if (!f.disk->lies_) bring_down(f);
    return SQLITE_OK;
  }
  static void bring_down(File& f) {
    State& state = *f.state;
    state.platter.resize(static_cast<std::size_t>(size(f)));
    for (const std::size_t sector : std::exchange(state.dirty, {})) {
      const std::size_t at = sector * f.disk->sector_;
      if (at >= state.platter.size()) continue;
      const std::size_t n = std::min(f.disk->sector_, state.platter.size() - at);
      GOSSIP_CHECK(f.real()->pMethods->xRead(f.real(), state.platter.data() + at, static_cast<int>(n),
                                             static_cast<sqlite3_int64>(at)) == SQLITE_OK);
    }
    state.entry = true;  // SQLite's own syncs the directory with the first sync of a new journal or WAL
  }

  static int file_size(sqlite3_file* file, sqlite3_int64* out) {
    File& f = of(file);
    return f.disk->off_ ? SQLITE_IOERR_FSTAT : f.real()->pMethods->xFileSize(f.real(), out);
  }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* given) {
    Disk& disk = of(vfs);
    File& f = *new (file) File{{nullptr}, &disk, nullptr, false};
    int code = SQLITE_OK;
    bool part = false;
    if (disk.strikes(Op::kOpen, code, part)) return code;
    const bool made = name != nullptr && !fs::exists(name);
    if (made && (flags & SQLITE_OPEN_CREATE) && disk.last_change()) return SQLITE_CANTOPEN;
    code = disk.beneath_->xOpen(disk.beneath_, name, f.real(), flags, given);
    if (f.real()->pMethods == nullptr) return code;
    if (name == nullptr || code != SQLITE_OK) GOSSIP_CHECK(code != SQLITE_OK);  // temporary files are in memory here
    if (code == SQLITE_OK) f.state = &disk.state_of(name, made);
    f.base.pMethods = methods();
    return code;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    Disk& disk = of(vfs);
    int code = SQLITE_OK;
    bool part = false;
    if (disk.strikes(Op::kDelete, code, part)) return code;
    code = disk.beneath_->xDelete(disk.beneath_, name, sync_directory);
    auto state = disk.states_->find(name);
    if (state != disk.states_->end()) state->second.deleted = true;
    if (disk.last_change()) return SQLITE_IOERR_DELETE;
    if (state != disk.states_->end() && sync_directory) disk.states_->erase(state);
    return code;
  }

  template <auto kMember, class... Args>
  static int pass(sqlite3_file* file, Args... args) {
    sqlite3_file* real = of(file).real();
    return (real->pMethods->*kMember)(real, args...);
  }
  static void barrier(sqlite3_file* file) { of(file).real()->pMethods->xShmBarrier(of(file).real()); }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    if (of(file).disk->off_) return SQLITE_IOERR_SHMMAP;
    return of(file).real()->pMethods->xShmMap(of(file).real(), page, size, extend, out);
  }

  static const sqlite3_io_methods* methods() {
    using M = sqlite3_io_methods;
    static const M kMethods = {
        .iVersion = 2, .xClose = close, .xRead = read, .xWrite = write, .xTruncate = truncate, .xSync = sync,
        .xFileSize = file_size, .xLock = pass<&M::xLock, int>, .xUnlock = pass<&M::xUnlock, int>,
        .xCheckReservedLock = pass<&M::xCheckReservedLock, int*>, .xFileControl = pass<&M::xFileControl, int, void*>,
        .xSectorSize = pass<&M::xSectorSize>, .xDeviceCharacteristics = pass<&M::xDeviceCharacteristics>, .xShmMap = shm_map,
        .xShmLock = pass<&M::xShmLock, int, int, int>, .xShmBarrier = barrier, .xShmUnmap = pass<&M::xShmUnmap, int>,
        .xFetch = nullptr, .xUnfetch = nullptr};
    return &kMethods;
  }
};

Disk::Disk(std::uint64_t seed) : beneath_(sqlite3_vfs_find(nullptr)), rng_(seed), states_(std::make_unique<States>()) {
  if (rng_.next() % 2) sector_ = 4096;
  vfs_ = *beneath_;
  vfs_.zName = "faulty";
  vfs_.pAppData = this;
  vfs_.szOsFile += static_cast<int>(sizeof(File));
  vfs_.xOpen = Methods::open;
  vfs_.xDelete = Methods::remove;
  sqlite3_vfs_register(&vfs_, 1);
}

Disk::~Disk() { sqlite3_vfs_unregister(&vfs_); }

void Disk::fail(const Fault& fault) {
  fault_ = fault;
  struck_ = false;
}

bool Disk::strikes(Op op, int& code, bool& part) {
  ++calls_[static_cast<std::size_t>(op)];
  if (off_) {
    errno = EIO;
    code = op == Op::kOpen ? SQLITE_CANTOPEN : SQLITE_IOERR;
    return true;
  }
  if (!fault_ || fault_->op != op || fault_->at == 0 || --fault_->at != 0) return false;
  struck_ = true;
  errno = fault_->error;
  code = fault_->code;
  part = fault_->part;
  return true;
}

// --- the power

Disk::State& Disk::state_of(const std::string& path, bool made) {
  auto [at, fresh] = states_->try_emplace(path);
  State& state = at->second;
  if (fresh && !made) state.platter = read_whole(path);
  if (made) state = {.platter = {}, .dirty = {}, .lost = {}, .entry = false, .deleted = false};
  return state;
}

bool Disk::last_change() {
  if (cut_at_ == 0 || --cut_at_ != 0) return false;
  cut_now();
  errno = EIO;
  return true;
}

// How much of what was not synced gets lost differs from cut to cut: all and nothing among them.
Bytes Disk::blend(const State& state, const Bytes& now) {
  const Bytes& old = state.platter;
  constexpr std::uint64_t kLost[] = {0, 10, 50, 90, 100};
  const std::uint64_t lost = kLost[rng_.next() % 5];
  const std::size_t most = std::max(old.size(), now.size());
  Bytes out(now), before(old);
  out.resize(most);
  before.resize(most);
  for (const std::size_t sector : state.dirty) {
    const std::size_t at = sector * sector_;
    if (at >= most) continue;
    const std::size_t n = std::min(sector_, most - at), torn = rng_.next() % n;
    const std::uint64_t fate = rng_.next() % 100;
    const bool tear = rng_.next() % 8 == 0, head = rng_.next() % 2 != 0;
    const std::size_t from = tear && !head ? torn : 0, upto = tear && head ? torn : n;
    if (tear || fate < lost) std::copy_n(before.begin() + static_cast<std::ptrdiff_t>(at + from), upto - from,
                                         out.begin() + static_cast<std::ptrdiff_t>(at + from));
  }
  for (const std::size_t sector : state.lost) {
    const std::size_t at = sector * sector_, end = std::min(at + sector_, most);
    for (std::size_t i = at; i < end; ++i) out[i] = before[i];
  }
  const std::size_t least = std::min(old.size(), now.size());
  const std::size_t between = least + (rng_.next() % (most - least + 1)) / sector_ * sector_;
  const std::size_t sizes[] = {old.size(), now.size(), old.size() <= now.size() ? between : now.size()};
  out.resize(sizes[rng_.next() % 3]);
  return out;
}

// What is left under the name; nothing: no such file.
std::optional<Bytes> Disk::ruin(const std::string& path, const State& state) {
  if (state.deleted) return rng_.next() % 2 && state.entry ? std::optional(state.platter) : std::nullopt;
  if (!state.entry && rng_.next() % 2) return std::nullopt;
  return blend(state, read_whole(path));
}

void Disk::cut_now() {
  off_ = true;
  for (const auto& [path, state] : *states_)
    if (state.deleted || fs::exists(path)) ruins_[path] = ruin(path, state);  // else it was renamed, and synced before
}

void Disk::power_up() {
  GOSSIP_CHECK(off_);
  for (const auto& [path, ruin] : ruins_) {
    fs::remove(path + "-shm");
    if (!ruin) {
      fs::remove(path);
      continue;
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(reinterpret_cast<const char*>(ruin->data()),
                                                                  static_cast<std::streamsize>(ruin->size()));
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    if (!path.ends_with("-wal") && rng_.next() % 2) {  // no -shm, or one with nothing of use in it
      std::ofstream(path + "-shm", std::ios::binary) << std::string(32768, static_cast<char>(rng_.next()));
      fs::permissions(path + "-shm", fs::perms::owner_read | fs::perms::owner_write);
    }
  }
  ruins_.clear();
  states_->clear();
  off_ = false;
  cut_at_ = 0;
}

}  // namespace gossip::test
