#include "db/handover.h"

#include <algorithm>

#include "db/messages.h"
#include "db/mute.h"
#include "db/peers.h"
#include "db/sealed.h"

namespace gossip::db {

static constexpr Seq kScan = 5'000;  // rows looked at in one turn of the daemon
static constexpr std::string_view kMark = "handed_upto";

// A log that was set back is handed over from where it is.
Seq handed_upto(Database& db) {
  const Seq last = last_seq(db);
  if (const auto upto = meta_number(db, kMark)) return std::min(static_cast<Seq>(*upto), last);
  note_handed(db, last);
  return last;
}

void note_handed(Database& db, Seq upto) { meta_put(db, kMark, std::to_string(upto)); }

std::optional<Handed> next_to_hand(Database& db, Seq after, std::int64_t now_ms, Seq& scanned) {
  const Seq last = last_seq(db), end = last - std::min(after, last) > kScan ? after + kScan : std::max(after, last);
  Statement row = db.prepare("SELECT l.seq, lower(hex(l.id)), " + Columns(db).name_sql("who.name", "w.id", "w.name") +
                             ", b.sender, strftime('%Y-%m-%dT%H:%M:%SZ', l.heard_ms / 1000, 'unixepoch'), b.text"
                             " FROM log l JOIN who w ON w.id=l.via JOIN body b ON b.seq=l.seq"
                             " WHERE l.seq>?1 AND l.seq<=?2 AND l.via<>0 AND b.sender IS NOT NULL" +
                             not_muted("?3") + " ORDER BY l.seq LIMIT 1");
  row.bind(1, signed_of(after)).bind(2, signed_of(end)).bind(3, now_ms);
  scanned = end;
  if (!row.step()) return std::nullopt;
  const auto text = [&](int column) { return std::string(row.text(column)); };
  Handed out{static_cast<Seq>(row.integer(0)), text(1), text(2), text(3), text(4), text(5)};
  scanned = out.seq;
  return out;
}

}  // namespace gossip::db
