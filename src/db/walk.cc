#include "db/walk.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <queue>

namespace gossip::db {
namespace {

// Failures that are put up with in one band: a page that cannot be read costs one for each of its rows, and where nothing at all
// can be read, there is nothing to look for.
constexpr std::int64_t kFailures = 20'000, kTries = 200, kPerRow = 50;

// Most rowids are small; halves of all there are would never come near them.
constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kBands[] = {0, 1 << 10, 1 << 16, 1 << 24, kLast};

struct Range {  // rowids, both included
  std::int64_t low, high;
  std::uint64_t width() const { return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low); }
  bool operator<(const Range& other) const { return width() < other.width(); }
};

class Walk {
 public:
  Walk(Database& db, const std::string& table, const std::string& columns, const std::function<void(const Statement&)>& take)
      : take_(take) {
    const std::string all = "SELECT rowid, " + columns + " FROM " + table + " NOT INDEXED WHERE rowid>=?1 AND rowid<=?2 ORDER BY rowid";
    ways_[0] = db.prepare(all), ways_[1] = db.prepare(all + " DESC");
  }

  Walked run() {
    std::int64_t low = std::numeric_limits<std::int64_t>::min();
    for (const std::int64_t high : kBands) {
      band({low, high});
      if (high != kLast) low = high + 1;
    }
    return out_;
  }

 private:
  void band(const Range& whole) {
    std::priority_queue<Range> open;
    open.push(whole);
    for (std::int64_t failures = 0; !open.empty();) {
      const Range range = open.top();
      open.pop();
      const std::optional<Range> rest = narrow(range);
      if (!rest) continue;
      if (rest->high == kLast) out_.tail_lost = true;
      if (rest->low == rest->high || ++failures > std::min(kFailures, kTries + kPerRow * out_.rows)) {
        ++out_.gaps;
        continue;
      }
      const std::int64_t middle = rest->low + static_cast<std::int64_t>(rest->width() / 2);
      open.push({rest->low, middle});
      open.push({middle + 1, rest->high});
    }
  }

  // Reads from both ends; gives what is left between, nothing when all of it was read.
  std::optional<Range> narrow(Range range) {
    if (one_way(0, range)) return std::nullopt;
    if (range.low > range.high || one_way(1, range)) return std::nullopt;
    return range.low <= range.high ? std::optional(range) : std::nullopt;
  }

  enum class Next { kRow, kEnd, kBroken };

  static Next next(Statement& rows) try {
    return rows.step() ? Next::kRow : Next::kEnd;
  } catch (const Error& error) {
    if (!is_damage(error)) throw;
    return Next::kBroken;
  }

  // True when the range was read to its end. Otherwise takes off what was read.
  bool one_way(int backward, Range& range) {
    Using use(ways_[backward]);
    Statement& rows = ways_[backward];
    rows.bind(1, range.low).bind(2, range.high);
    for (;;) {
      const Next got = next(rows);
      if (got != Next::kRow) return got == Next::kEnd;
      const std::int64_t at = rows.integer(0);
      if (at < range.low || at > range.high) return false;  // out of order: a page that is not where it belongs
      take_(rows);
      ++out_.rows;
      if (range.low == range.high) return true;
      backward ? range.high = at - 1 : range.low = at + 1;
      if (range.low > range.high) return true;
    }
  }

  const std::function<void(const Statement&)>& take_;
  Statement ways_[2];
  Walked out_;
};

}  // namespace

bool is_damage(const Error& error) { return error.trouble() == Trouble::kDamaged || error.trouble() == Trouble::kIo; }

Walked walk(Database& db, const std::string& table, const std::string& columns, const std::function<void(const Statement&)>& take) {
  return Walk(db, table, columns, take).run();
}

}  // namespace gossip::db
