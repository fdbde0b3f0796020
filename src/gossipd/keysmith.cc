#include "gossipd/keysmith.h"

#include <algorithm>
#include <exception>

#include "db/peers.h"
#include "gossip/secret.h"
#include "sys/log.h"

namespace gossip::daemon {
namespace {

constexpr std::int64_t kAtOnce = 2;              // so many are made without a pause: one decoy, one for the first friend
constexpr Micros kPauseFilling = 3 * kSecond;    // at most, while spares are short
constexpr Micros kPauseFull = 5 * kSecond;       // at most, for the rest
constexpr Micros kPauseTrouble = 5 * kMinute;

std::optional<crypto::NewKey> forge(const int& bits) {
  try {
    return crypto::make_key(bits);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

PoolSize pool_size(int bits, int pool, int bogus_pct) { return {bits, pool, pool + (pool * bogus_pct + 99) / 100}; }

void ensure_first_key(db::Database& db, int bits) {
  if (db::unassigned_keys(db) > 0) return;
  sys::info("making the first key");
  crypto::NewKey key = crypto::make_key(bits);
  db::add_key(db, key.private_der, key.fp);
  wipe(key.private_der);
}

Keysmith::Keysmith(db::Database& db, Rng& rng, const PoolSize& size) : db_(db), rng_(rng), size_(size), forge_(forge) {}

bool Keysmith::pressing() const { return unassigned_ < std::min(kAtOnce, size_.target); }

Micros Keysmith::pause() {
  if (pressing()) return 0;
  return static_cast<Micros>(rng_.below(static_cast<std::uint64_t>(unassigned_ < size_.pool ? kPauseFilling : kPauseFull)));
}

void Keysmith::run(Now now) {
  for (auto made = forge_.take(); made; made = forge_.take()) {
    making_ = counted_ = false;
    try {
      if (!*made) throw db::Error(db::Trouble::kOther, "no key could be made");
      db::add_key(db_, (*made)->private_der, (*made)->fp);
      sys::debug("a key was made");
    } catch (const db::Error& error) {
      if (error.trouble() == db::Trouble::kIo || error.trouble() == db::Trouble::kDamaged) throw;
      sys::warn(std::string("a key could not be kept: ") + error.what());
      start_at_ = now.mono + kPauseTrouble;
      trouble_ = true;
    }
    if (*made) wipe((*made)->private_der);
  }
  if (making_) return;
  if (!counted_) {
    unassigned_ = db::unassigned_keys(db_);
    counted_ = true;
    if (unassigned_ >= size_.target) start_at_.reset();
    else if (!start_at_) start_at_ = now.mono + pause();
    else if (pressing() && !trouble_) start_at_ = now.mono;
  }
  if (!start_at_ || now.mono < *start_at_) return;
  start_at_.reset();
  trouble_ = false;
  making_ = true;
  forge_.post(size_.bits);
}

}  // namespace gossip::daemon
