#include "db/body.h"
#include "db/log_impl.h"
#include "db/messages.h"
#include "gossip/chain.h"
#include "gossip/limits.h"
#include "gossip/message.h"

namespace gossip::db {

// As row `seq`, the one behind the last. False: it is there already.
bool Log::Impl::append(Seq seq, const Incoming& message, std::int64_t heard_ms) {
  if (desk) desk->take(message.via, front_of(message.id));
  const BodyColumns columns = split_body(message.message);
  const std::int64_t bytes = signed_of(message.message.size());
  {
    Using use(add_row);
    use->bind(1, signed_of(message.epoch)).bind(2, message.id).bind(3, signed_of(message.via)).bind(4, heard_ms);
    use->bind(5, bytes).bind(6, signed_of(seq)).step();
    if (db.changes() == 0) return false;
  }
  Using use(add_body);
  use->bind(1, signed_of(seq)).bind(2, columns.head);
  if (columns.known) use->bind(3, columns.sender).bind(4, columns.text);
  use->step();
  if (seq % kChainStep == 0) keep_chain(seq);
  const bool own = message.via == 0;
  growth.own += own;
  growth.texts += 1;
  growth.bytes += bytes;
  growth.own_bytes += own ? bytes : 0;
  return true;
}

// Before the transaction ends.
void Log::Impl::count_grown() {
  const Growth by = std::exchange(growth, {});
  if (by.texts == 0) return;
  Using use(grow);
  use->bind(1, by.own).bind(2, by.texts).bind(3, by.bytes).bind(4, by.own_bytes).step();
}

// Inside the writing transaction, so without the cache: what it computes may yet be rolled back.
void Log::Impl::keep_chain(Seq seq) {
  Hash chain = fold(kept_chain(seq - kChainStep), seq - kChainStep, seq);
  Using use(add_chain);
  use->bind(1, signed_of(seq)).bind(2, chain).step();
}

void Log::Impl::move(const CursorUpdate& update) {
  const Cursor& to = update.cursor;
  Using use(update.reset ? reset : advance);
  use->bind(1, signed_of(to.seq)).bind(2, to.tag);
  use->bind(3, signed_of(update.peer)).bind(4, signed_of(update.gen)).bind(5, to.log_id);
  Bytes rungs;
  if (update.ladder) {
    for (const Rung& rung : *update.ladder) Writer(rungs).u64(rung.upto).bytes(rung.tag);
    use->bind(6, rungs);
  }
  use->step();
}

void Log::Impl::note(const AckUpdate& update) {
  Using use(ack);
  use->bind(1, signed_of(update.acked)).bind(2, signed_of(update.peer)).bind(3, signed_of(update.gen)).step();
}

// --- who told us

void Log::Impl::note_told(Seq seq, const Told& by, std::int64_t now_ms) {
  Using use(tell);
  use->bind(1, signed_of(seq)).bind(2, signed_of(by.peer)).bind(3, by.at_ms).bind(4, now_ms - told_ms).step();
}

// Inside a transaction; the caller forgets them behind it.
void Log::Impl::write_told(std::int64_t now_ms) {
  for (const auto& [seq, by] : told) note_told(seq, by, now_ms);
}

// In a transaction of its own.
void Log::Impl::write_told_at_once() {
  done([&] {
    Transaction transaction(db);
    write_told(wall_ms());
    transaction.commit();
  });
  told.clear();  // not worth keeping until there is room
}

// False: it was there already.
bool Log::Impl::store(Seq seq, const Incoming& message, std::int64_t heard_ms, std::map<PeerId, std::uint64_t>& counts) {
  if (append(seq, message, heard_ms)) {
    counts[message.via] += message.message.size() + kRowCost;
    for (std::size_t i = 0; told_ms > 0 && i < message.told.size(); ++i) {
      Using use(tell_fresh);
      use->bind(1, signed_of(seq)).bind(2, signed_of(message.told[i].peer)).bind(3, message.told[i].at_ms).step();
    }
    return true;
  }
  if (told_ms == 0) return false;
  const Seq there = find(message.epoch, front_of(message.id));
  note_told(there, {message.via, heard_ms}, heard_ms);
  for (const Told& by : message.told) note_told(there, by, heard_ms);
  return false;
}

void Log::Impl::count_taken(const std::map<PeerId, std::uint64_t>& bytes, std::int64_t now_ms) {
  for (const auto& [peer, count] : bytes) {
    Using use(take);
    use->bind(1, day_of(now_ms)).bind(2, signed_of(count)).bind(3, signed_of(peer)).step();
  }
}

// --- the port

Committed Log::commit(std::span<const Incoming> messages, std::span<const CursorUpdate> cursors, std::span<const AckUpdate> acks) {
  Committed out{true, 0};
  if (messages.empty() && cursors.empty() && acks.empty()) return out;
  try {
    Transaction transaction(impl_->db);
    const std::int64_t heard_ms = impl_->wall_ms();
    std::map<PeerId, std::uint64_t> taken;
    const Seq last = messages.empty() ? 0 : last_seq(impl_->db);
    impl_->growth = {};  // of one that failed
    for (const Incoming& message : messages) out.stored += impl_->store(last + out.stored + 1, message, heard_ms, taken);
    impl_->count_grown();
    impl_->write_told(heard_ms);
    impl_->put_down();  // what follows is nobody's
    impl_->count_taken(taken, heard_ms);
    for (const CursorUpdate& update : cursors) impl_->move(update);
    for (const AckUpdate& update : acks) impl_->note(update);
    transaction.commit();
  } catch (const Error& error) {
    impl_->put_down();
    if (error.may_pass()) return {};
    throw;
  }
  impl_->told.clear();
  impl_->size = last_seq(impl_->db);
  return out;
}

std::optional<Seq> Log::append(const Incoming& message, std::int64_t heard_ms) {
  const Seq seq = last_seq(impl_->db) + 1;
  append({&message, 1}, heard_ms);
  return last_seq(impl_->db) == seq ? std::optional(seq) : std::nullopt;
}

void Log::append(std::span<const Incoming> messages, std::int64_t heard_ms) {
  impl_->appended = true;
  impl_->growth = {};
  Seq seq = last_seq(impl_->db) + 1;
  for (const Incoming& message : messages) seq += impl_->append(seq, message, heard_ms);
  impl_->count_grown();
}

}  // namespace gossip::db
