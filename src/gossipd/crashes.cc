#include "gossipd/crashes.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "gossip/limits.h"
#include "sys/error.h"
#include "sys/files.h"
#include "sys/log.h"
#include "sys/signals.h"

namespace gossip::daemon {
namespace {

constexpr std::size_t kNote = 1 + 8 + 12;  // 1, the friend, the mark
constexpr std::size_t kMostNotes = 100;
constexpr Micros kPutOff[] = {kMinute, 10 * kMinute, kHour};

volatile std::uint8_t g_note[kNote];
std::string g_path;

std::string path_of(const std::string& db_path) { return db_path + ".crash"; }

}  // namespace

CrashDesk::CrashDesk(const std::string& db_path) {
  clear();
  g_path = path_of(db_path);
  sys::leave_at_crash(g_path.c_str(), g_note);
}

void CrashDesk::take(PeerId from, const Id12& mark) {
  for (std::size_t i = 0; i < 8; ++i) g_note[1 + i] = static_cast<std::uint8_t>(from >> (56 - 8 * i));
  for (std::size_t i = 0; i < mark.size(); ++i) g_note[9 + i] = mark[i];
  g_note[0] = 1;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

void CrashDesk::clear() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  g_note[0] = 0;
}

std::vector<db::Crash> left_behind(const std::string& db_path, std::int64_t now_ms) try {
  const sys::SmallFile file = sys::read_small_file(path_of(db_path), kMostNotes * kNote, true);
  if (!file.fault.empty()) throw sys::Error(path_of(db_path) + " " + file.fault, EINVAL);
  std::vector<db::Crash> out;
  Reader in(as_view(file.contents));
  while (in.left() >= kNote) {
    const bool note = in.u8() == 1;
    db::Crash crash{in.u64(), {}, now_ms};
    const View mark = in.take(crash.mark.size());
    std::copy(mark.begin(), mark.end(), crash.mark.begin());
    if (note) out.push_back(crash);
  }
  return out;
} catch (const sys::Error& error) {
  if (error.code() == ENOENT) return {};
  sys::warn(std::string("what a crash left behind cannot be read: ") + error.what());
  forget_left_behind(db_path);
  return {};
}

void forget_left_behind(const std::string& db_path) { ::unlink(path_of(db_path).c_str()); }

std::set<Id12> quarantine_of(const std::vector<db::Crash>& crashes) {
  std::set<Id12> out;
  for (const db::Crash& crash : crashes) out.insert(crash.mark);
  out.erase(Id12{});
  return out;
}

// By the wall clock, which may be set: so never for longer than from now on.
void put_off(PeerInfo& info, const std::vector<db::Crash>& crashes, std::int64_t wall_ms) {
  std::int64_t last = 0;
  for (const db::Crash& crash : crashes) {
    if (crash.peer != info.peer || crash.at_ms + kDayMs < wall_ms) continue;
    ++info.crashes;
    last = std::max(last, crash.at_ms);
  }
  if (info.crashes == 0) return;
  const Micros wait = kPutOff[std::min(std::size_t{info.crashes}, std::size(kPutOff)) - 1];
  info.put_off = std::clamp<Micros>((last - wall_ms) * kMillisecond + wait, 0, wait);
}

}  // namespace gossip::daemon
