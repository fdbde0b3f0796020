#include "gossipd/indexer.h"

#include <algorithm>
#include <utility>

#include "db/messages.h"
#include "db/search.h"
#include "sys/log.h"

namespace gossip::daemon {
namespace {

// So many batches are looked through in milliseconds, and wait for real quiet; so many are too many to wait at all.
constexpr std::size_t kFew = 1, kMany = 16;
constexpr Micros kQuiet = kSecond;
constexpr Micros kRealQuiet = kMinute;
constexpr Micros kPause = 20 * kMillisecond;  // between steps, so that others get the disk and the loop
constexpr Micros kPauseGrowing = kSecond / 2;  // a catch-up is to have the disk and the loop nearly alone
constexpr Micros kPauseTrouble = kMinute;
constexpr const char* kRenewed = "the index of words was damaged and is made anew";

}  // namespace

Micros Indexer::wait() const {
  std::size_t batches = (size_ - mark_) / db::kIndexRows;
  if (batches < kMany) batches = std::max(batches, db::unindexed_bytes(db_) / db::kIndexBytes);
  if (batches >= kMany) return 0;
  return batches >= kFew ? kQuiet : kRealQuiet;
}

void Indexer::run(Now now) {
  if (given_up_) return;
  if (now.mono >= look_) {
    look_ = now.mono + kSecond;
    const Seq size = db::last_seq(db_);
    const Seq mark = db::search_mark(db_);
    if (mark < mark_) sys::warn(kRenewed);  // whoever dropped a text found it so
    mark_ = mark;
    if (size != size_) grew_ = now.mono;
    size_ = size;
    squeeze_ = db::squeeze_due(db_);
    if (mark_ >= size_ && !squeeze_) due_.reset();
    else due_ = std::max(grew_ + (squeeze_ ? kQuiet : wait()), not_before_);
  }
  if (due_ && now.mono >= *due_) step(now);
}

// Where it does not help, it may be the texts themselves; they are not what this is about.
void Indexer::renew() {
  db::Transaction transaction(db_);
  const bool empty = db::renew_search(db_);
  transaction.commit();
  mark_ = 0;
  squeeze_ = false;
  due_.reset();
  given_up_ = !empty || std::exchange(renewed_, true);
  if (given_up_) sys::warn("the index of words is damaged and cannot be made anew: searches look through all texts; gossipc recover helps");
  else sys::warn(kRenewed);
}

void Indexer::step(Now now) {
  const Micros begin = mono_us_();
  try {
    if (mark_ < size_) mark_ = db::index_some(db_);
    else cleared_ = !(squeeze_ = db::squeeze_search(db_));
    // Rationale: who waits to write looks only now and then whether it may; where a step takes long, so does the gap for that.
    const Micros took = mono_us_() - begin;
    not_before_ = now.mono + took + std::max(took, now.mono < grew_ + kQuiet ? kPauseGrowing : kPause);
  } catch (const db::Error& error) {
    if (db::spoils_search(error)) return renew();
    if (!error.may_pass()) throw;
    sys::debug(std::string("the index of words has to wait: ") + error.what());
    not_before_ = now.mono + kPauseTrouble;
  }
  if (mark_ >= size_ && !squeeze_) due_.reset();
  else due_ = not_before_;
}

}  // namespace gossip::daemon
