// Log's inside: log.cc reads, log_write.cc writes.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/log.h"
#include "db/sqlite.h"
#include "gossip/secret.h"
#include "gossip/time.h"

namespace gossip::db {

constexpr std::size_t kToldAtOnce = 16'384;  // rows that wait for a commit

inline std::int64_t day_of(std::int64_t wall_ms) { return wall_ms / kDayMs; }

template <std::size_t N>
void copy_to(std::array<std::uint8_t, N>& out, View from) {
  if (from.size() != N) throw Error(Trouble::kDamaged, "the database has a value of the wrong size");
  std::copy(from.begin(), from.end(), out.begin());
}

// What a transaction adds to the log, and so to total.
struct Growth {
  std::int64_t own = 0, texts = 0, bytes = 0, own_bytes = 0;
};

struct Log::Impl {
  Impl(Database& database, Crypto& crypto_port, std::int64_t (*clock)(), Desk* desk_port);

  bool append(Seq seq, const Incoming& message, std::int64_t heard_ms);
  void count_grown();
  void keep_chain(Seq seq);
  Hash kept_chain(Seq seq);
  Hash fold(Hash chain, Seq after, Seq upto);
  Hash chain(Seq seq);
  void move(const CursorUpdate& update);
  void note(const AckUpdate& update);
  Seq find(std::uint64_t epoch, const Id12& id12);
  bool store(Seq seq, const Incoming& message, std::int64_t heard_ms, std::map<PeerId, std::uint64_t>& taken);
  void note_told(Seq seq, const Told& by, std::int64_t now_ms);
  void write_told(std::int64_t now_ms);
  void write_told_at_once();
  void close_body();
  void put_down() const { if (desk) desk->clear(); }
  void count_taken(const std::map<PeerId, std::uint64_t>& bytes, std::int64_t now_ms);
  [[noreturn]] void damaged(const std::string& how) const;

  Database& db;
  Crypto& crypto;
  std::int64_t (*wall_ms)();
  Desk* desk;
  Secret32 key;
  Growth growth;             // in this transaction, not in total yet
  Seq size = 0;
  std::int64_t version = 0;  // PRAGMA data_version when size was read
  bool appended = false;     // by append(), which data_version of this connection does not show

  std::int64_t told_ms = 0;  // messages not older than this have it noted who told us of them
  std::vector<std::pair<Seq, Told>> told;
  std::optional<Snapshot> reads;
  Seq open_at = 0;  // among reads, where body stands: those in a row are read in a row

  // Chains lately asked for. A committed row never changes, so neither does its chain.
  struct Cached {
    Seq seq = 0;
    Hash chain{};
  };
  std::array<Cached, 8> cache{};
  std::size_t next_cached = 0;

  Statement data_version, held, rows, ids, body, chain_row, cursor, ladder, add_row, add_body, add_chain, reset, advance, ack, take,
      taken, tell, tell_fresh, grow;
};

}  // namespace gossip::db
