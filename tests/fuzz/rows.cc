// Rows of a database that somebody else has written: any value that the schema lets through. Whoever reads them gets them, or an
// error of the database's own kind; a friend who is served from them gets lawful frames or nothing.
#include <algorithm>

#include "db/log.h"
#include "db/messages.h"
#include "db/peers.h"
#include "db/retention.h"
#include "db/search.h"
#include "fuzz/scratch_db.h"
#include "gossip/engine.h"
#include "gossip/text.h"
#include "gossipc/when.h"
#include "support/fuzz_input.h"
#include "support/toy_crypto.h"

using namespace gossip;
using namespace gossip::test;

namespace {

std::int64_t fixed_clock() { return 1'700'000'000'000; }

// i integer, s small integer, t text, n text or NULL, h 32 bytes, b any blob
struct Table {
  const char* insert;
  const char* columns;
};
constexpr Table kTables[] = {
    {"INSERT OR REPLACE INTO log(seq, scope, epoch, id, via, heard_ms, size) VALUES(?, 0, ?, ?, ?, ?, ?)", "sihsii"},
    {"INSERT OR REPLACE INTO body(seq, head, sender, text) VALUES(?, ?, ?, ?)", "sbnn"},
    {"INSERT OR REPLACE INTO who(id, name) VALUES(?, ?)", "st"},
    {"INSERT OR REPLACE INTO log_chain(seq, chain) VALUES(?, ?)", "ib"},
    {"INSERT OR REPLACE INTO keys(id, fp, private) VALUES(?, ?, ?)", "shb"},
    {"INSERT OR REPLACE INTO peers(id, name, key, pub, pub_fp, gen) VALUES(?, ?, ?, ?, ?, ?)", "stsbhi"},
    {"INSERT OR REPLACE INTO peer_address(peer, place, host, port, worked) VALUES(?, ?, ?, ?, ?)", "sitii"},
    {"INSERT OR REPLACE INTO peer_sync(peer, gen, log_id, cursor, tag, acked) VALUES(?, ?, ?, ?, ?, ?)", "sibibi"},
    {"INSERT OR REPLACE INTO peer_state(peer, side, state, reason, since_ms, next_ms, last_up_ms, failures)"
     " VALUES(?, ?, ?, ?, ?, ?, ?, ?)", "ssttiiii"},
    {"INSERT OR REPLACE INTO meta(k, v) VALUES(?, ?)", "tt"},
};

class Rows {
 public:
  Rows() : db_(scratch_db()) { db_.exec("PRAGMA foreign_keys=OFF"); }

  void run(Feed& feed) {
    db_.exec("BEGIN");
    try {
      for (int i = 0; i < 40 && !feed.done(); ++i) put(feed, kTables[feed.u8() % std::size(kTables)]);
      read();
      serve(feed.u8());
    } catch (const db::Error& error) { GOSSIP_CHECK(error.what()[0] != '\0'); }
    db_.exec("ROLLBACK");
  }

 private:
  void put(Feed& feed, const Table& table) {
    std::array<Bytes, 8> kept;
    db::Statement row = db_.prepare(table.insert);
    for (int i = 0; table.columns[i] != '\0'; ++i) {
      Bytes& bytes = kept[static_cast<std::size_t>(i)];
      switch (table.columns[i]) {
        case 'i': row.bind(i + 1, db::signed_of(feed.any_size())); continue;
        case 's': row.bind(i + 1, std::int64_t{feed.u8() % 16}); continue;
        case 'h': bytes = take(feed, feed.u8() % 16 == 0 ? 31 : 32); row.bind(i + 1, View(bytes)); continue;
        case 'b': bytes = take(feed, feed.u8()); row.bind(i + 1, View(bytes)); continue;
        case 'n': if (feed.u8() % 4 == 0) continue; [[fallthrough]];
        default: bytes = take(feed, feed.u8()); row.bind(i + 1, as_text(bytes));
      }
    }
    row.run();
  }
  static Bytes take(Feed& feed, std::size_t n) {
    const View some = feed.take(n);
    Bytes out(some.begin(), some.end());
    out.resize(n, 0x29);
    return out;
  }

  void read() {
    for (const db::Peer& peer : db::list_peers(db_)) GOSSIP_CHECK(peer.worked <= peer.addresses.size());
    for (const db::PeerState& state : db::peer_states(db_)) (void)parse_why(state.reason);
    db::peer_syncs(db_), db::peers_version(db_), db::meta_get(db_, "rsa_bits"), db::random_unassigned_key(db_);
    for (bool json : {false, true}) {
      Seq scanned = 0;
      for (const db::Shown& one : db::read_messages(db_, 0, {}, db::kPage, json, scanned)) {
        client::format_utc(one.heard_ms);
        for (char c : shown(one.sender + one.text, Show::kLine)) GOSSIP_CHECK(static_cast<std::uint8_t>(c) >= 0x20 && c != 0x7f);
      }
    }
    db::Filter words;
    words.words = db::search_expression("a* )");
    Seq scanned = 0;
    for (const db::Shown& one : db::read_messages(db_, 0, words, db::kPage, false, scanned)) db::forget_text(db_, one.seq);
    db::start_of_last(db_, words, 3);
    db::start_of_last(db_, {}, 3), db::find_messages(db_, {Hash{}}), db::last_seq(db_);
    db::retention_facts(db_);
  }

  // A friend asks for everything.
  void serve(std::uint8_t seed) {
    db::Log log(db_, crypto_, fixed_clock);
    FixedRng rng(seed);
    Engine engine({}, log, crypto_, rng);
    Now now{kHour, fixed_clock()};
    engine.handle(now, PeersChanged{{{1, 1, false, 0}}});
    engine.handle(now, LinkUp{1, 1, 1, false});
    engine.handle(now, Writable{1, 1 << 20});
    Bytes out;
    encode(out, Hello{});
    encode(out, Fetch{Cursor{log_id_of(engine, now), 0, {}}, 100});
    engine.handle(now, BytesIn{1, out});
    const Seq upto = turn(engine, now);
    if (upto == 0) return;
    out.clear();
    Seqs want;
    for (Seq seq = 1; seq <= std::min<Seq>(upto, 16); ++seq) want.seqs.push_back(seq);
    encode(out, FrameType::kWant, want);
    engine.handle(now, BytesIn{1, out});
    turn(engine, now);
  }
  LogId log_id_of(Engine& engine, Now now) {
    LogId id{};
    each(engine, now, [&](const RawFrame& frame) {
      if (frame.type == static_cast<std::uint8_t>(FrameType::kHello)) id = decode_hello(frame.payload).value().log_id;
    });
    return id;
  }
  Seq turn(Engine& engine, Now now) {
    Seq upto = 0;
    each(engine, now, [&](const RawFrame& frame) {
      if (frame.type != static_cast<std::uint8_t>(FrameType::kHave)) return;
      const auto have = decode_have(frame.payload, upto);
      if (have) upto = have->upto;
    });
    return upto;
  }
  template <class See>
  void each(Engine& engine, Now now, See see) {
    engine.tick(now);
    engine.flush(now);
    engine.assert_invariants();
    FrameReader reader;
    for (Action action; engine.poll(action);) {
      auto* send = std::get_if<Send>(&action);
      if (!send) continue;
      reader.feed(send->bytes);
      for (RawFrame frame; reader.next(frame) == FrameReader::Got::kFrame;) see(frame);
    }
  }

  db::Database db_;
  ToyCrypto crypto_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Rows rows;
  Feed feed(data, size);
  rows.run(feed);
  return 0;
}
