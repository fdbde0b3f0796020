// MemoryStore: the Store port in memory, with commits that can be made to fail and copies that can be put back.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "gossip/chain.h"
#include "gossip/message.h"
#include "gossip/ports.h"

namespace gossip::test {

class MemoryStore : public Store {
 public:
  // What a disk would hold; copying it is taking a backup.
  struct Disk {
    std::vector<LogRow> rows;
    std::vector<Bytes> bodies;
    std::vector<Hash> chains;
    std::set<std::pair<std::uint64_t, Hash>> ids;
    std::map<std::pair<PeerId, std::uint64_t>, Cursor> cursors;
    std::map<std::pair<PeerId, std::uint64_t>, Ladder> ladders;
    std::map<std::pair<PeerId, std::uint64_t>, Seq> acks;
  };

  MemoryStore(Crypto& crypto, const Hash& key) : crypto_(crypto), log_key_(key) {}

  Disk disk;
  int fail_commits = 0;  // so many of the next commits fail
  std::map<Hash, std::vector<Told>>* tellers = nullptr;  // by id; who told of what was held, and of what was stored

  // Appends unless it is there.
  bool append(const Incoming& m) {
    if (!disk.ids.insert({m.epoch, m.id}).second) return false;
    disk.rows.push_back(LogRow{disk.rows.size() + 1, m.epoch, m.id, m.via, m.message.size()});
    disk.bodies.push_back(m.message);
    disk.chains.push_back(chain_next(crypto_, disk.chains.empty() ? Hash{} : disk.chains.back(), m.id));
    return true;
  }
  // Writes a message of our own, as gossipc send does; gives its id.
  Hash publish(const Message& message) {
    Bytes bytes = encode_message(message);
    Incoming m{message_id(crypto_, bytes), epoch_of(message.created), 0, bytes};
    append(m);
    return m.id;
  }
  void drop_body(Seq seq) {
    disk.rows[seq - 1].size = 0;
    disk.bodies[seq - 1].clear();
  }

  Seq size() override { return disk.rows.size(); }
  bool held(std::uint64_t epoch, const Id12& id12) override {
    Hash low{};
    std::copy(id12.begin(), id12.end(), low.begin());
    auto it = disk.ids.lower_bound({epoch, low});
    return it != disk.ids.end() && it->first == epoch && std::equal(id12.begin(), id12.end(), it->second.begin());
  }
  bool told(std::uint64_t epoch, const Id12& id12, const Told& by) override {
    if (!held(epoch, id12)) return false;
    Hash low{};
    std::copy(id12.begin(), id12.end(), low.begin());
    if (tellers) (*tellers)[disk.ids.lower_bound({epoch, low})->second].push_back(by);
    return true;
  }
  std::size_t rows(Seq after, std::span<LogRow> out) override {
    std::size_t n = 0;
    for (; n < out.size() && after + n < disk.rows.size(); ++n) out[n] = disk.rows[after + n];
    return n;
  }
  bool body(Seq seq, Bytes& message) override {
    if (seq == 0 || seq > disk.bodies.size() || disk.bodies[seq - 1].empty()) return false;
    const Bytes& b = disk.bodies[seq - 1];
    message.insert(message.end(), b.begin(), b.end());
    return true;
  }
  Hash chain(Seq seq) override { return seq == 0 ? Hash{} : disk.chains.at(seq - 1); }
  View log_key() override { return log_key_; }
  Cursor cursor(PeerId peer, std::uint64_t gen) override {
    auto it = disk.cursors.find({peer, gen});
    return it == disk.cursors.end() ? Cursor{} : it->second;
  }
  Ladder ladder(PeerId peer, std::uint64_t gen) override {
    auto it = disk.ladders.find({peer, gen});
    return it == disk.ladders.end() ? Ladder{} : it->second;
  }
  Committed commit(std::span<const Incoming> messages, std::span<const CursorUpdate> cursors,
                   std::span<const AckUpdate> acks) override {
    if (fail_commits > 0) {
      --fail_commits;
      return {};
    }
    Committed out{true, 0};
    for (const Incoming& m : messages) {
      out.stored += append(m);
      if (tellers) (*tellers)[m.id].insert((*tellers)[m.id].end(), m.told.begin(), m.told.end());
    }
    for (const CursorUpdate& c : cursors) {
      Cursor& at = disk.cursors[{c.peer, c.gen}];
      if (!c.reset && (at.log_id != c.cursor.log_id || c.cursor.seq <= at.seq)) continue;
      at = c.cursor;
      if (c.ladder) disk.ladders[{c.peer, c.gen}] = *c.ladder;
    }
    for (const AckUpdate& a : acks) disk.acks[{a.peer, a.gen}] = a.acked;
    return out;
  }

 private:
  Crypto& crypto_;
  Hash log_key_;
};

}  // namespace gossip::test
