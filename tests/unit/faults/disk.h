// Disk: SQLite's default VFS while it lives, over the system's own. Calls fail when they are told to, and the power can be cut:
// what was written since a file's last sync is then kept, dropped or torn, sector by sector, as the seed says. The same seed and
// the same calls give the same ruins. One thread only.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "gossip/bytes.h"
#include "support/test_rng.h"

namespace gossip::test {

enum class Op { kOpen, kRead, kWrite, kSync, kTruncate, kDelete, kCount };
const char* name_of(Op op);

struct Fault {
  Op op = Op::kWrite;
  std::uint64_t at = 1;       // the so manieth call of this kind from now on
  int code = SQLITE_IOERR;    // what it gives
  int error = 0;              // and errno
  bool part = false;          // of a write: half of it is done
};

class Disk {
 public:
  explicit Disk(std::uint64_t seed);
  Disk(const Disk&) = delete;
  ~Disk();

  void fail(const Fault& fault);
  void heal() { fault_.reset(); }
  bool struck() const { return struck_; }
  std::uint64_t calls(Op op) const { return calls_[static_cast<std::size_t>(op)]; }
  std::uint64_t synced_after_failure() const { return retried_; }  // syncs of a file, by the very connection whose sync failed

  // The so manieth change of the disk from now on (a file made or deleted, a write, a truncation, a sync) is the last one, and may
  // itself be half done. From then on every call fails.
  void cut_at(std::uint64_t change) { cut_at_ = change; }
  void cut_now();
  void lie() { lies_ = true; }       // from now on a sync does nothing, and says that it was done
  bool off() const { return off_; }
  void power_up();                   // puts in place what the cut left. REQUIRES no open connection

 private:
  struct State;                      // of one path: what is on the platter, and which sectors are not
  struct File;
  struct Methods;
  using States = std::map<std::string, State>;

  bool strikes(Op op, int& code, bool& part);
  bool last_change();
  Bytes blend(const State& state, const Bytes& now);
  std::optional<Bytes> ruin(const std::string& path, const State& state);
  State& state_of(const std::string& path, bool made);

  sqlite3_vfs vfs_{};
  sqlite3_vfs* beneath_;
  TestRng rng_;
  std::array<std::uint64_t, static_cast<std::size_t>(Op::kCount)> calls_{};
  std::optional<Fault> fault_;
  bool struck_ = false, off_ = false, lies_ = false;
  std::uint64_t cut_at_ = 0, retried_ = 0;
  std::size_t sector_ = 512;
  std::unique_ptr<States> states_;
  std::map<std::string, std::optional<Bytes>> ruins_;
};

}  // namespace gossip::test
