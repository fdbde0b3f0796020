#include "workload.h"

#include "db/messages.h"
#include "db/peers.h"
#include "db/retention.h"
#include "db/schema.h"
#include "gossip/chain.h"
#include "gossip/message.h"
#include "gossipc/store.h"

namespace gossip::test {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr std::uint64_t kMostAtOnce = 40;
std::int64_t fixed_clock() { return kNow; }

std::string words(db::Database& db, const char* sql) {
  db::Statement row = db.prepare(sql);
  return row.step() ? std::string(row.text(0)) : "";
}

Hash print_of(std::uint64_t number) {
  Hash out{};
  Bytes bytes;
  Writer(bytes).u64(number);
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

}  // namespace

struct Workload::Worker {
  Worker(const std::string& path, Crypto& crypto) : db(db::open_store(path, {})), log(db, crypto, fixed_clock), checkpointer(path) {}
  db::Database db;
  db::Log log;
  db::Checkpointer checkpointer;
};

Workload::Workload(std::string path, std::uint64_t seed) : path_(std::move(path)), rng_(seed) {}
Workload::~Workload() = default;

Workload::Worker& Workload::worker() {
  if (!worker_) worker_ = std::make_unique<Worker>(path_, crypto_);
  return *worker_;
}

void Workload::close() { worker_.reset(); }

void Workload::attempt(const Step& step) try {
  step();
} catch (const db::Error& error) {
  if (!resumes_) throw;
  met_.push_back(error.trouble());
  if (error.trouble() != db::Trouble::kFull) close();
  step();
}

void Workload::prepare() {
  attempt([&] { worker(); });
  befriend();
}

void Workload::run(unsigned steps) {
  attempt([&] { worker(); });
  for (unsigned i = 0; i < steps; ++i) one_step();
}

void Workload::one_step() {
  const std::uint64_t which = rng_.next() % 100;
  if (which < 30) return say();
  if (which < 60) return hear();
  if (which < 66) return befriend();
  if (which < 70) return unfriend();
  if (which < 74) return rekey();
  if (which < 80) return note();
  if (which < 84) return look();
  if (which < 87) return drop();
  if (which < 92) return attempt([&] { worker().checkpointer.run(); });
  if (which < 97) return attempt([&] { worker().checkpointer.tidy(); });
  tidy();
}

Incoming Workload::message(PeerId via, std::uint64_t number, std::uint64_t size) {
  Message out;
  out.created = created_at(kNow - static_cast<std::int64_t>(number % 5) * 86'400'000, static_cast<std::uint16_t>(number));
  out.sender = "friend " + std::to_string(via);
  out.text = std::to_string(number) + std::string(size, 'x');
  Bytes bytes = encode_message(out);
  return {message_id(crypto_, bytes), epoch_of(out.created), via, bytes};
}

// As gossipc send does: in a connection of its own.
void Workload::say() {
  std::vector<Incoming> all;
  for (std::uint64_t n = 1 + rng_.next() % 3; n > 0; --n) all.push_back(message(0, ++said_, rng_.next() % 3000));
  for (const Incoming& one : all) tried_.insert(one.id);
  attempt([&] {
    db::Database db = db::open_store(path_, {});
    db::Log log(db, crypto_, fixed_clock);
    client::append_all(db, log, all);
    for (const Incoming& one : all) kept_.insert(one.id);
  });
}

// As a process of gossipd does: what comes from a friend, some of it known already, and the cursor.
void Workload::hear() {
  if (friends_.empty()) return befriend();
  auto at = std::next(friends_.begin(), static_cast<std::ptrdiff_t>(rng_.next() % friends_.size()));
  Friend& from = at->second;
  if (!from.certain) return say();
  const Seq upto = from.heard + 1 + rng_.next() % kMostAtOnce;
  std::vector<Incoming> all;
  for (Seq i = from.heard - std::min<Seq>(from.heard, 3) + 1; i <= upto; ++i) all.push_back(message(from.id, i, i * 37 % 2000));
  for (const Incoming& one : all) tried_.insert(one.id);
  from.tried = upto;
  attempt([&] {
    Worker& my = worker();
    my.log.refresh();
    const db::Peer peer = db::find_peer(my.db, from.name).value_or(db::Peer{});
    const CursorUpdate moves{from.id, peer.gen, Cursor{{}, upto, {}}, my.log.cursor(from.id, peer.gen).seq == 0};
    const AckUpdate ack{from.id, peer.gen, my.log.size()};
    if (!my.log.commit(all, {&moves, 1}, {&ack, 1})) throw db::Error(db::Trouble::kFull, "not now");
    for (const Incoming& one : all) kept_.insert(one.id);
    from.heard = upto;
  });
}

void Workload::befriend() {
  const std::string name = "f" + std::to_string(++named_);
  attempt([&] {
    const Hash fp = print_of(++keys_);
    db::Database db = db::open_store(path_, {});
    friends_[name] = {name, 0, false, 0, 0};
    if (db::unassigned_keys(db) == 0) db::add_key(db, Bytes(1200, 7), fp);
    db::add_peer(db, name, {{"127.0.0.1", 5556}});  // it may be there, where the failed one was found by recovery
    friends_[name] = {name, db::find_peer(db, name)->id, true, 0, 0};
  });
}

void Workload::unfriend() {
  if (friends_.size() < 2) return befriend();
  const std::string name = friends_.begin()->first;
  friends_.begin()->second.certain = false;
  attempt([&] {
    db::Database db = db::open_store(path_, {});
    db::delete_peer(db, name);
    friends_.erase(name);
    gone_.insert(name);
  });
}

void Workload::rekey() {
  if (friends_.empty() || !friends_.rbegin()->second.certain) return befriend();
  Friend& one = friends_.rbegin()->second;
  const Hash fp = print_of(++keys_);
  attempt([&] {
    db::Database db = db::open_store(path_, {});
    one.heard = 0;  // the cursor goes, or not
    db::set_peer_key(db, one.name, Bytes(400, 9), fp, true);
  });
}

void Workload::note() {
  attempt([&] {
    db::Database& db = worker().db;
    ++counting_;
    db::add_counters(db, {{"steps", 1}});
    ++counted_;
    std::vector<db::PeerState> states;
    for (const auto& [name, one] : friends_)
      if (one.id != 0) states.push_back({one.id, 0, "up", "", kNow, 0, kNow, 0, false});
    db::note_states(db, states);
    db::meta_put(db, "rsa_bits", std::to_string(2048 + counting_));
  });
}

void Workload::look() {
  attempt([&] {
    db::Database db = db::open_store(path_, {.create = false, .write = false});
    Seq scanned = 0;
    db::read_messages(db, 0, {}, db::kPage, true, scanned);
  });
}

// The daemon stops in order.
// As gossipc delete does.
void Workload::drop() {
  const std::uint64_t which = rng_.next();
  attempt([&] {
    db::Database db = db::open_store(path_, {});
    db::Log log(db, crypto_, fixed_clock);
    std::vector<LogRow> row(1);
    if (log.size() == 0 || log.rows(which % log.size(), row) == 0) return;
    dropping_.insert(row[0].id);
    db::delete_text(db, row[0].seq);
    dropped_.insert(row[0].id);
  });
}

void Workload::tidy() {
  attempt([&] { worker().db.tidy_at_close(); });
  close();
}

// --- what has to be true

std::string Workload::wrong() {
  close();
  try {
    db::Database db = db::open_store(path_, {});
    if (const std::string found = words(db, "PRAGMA integrity_check"); found != "ok") return found;
    if (const std::string found = words(db, "PRAGMA foreign_key_check"); !found.empty()) return "a row of " + found + " has no parent";
    std::string found = wrong_log(db);
    if (found.empty()) found = wrong_friends(db);
    if (found.empty()) found = wrong_notes(db);
    return found;
  } catch (const db::Error& error) { return error.what(); }
}

std::string Workload::wrong_log(db::Database& db) {
  db::Log log(db, crypto_, fixed_clock);
  std::set<Hash> there;
  std::vector<LogRow> rows(512);
  Bytes body;
  Hash chain{};
  for (Seq at = 0, n; (n = log.rows(at, rows)) > 0; at += n) {
    for (std::size_t i = 0; i < n; ++i) {
      const LogRow& row = rows[i];
      body.clear();
      if (row.seq != at + i + 1) return "a seq is missing before " + std::to_string(row.seq);
      const bool kept = log.body(row.seq, body);
      if (!kept && !dropping_.contains(row.id)) return "a text is lost: " + to_hex(row.id);
      if (kept && dropped_.contains(row.id)) return "a deleted text is there again: " + to_hex(row.id);
      if (kept && message_id(crypto_, body) != row.id) return "a body is not what its id says";
      if (!kept) dropped_.insert(row.id);
      if (!there.insert(row.id).second) return "a message is there twice";
      if (!tried_.contains(row.id)) return "there is a message that nobody wrote";
      chain = chain_next(crypto_, chain, row.id);
      if (row.seq % kChainStep == 0 && log.chain(row.seq) != chain) return "the chain is wrong at " + std::to_string(row.seq);
    }
  }
  if (log.size() != there.size()) return "size and rows differ";
  for (const Hash& id : kept_)
    if (!there.contains(id)) return "an acknowledged message is lost: " + to_hex(id);
  for (auto& [name, one] : friends_) {
    const std::optional<db::Peer> peer = db::find_peer(db, name);
    if (!peer) continue;
    const Seq cursor = log.cursor(peer->id, peer->gen).seq;
    if (cursor < one.heard) return "the cursor of " + name + " fell back";
    for (Seq i = 1; i <= cursor; ++i)
      if (!there.contains(message(peer->id, i, i * 37 % 2000).id)) return "the cursor of " + name + " is ahead of what is held";
    one.heard = cursor;
  }
  kept_ = there;
  return {};
}

std::string Workload::wrong_friends(db::Database& db) {
  for (auto at = friends_.begin(); at != friends_.end();) {
    const std::optional<db::Peer> peer = db::find_peer(db, at->first);
    if (at->second.certain && !peer) return "the friend " + at->first + " is lost";
    if (peer && !db::private_key(db, peer->key_id)) return "the key of " + at->first + " is lost";
    if (peer) at->second.certain = true, at->second.id = peer->id, ++at;
    else gone_.insert(at->first), at = friends_.erase(at);
  }
  for (const std::string& name : db::peer_names(db))
    if (!friends_.contains(name)) return gone_.contains(name) ? name + " is there again" : name + " was never made";
  return {};
}

std::string Workload::wrong_notes(db::Database& db) {
  std::uint64_t steps = 0;
  for (const auto& [name, n] : db::counters(db))
    if (name == "steps") steps = static_cast<std::uint64_t>(n);
  if (steps < counted_ || steps > counting_) return "the counter says " + std::to_string(steps);
  counted_ = counting_ = steps;
  return {};
}

}  // namespace gossip::test
