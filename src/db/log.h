// Log: the Store port on SQLite, and the one append function every program uses.
#pragma once

#include <memory>
#include <optional>

#include "db/sqlite.h"
#include "gossip/ports.h"

namespace gossip::db {

class Log : public Store {
 public:
  // REQUIRES db and crypto to outlive it. `wall_ms` is asked at each commit for heard_ms.
  Log(Database& db, Crypto& crypto, std::int64_t (*wall_ms)(), Desk* desk = nullptr);
  ~Log() override;

  // One lock and one look at the WAL for all that is read between. Rationale: for a single row they cost more than the row itself.
  void begin_reads() override;
  void end_reads() noexcept override;
  Seq size() override;  // cached; refreshed by refresh() and commit()
  bool held(std::uint64_t epoch, const Id12& id12) override;
  bool told(std::uint64_t epoch, const Id12& id12, const Told& by) override;
  std::size_t rows(Seq after, std::span<LogRow> out) override;
  bool body(Seq seq, Bytes& message) override;
  Hash chain(Seq seq) override;
  View log_key() override;
  Cursor cursor(PeerId peer, std::uint64_t gen) override;
  Ladder ladder(PeerId peer, std::uint64_t gen) override;
  // Throws Error(kIo) after a failed fsync or I/O error; false for kFull and kBusy.
  Committed commit(std::span<const Incoming> messages, std::span<const CursorUpdate> cursors,
                   std::span<const AckUpdate> acks) override;
  std::uint64_t taken_today(PeerId peer) override;

  // Who tells us of a message is kept until the message is so old, of messages younger than that; 0: not at all, as at first. What
  // told() noted waits for the next commit, or until there is a batch of it; without either it is lost with the process.
  void keep_told(std::int64_t days);

  // What another program committed becomes visible. True when anything in the file changed since the last call (PRAGMA
  // data_version): cheap, for every loop turn.
  bool refresh();

  // Appends inside the caller's transaction; nothing when (scope, epoch, id) is there already. gossipc send uses this, as commit
  // does: ON CONFLICT DO NOTHING, seq dense, chain kept for every 256th row.
  std::optional<Seq> append(const Incoming& message, std::int64_t heard_ms);
  void append(std::span<const Incoming> messages, std::int64_t heard_ms);  // quicker than one by one

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gossip::db
