// Dropping texts: by age, by size, by hand (gossipd(8), Retention). The body goes and its pages are overwritten; the row of the log
// stays, with size 0, so that what was dropped is still known and never taken again.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "db/sqlite.h"
#include "gossip/ports.h"
#include "gossip/time.h"

namespace gossip::db {

// In a transaction of its own. Gives the message's size; nothing when its text was gone already.
std::optional<std::int64_t> delete_text(Database& db, Seq seq);

// Which time it is, for what goes by age. A clock within two days of where it was at the last look is gone by. One that leapt
// further, ahead or back, is gone by when it has stood for a day without another such leap, and then by where it was seen first: so
// that a machine which starts with a wrong date, once or many times, drops nothing.
struct KeepClock {
  std::int64_t trusted_ms = 0;  // 0: never looked
  std::int64_t doubted_ms = 0;  // where one that leapt was seen first; 0: none
  std::int64_t last_ms = 0;     // at the last look
  void look(std::int64_t wall_ms);
};

struct Limits {
  std::int64_t keep_ms = 0;    // 0: for ever
  std::int64_t max_bytes = 0;  // of the messages that are kept, as the log has their sizes; 0: no limit
};

struct Dropped {
  std::int64_t by_age = 0, by_size = 0, bytes = 0;
};

// What the worker does of it, in steps that each hold the database for milliseconds and never wait for it.
//   by age    once an hour, whatever was heard `keep_ms` ago. Texts are in the order heard: none counts as older than one of the
//             thousand before it, and a time that is yet to come counts for nothing
//   by size   above the limit, down to 15/16 of it: the oldest of others first, then the oldest of our own. Nothing goes where all
//             that may go would not be enough
// Our own go only when every friend with a key has passed them, and never while there is no such friend.
//   the file  shrinks while more than 1 MiB of it is free
class Retention {
 public:
  Retention(Database& db, const Limits& limits);
  void run(Now now);                            // every turn
  std::optional<Micros> next_deadline() const;  // only while there is more to do
  // Once for each pass that dropped something or gave pages back: what was dropped is still in the -wal.
  std::optional<Dropped> take_done();
  bool deleted_by_hand();  // by another program, since the last call
  bool overfull() const { return overfull_; }   // above the limit, and what may be dropped is not enough

 private:
  struct Kept {
    Seq seq = 0;
    PeerId via = 0;
    std::int64_t size = 0, heard_ms = 0;
  };
  enum class Step { kNothing, kMore };
  Step step(Now now);
  Step by_age();
  Step by_size(Now now);
  Step look_for_enough(Now now, Seq passed, std::int64_t missing);
  Step shrink();
  void look_at_clock(std::int64_t wall_ms);
  std::int64_t heard_before(Seq seq);
  std::vector<Kept> kept_after(Seq seq);
  void drop(const std::vector<Kept>& which, bool by_age);

  Database& db_;
  const Limits limits_;
  const bool shrinks_;
  KeepClock clock_;
  std::int64_t deleted_ = 0;   // by hand, as last seen
  Seq others_at_ = 0;          // no text of others is kept up to here
  Seq own_at_ = 0;             // looked through for our own in this pass
  std::int64_t own_found_ = 0; // bytes of our own that may go, up to there
  Seq aged_at_ = 0;            // looked through for what is too old, since the clock was looked at
  bool dropping_ = false;      // since the limit was passed, until there is room again
  bool overfull_ = false;
  bool aging_ = false;         // the clock was looked at, and what is too old is not all gone
  Dropped pass_;
  bool shrank_ = false;
  bool pass_over_ = false;
  bool more_ = false;
  Micros run_at_ = 0, clock_at_ = 0, size_at_ = 0;
};

// For status.
struct RetentionFacts {
  std::int64_t kept = 0, by_age = 0, by_size = 0, by_hand = 0, bytes = 0;  // texts there are; texts and bytes that are not any more
  std::int64_t used_bytes = 0;                                             // what max_store limits
  std::optional<std::int64_t> keep, max_store;                             // days and bytes, as the daemon last had them
  bool overfull = false;                                                   // above max_store, and what may be dropped is not enough
};
RetentionFacts retention_facts(Database& db);

}  // namespace gossip::db
