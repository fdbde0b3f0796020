// Indexer: keeps the index of words up with the log, a small batch at a time, when nothing comes in. What it has not done yet,
// whoever searches looks through, so nothing waits for it.
#pragma once

#include <optional>
#include <utility>

#include "db/sqlite.h"
#include "gossip/ports.h"
#include "gossip/time.h"
#include "sys/clock.h"

namespace gossip::daemon {

class Indexer {
 public:
  // mono_us: asked how long a step takes.
  explicit Indexer(db::Database& db, std::int64_t (*mono_us)() = sys::mono_us) : db_(db), mono_us_(mono_us) {}
  void run(Now now);                                                       // looks at the log at most once a second
  std::optional<Micros> next_deadline() const { return due_; }  // none while there is nothing to do
  bool take_cleared() { return std::exchange(cleared_, false); }  // words were: what the file has of them is to be overwritten

 private:
  Micros wait() const;
  void step(Now now);
  void renew();
  db::Database& db_;
  std::int64_t (*const mono_us_)();
  Seq size_ = 0, mark_ = 0;
  Micros grew_ = 0;  // when the log last did
  Micros look_ = 0, not_before_ = 0;
  bool squeeze_ = false;  // there is something to clear away
  bool cleared_ = false;
  bool renewed_ = false;  // it was damaged
  bool given_up_ = false;  // damaged again: searching does without it
  std::optional<Micros> due_;
};

}  // namespace gossip::daemon
