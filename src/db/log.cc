#include "db/body.h"
#include "db/log_impl.h"
#include "db/messages.h"
#include "gossip/chain.h"
#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip::db {

Log::Impl::Impl(Database& database, Crypto& crypto_port, std::int64_t (*clock)(), Desk* desk_port)
    : db(database), crypto(crypto_port), wall_ms(clock), desk(desk_port) {
  data_version = db.prepare("PRAGMA data_version");
  held = db.prepare("SELECT seq FROM log WHERE scope=0 AND epoch=? AND id>=? AND id<=? LIMIT 1");
  rows = db.prepare("SELECT seq, epoch, id, via, size FROM log WHERE seq>? AND seq<=? ORDER BY seq LIMIT ?");
  ids = db.prepare("SELECT id FROM log WHERE seq>? AND seq<=? ORDER BY seq");
  body = db.prepare("SELECT seq, head, sender, text FROM body WHERE seq>=? ORDER BY seq");
  chain_row = db.prepare("SELECT chain FROM log_chain WHERE seq=?");
  cursor = db.prepare("SELECT log_id, cursor, tag FROM peer_sync WHERE peer=? AND gen=?");
  ladder = db.prepare("SELECT ladder FROM peer_sync WHERE peer=? AND gen=?");
  add_row = db.prepare(
      "INSERT INTO log(seq, scope, epoch, id, via, heard_ms, size)"
      " VALUES(?6, 0, ?1, ?2, ?3, ?4, ?5) ON CONFLICT(scope, epoch, id) DO NOTHING");
  add_body = db.prepare("INSERT INTO body(seq, head, sender, text) VALUES(?, ?, ?, ?)");
  add_chain = db.prepare("INSERT INTO log_chain(seq, chain) VALUES(?, ?)");
  reset = db.prepare(
      "INSERT INTO peer_sync(peer, gen, log_id, cursor, tag, acked, ladder)"
      " SELECT id, gen, ?5, ?1, ?2, 0, coalesce(?6, x'') FROM peers WHERE id=?3 AND gen=?4"
      " ON CONFLICT(peer) DO UPDATE SET acked=iif(gen=excluded.gen, acked, 0), gen=excluded.gen, log_id=excluded.log_id,"
      " cursor=excluded.cursor, tag=excluded.tag, ladder=excluded.ladder");
  advance = db.prepare(
      "UPDATE peer_sync SET cursor=?1, tag=?2, ladder=coalesce(?6, ladder) WHERE peer=?3 AND gen=?4 AND log_id=?5 AND cursor<?1");
  ack = db.prepare(
      "INSERT INTO peer_sync(peer, gen, log_id, cursor, tag, acked) SELECT id, gen, zeroblob(16), 0, zeroblob(8), ? FROM peers"
      " WHERE id=? AND gen=? ON CONFLICT(peer) DO UPDATE SET acked=max(acked, excluded.acked) WHERE gen=excluded.gen");
  take = db.prepare("UPDATE peer_sync SET taken=iif(day=?1, taken, 0)+?2, day=?1 WHERE peer=?3");
  taken = db.prepare("SELECT taken FROM peer_sync WHERE peer=? AND day=?");
  tell = db.prepare(
      "INSERT INTO heard(seq, peer, at_ms) SELECT seq, ?2, ?3 FROM log WHERE seq=?1 AND via<>?2 AND heard_ms>=?4"
      " ON CONFLICT(seq, peer) DO NOTHING");
  tell_fresh = db.prepare("INSERT INTO heard(seq, peer, at_ms) VALUES(?, ?, ?) ON CONFLICT(seq, peer) DO NOTHING");
  grow = db.prepare("UPDATE total SET own=own+?, texts=texts+?, bytes=bytes+?, own_bytes=own_bytes+?");
  Statement log_key = db.prepare("SELECT v FROM meta WHERE k='log_key'");
  if (!log_key.step() || log_key.blob(0).size() != 32) damaged("has no log key");
  key = Secret32(log_key.blob(0));
}

void Log::Impl::damaged(const std::string& how) const {
  throw Error(Trouble::kDamaged, "database " + db.file() + " " + how);
}

void Log::Impl::close_body() {
  body.reset();
  open_at = 0;
}

Hash Log::Impl::kept_chain(Seq seq) {
  Hash out{};
  if (seq == 0) return out;
  Using use(chain_row);
  use->bind(1, signed_of(seq));
  if (!use->step()) damaged("has no chain for row " + std::to_string(seq));
  copy_to(out, use->blob(0));
  return out;
}

Hash Log::Impl::fold(Hash chain, Seq after, Seq upto) {
  Using use(ids);
  use->bind(1, signed_of(after)).bind(2, signed_of(upto));
  Seq seen = after;
  for (Hash id{}; use->step(); ++seen) {
    copy_to(id, use->blob(0));
    chain = chain_next(crypto, chain, id);
  }
  if (seen != upto) damaged("lacks rows before " + std::to_string(upto));
  return chain;
}

Hash Log::Impl::chain(Seq seq) {
  Cached from{seq - seq % kChainStep, {}};
  bool found = false;
  for (const Cached& cached : cache) {
    if (cached.seq == 0 || cached.seq > seq || cached.seq < from.seq) continue;
    from = cached;
    found = true;
  }
  if (!found) from.chain = kept_chain(from.seq);
  if (from.seq == seq) return from.chain;
  Hash out = fold(from.chain, from.seq, seq);
  cache[next_cached++ % cache.size()] = {seq, out};
  return out;
}

Seq Log::Impl::find(std::uint64_t epoch, const Id12& id12) {
  Hash low{}, high;
  high.fill(0xff);
  std::copy(id12.begin(), id12.end(), low.begin());
  std::copy(id12.begin(), id12.end(), high.begin());
  Using use(held);
  return use->bind(1, signed_of(epoch)).bind(2, low).bind(3, high).step() ? static_cast<Seq>(use->integer(0)) : 0;
}

// --- the port

Log::Log(Database& db, Crypto& crypto, std::int64_t (*wall_ms)(), Desk* desk)
    : impl_(std::make_unique<Impl>(db, crypto, wall_ms, desk)) {
  refresh();
}

Log::~Log() = default;

void Log::begin_reads() {
  if (impl_->told.size() >= kToldAtOnce) impl_->write_told_at_once();
  impl_->reads.emplace(impl_->db);
}

void Log::end_reads() noexcept {
  impl_->close_body();
  impl_->reads.reset();
}

Seq Log::size() { return impl_->size; }

bool Log::held(std::uint64_t epoch, const Id12& id12) { return impl_->find(epoch, id12) != 0; }

// Noted in memory at first: the cursor that moves past what the friend tells is stored soon, and takes it along.
bool Log::told(std::uint64_t epoch, const Id12& id12, const Told& by) {
  const Seq seq = impl_->find(epoch, id12);
  if (seq == 0 || impl_->told_ms == 0) return seq != 0;
  impl_->told.emplace_back(seq, by);
  if (impl_->told.size() >= kToldAtOnce && !impl_->reads) impl_->write_told_at_once();
  return true;
}

void Log::keep_told(std::int64_t days) {
  impl_->told_ms = days * kDayMs;
  impl_->told.clear();
}

// Not past size(), so that one turn of the loop sees one log.
std::size_t Log::rows(Seq after, std::span<LogRow> out) {
  if (after >= impl_->size) return 0;
  Using use(impl_->rows);
  use->bind(1, signed_of(after)).bind(2, signed_of(impl_->size)).bind(3, signed_of(out.size()));
  std::size_t n = 0;
  while (n < out.size() && use->step()) {
    LogRow& row = out[n++];
    row.seq = static_cast<Seq>(use->integer(0));
    row.epoch = static_cast<std::uint64_t>(use->integer(1));
    copy_to(row.id, use->blob(2));
    row.via = static_cast<PeerId>(use->integer(3));
    row.size = static_cast<std::uint64_t>(use->integer(4));
  }
  return n;
}

bool Log::body(Seq seq, Bytes& message) {
  Impl& my = *impl_;
  const bool next = my.open_at != 0 && std::exchange(my.open_at, 0) + 1 == seq;
  if (!next) {
    my.close_body();
    my.body.bind(1, signed_of(seq));
  }
  const bool kept = my.body.step() && static_cast<Seq>(my.body.integer(0)) == seq;
  if (kept) append_body(message, my.body, 1);
  my.open_at = seq;
  if (!kept || !my.reads) my.close_body();
  return kept;
}

Hash Log::chain(Seq seq) {
  GOSSIP_CHECK(seq <= impl_->size);
  return impl_->chain(seq);
}

View Log::log_key() { return impl_->key.view(); }

Cursor Log::cursor(PeerId peer, std::uint64_t gen) {
  Cursor out;
  Using use(impl_->cursor);
  if (!use->bind(1, signed_of(peer)).bind(2, signed_of(gen)).step()) return out;
  copy_to(out.log_id, use->blob(0));
  out.seq = static_cast<Seq>(use->integer(1));
  copy_to(out.tag, use->blob(2));
  return out;
}

Ladder Log::ladder(PeerId peer, std::uint64_t gen) {
  Ladder out;
  Using use(impl_->ladder);
  if (!use->bind(1, signed_of(peer)).bind(2, signed_of(gen)).step()) return out;
  for (Reader rungs(use->blob(0)); rungs.left() > 0;) {
    Rung rung{rungs.u64(), {}};
    copy_to(rung.tag, rungs.take(rung.tag.size()));
    const Seq last = out.empty() ? 0 : out.back().upto;
    if (rung.upto < last || rung.upto - last < kRungStep || out.size() == kMaxRungs) return {};  // as if there were none
    out.push_back(rung);
  }
  return out;
}

std::uint64_t Log::taken_today(PeerId peer) {
  Using use(impl_->taken);
  if (!use->bind(1, signed_of(peer)).bind(2, day_of(impl_->wall_ms())).step()) return 0;
  return static_cast<std::uint64_t>(use->integer(0));
}

bool Log::refresh() {
  std::int64_t version = 0;
  {
    Using use(impl_->data_version);
    use->step();
    version = use->integer(0);
  }
  const bool changed = version != impl_->version;
  if (!changed && !impl_->appended) return false;
  impl_->version = version;
  impl_->appended = false;
  impl_->size = last_seq(impl_->db);
  return changed;
}

}  // namespace gossip::db
