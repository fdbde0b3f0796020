#include "db/retention.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "db/peers.h"
#include "db/schema.h"
#include "db/search.h"
#include "gossip/limits.h"

namespace gossip::db {
namespace {

constexpr std::int64_t kLeapMs = 2 * kDayMs, kStandsMs = kDayMs;
constexpr Micros kLook = 5 * kSecond;            // at the sizes; in a turn that comes anyway
constexpr Micros kClockEvery = 60 * kMinute;
constexpr Micros kPause = 10 * kMillisecond;     // between steps: others write too
constexpr Micros kInTheWay = kSecond;
constexpr Micros kOverfullLook = 10 * kMinute;
constexpr std::int64_t kStepRows = 500, kStepBytes = 1 << 20;
constexpr std::int64_t kFreePages = 256;         // 1 MiB; so many are given back in one step too
constexpr std::int64_t kBefore = 1000;

constexpr const char* kByAge = "dropped_by_age";
constexpr const char* kBySize = "dropped_by_size";
constexpr const char* kByHand = "deleted";
constexpr const char* kBytes = "dropped_bytes";

// A time or a size from the file, kept where arithmetic is safe whatever stands there.
std::int64_t bounded(std::int64_t value, std::int64_t most = std::int64_t{1} << 52) { return std::clamp<std::int64_t>(value, 0, most); }

std::int64_t counter(Database& db, std::string_view name) {
  Using row(db.kept("SELECT n FROM counter WHERE name=?"));
  return row->bind(1, name).step() ? row->integer(0) : 0;
}

struct Total {  // of what is kept
  std::int64_t texts = 0, bytes = 0, own_bytes = 0;
};

Total total_of(Database& db) {
  Statement row = db.prepare("SELECT texts, bytes, own_bytes FROM total");
  if (!row.step()) return {};
  return {bounded(row.integer(0)), bounded(row.integer(1)), bounded(row.integer(2))};
}

// What every friend that could fetch it has acknowledged; 0 where there is none.
Seq passed_by_all(Database& db) {
  return static_cast<Seq>(bounded(db.number(
      "SELECT coalesce(min(coalesce(s.acked, 0)), 0) FROM peers p LEFT JOIN peer_sync s ON s.peer=p.id AND s.gen=p.gen"
      " WHERE p.pub IS NOT NULL AND p.until_ms=0")));  // who was invited is none yet
}

// Of our own, what may not go yet.
std::int64_t held_back(Database& db) {
  Statement row = db.prepare("SELECT coalesce(sum(size), 0) FROM log WHERE seq>? AND via=0");
  return row.bind(1, signed_of(passed_by_all(db))).step() ? row.integer(0) : 0;
}

std::int64_t target_of(std::int64_t most) { return most - most / 16; }

// Takes bodies away, in the caller's transaction.
class Dropper {
 public:
  explicit Dropper(Database& db)
      : db_(db), body_(db.prepare("DELETE FROM body WHERE seq=?")), row_(db.prepare("UPDATE log SET size=0 WHERE seq=?")) {}
  bool drop(Seq seq) {  // false: somebody was quicker
    forget_text(db_, seq);
    body_.bind(1, signed_of(seq)).run();
    if (db_.changes() == 0) return false;
    row_.bind(1, signed_of(seq)).run();
    return true;
  }

 private:
  Database& db_;
  Statement body_, row_;
};

// Who has the database keeps it: there is no hurry here.
class Unwaiting {
 public:
  explicit Unwaiting(Database& db) : db_(db), before_(static_cast<int>(db.pragma("busy_timeout"))) {
    sqlite3_busy_timeout(db_.raw(), 0);
  }
  Unwaiting(const Unwaiting&) = delete;
  ~Unwaiting() { sqlite3_busy_timeout(db_.raw(), before_); }

 private:
  Database& db_;
  const int before_;
};

}  // namespace

std::optional<std::int64_t> delete_text(Database& db, Seq seq) {
  Transaction transaction(db);
  check_version(db);
  Statement row = db.prepare("SELECT size FROM log WHERE seq=?");
  const std::int64_t size = row.bind(1, signed_of(seq)).step() ? row.integer(0) : 0;
  row.reset();
  if (!Dropper(db).drop(seq)) return std::nullopt;
  add_counter(db, kByHand, 1);
  add_counter(db, kBytes, size);
  transaction.commit();
  return size;
}

void KeepClock::look(std::int64_t wall_ms) {
  const auto leapt = [&](std::int64_t from_ms) { return std::max(wall_ms, from_ms) - std::min(wall_ms, from_ms) > kLeapMs; };
  const bool again = doubted_ms == 0 || wall_ms < doubted_ms || leapt(last_ms);
  if (leapt(trusted_ms) && !again && wall_ms - doubted_ms >= kStandsMs) trusted_ms = doubted_ms;
  if (!leapt(trusted_ms)) {
    trusted_ms = wall_ms;
    doubted_ms = 0;
  } else if (again) {
    doubted_ms = wall_ms;
  }
  last_ms = wall_ms;
}

Retention::Retention(Database& db, const Limits& limits)
    : db_(db), limits_(limits), shrinks_(db.pragma("auto_vacuum") == 2), deleted_(counter(db, kByHand)) {
  const auto noted = [&](const char* key) { return bounded(meta_number(db, key).value_or(0)); };
  clock_ = {noted("keep_clock"), noted("keep_clock_doubted"), noted("keep_clock_last")};
}

void Retention::run(Now now) {
  if (now.mono < run_at_) return;
  more_ = false;
  try {
    Unwaiting impatient(db_);
    more_ = step(now) == Step::kMore;
  } catch (const Error& error) {
    if (!error.may_pass()) throw;
    run_at_ = now.mono + kInTheWay;
    return;
  }
  run_at_ = now.mono + (more_ ? kPause : kLook);
  pass_over_ = pass_over_ || (!more_ && (shrank_ || pass_.by_age + pass_.by_size > 0));
}

std::optional<Micros> Retention::next_deadline() const { return more_ ? std::optional(run_at_) : std::nullopt; }

std::optional<Dropped> Retention::take_done() {
  if (!std::exchange(pass_over_, false)) return std::nullopt;
  shrank_ = false;
  return std::exchange(pass_, {});
}

bool Retention::deleted_by_hand() {
  const std::int64_t now = counter(db_, kByHand);
  return std::exchange(deleted_, now) != now;
}

Retention::Step Retention::step(Now now) {
  if (limits_.keep_ms > 0 && now.mono >= clock_at_) {
    look_at_clock(now.wall_ms);
    clock_at_ = now.mono + kClockEvery;
    aging_ = true;
    aged_at_ = 0;
  }
  if (aging_ && by_age() == Step::kMore) return Step::kMore;
  aging_ = false;
  if (limits_.max_bytes > 0 && now.mono >= size_at_ && by_size(now) == Step::kMore) return Step::kMore;
  return shrinks_ ? shrink() : Step::kNothing;
}

// --- by age

void Retention::look_at_clock(std::int64_t wall_ms) {
  if (clock_.trusted_ms == 0) {  // what was heard last is some help against a clock that is wrong just now
    const std::int64_t heard = db_.number("SELECT heard_ms FROM log ORDER BY seq DESC LIMIT 1");
    clock_.trusted_ms = heard > 0 ? bounded(heard) : wall_ms;
  }
  clock_.look(wall_ms);
  meta_put(db_, "keep_clock", std::to_string(clock_.trusted_ms));
  meta_put(db_, "keep_clock_doubted", std::to_string(clock_.doubted_ms));
  meta_put(db_, "keep_clock_last", std::to_string(clock_.last_ms));
}

std::vector<Retention::Kept> Retention::kept_after(Seq seq) {
  Statement rows = db_.prepare(
      "SELECT b.seq, l.via, l.size, l.heard_ms FROM body b CROSS JOIN log l ON l.seq=b.seq WHERE b.seq>? ORDER BY b.seq LIMIT ?");
  rows.bind(1, signed_of(seq)).bind(2, kStepRows);
  std::vector<Kept> out;
  while (rows.step()) {
    out.push_back({static_cast<Seq>(rows.integer(0)), static_cast<PeerId>(rows.integer(1)), bounded(rows.integer(2), kMaxMessage),
                   rows.integer(3)});
  }
  return out;
}

// The latest time heard of those before the row, or else the next there is after them, or else now.
std::int64_t Retention::heard_before(Seq seq) {
  Statement before = db_.prepare("SELECT max(heard_ms) FROM log WHERE seq<=?1 AND seq>?1-?2 AND heard_ms<=?3");
  before.bind(1, signed_of(seq)).bind(2, kBefore).bind(3, clock_.trusted_ms);
  if (before.step() && !before.null(0)) return before.integer(0);
  Statement after = db_.prepare("SELECT heard_ms FROM log WHERE seq>? AND heard_ms<=? ORDER BY seq LIMIT 1");
  return after.bind(1, signed_of(seq)).bind(2, clock_.trusted_ms).step() ? after.integer(0) : clock_.trusted_ms;
}

Retention::Step Retention::by_age() {
  const std::vector<Kept> rows = kept_after(aged_at_);
  if (rows.empty()) return Step::kNothing;
  const Seq passed = passed_by_all(db_);
  std::vector<Kept> which;
  Seq looked = aged_at_;
  std::int64_t heard = heard_before(rows.front().seq), bytes = 0;
  bool fresh = false;
  for (const Kept& row : rows) {
    if (row.heard_ms <= clock_.trusted_ms) heard = std::max(heard, row.heard_ms);
    fresh = heard > clock_.trusted_ms - limits_.keep_ms;
    if (fresh || bytes >= kStepBytes) break;
    looked = row.seq;
    if (row.via == 0 && row.seq > passed) continue;
    which.push_back(row);
    bytes += row.size;
  }
  drop(which, true);
  aged_at_ = looked;
  return fresh ? Step::kNothing : Step::kMore;
}

// --- by size

Retention::Step Retention::by_size(Now now) {
  const Total total = total_of(db_);
  const std::int64_t target = target_of(limits_.max_bytes);
  if (total.bytes <= (dropping_ ? target : limits_.max_bytes)) {
    dropping_ = overfull_ = false;
    own_at_ = 0, own_found_ = 0;
    return Step::kNothing;
  }
  const Seq passed = passed_by_all(db_);
  if (!dropping_ && total.own_bytes - own_found_ > target) return look_for_enough(now, passed, total.own_bytes - target);
  if (!std::exchange(dropping_, true)) own_at_ = 0, own_found_ = 0;
  std::vector<Kept> rows = kept_after(others_at_), which;
  const bool others = !rows.empty();
  if (!others) rows = kept_after(own_at_);
  if (rows.empty() || (!others && rows.front().seq > passed)) {  // there is less than there was when it began
    dropping_ = false;
    own_at_ = 0;
    size_at_ = now.mono + kLook;
    return Step::kNothing;
  }
  Seq& at = others ? others_at_ : own_at_;
  Seq looked = at;
  std::int64_t bytes = 0;
  for (const Kept& row : rows) {
    if (bytes >= std::min(total.bytes - target, kStepBytes)) break;
    looked = row.seq;
    if (others ? row.via == 0 : row.via != 0 || row.seq > passed) continue;
    which.push_back(row);
    bytes += row.size;
  }
  drop(which, false);
  at = looked;
  return Step::kMore;
}

// Before anything goes: without so much of our own the target is not reached.
Retention::Step Retention::look_for_enough(Now now, Seq passed, std::int64_t missing) {
  const std::vector<Kept> rows = kept_after(own_at_);
  for (const Kept& row : rows) {
    own_at_ = row.seq;
    if (row.via == 0 && row.seq <= passed) own_found_ += row.size;
  }
  if (own_found_ >= missing || (!rows.empty() && own_at_ < passed)) return Step::kMore;
  overfull_ = true;
  own_at_ = 0, own_found_ = 0;
  size_at_ = now.mono + kOverfullLook;
  return Step::kNothing;
}

void Retention::drop(const std::vector<Kept>& which, bool by_age) {
  if (which.empty()) return;
  Transaction transaction(db_);
  check_version(db_);
  Dropper dropper(db_);
  std::int64_t texts = 0, bytes = 0;
  for (const Kept& row : which) {
    if (!dropper.drop(row.seq)) continue;
    ++texts;
    bytes += row.size;
  }
  add_counter(db_, by_age ? kByAge : kBySize, texts);
  add_counter(db_, kBytes, bytes);
  transaction.commit();
  (by_age ? pass_.by_age : pass_.by_size) += texts;
  pass_.bytes += bytes;
}

// --- the file

Retention::Step Retention::shrink() {
  if (db_.pragma("freelist_count") < kFreePages) return Step::kNothing;
  Transaction transaction(db_);
  check_version(db_);
  db_.prepare("PRAGMA incremental_vacuum(" + std::to_string(kFreePages) + ")").run();
  transaction.commit();
  shrank_ = true;
  return Step::kMore;
}

RetentionFacts retention_facts(Database& db) {
  RetentionFacts out;
  const Total total = total_of(db);
  out.kept = total.texts;
  out.used_bytes = total.bytes;
  out.by_age = counter(db, kByAge);
  out.by_size = counter(db, kBySize);
  out.by_hand = counter(db, kByHand);
  out.bytes = counter(db, kBytes);
  out.keep = meta_number(db, "keep");
  out.max_store = meta_number(db, "max_store");
  const std::int64_t most = bounded(out.max_store.value_or(0));
  out.overfull = most > 0 && total.bytes > most && held_back(db) > target_of(most);
  return out;
}

}  // namespace gossip::db
