#include "sim/library.h"

#include <algorithm>

#include "gossip/chain.h"
#include "gossip/check.h"

namespace gossip::sim {

static std::uint64_t prefix(View id) {
  Reader r(id);
  return r.u64();
}

MessageNo Library::add(Item item) {
  const auto number = static_cast<MessageNo>(items.size());
  GOSSIP_CHECK(by_prefix.emplace(prefix(item.id), number).second);
  items.push_back(std::move(item));
  return number;
}

const MessageNo* Library::find(View id_prefix) const {
  auto it = by_prefix.find(prefix(id_prefix));
  return it == by_prefix.end() ? nullptr : &it->second;
}

void SimStore::add(MessageNo m, PeerId via) {
  if (has(m)) return;
  if (disk.has.size() <= m) disk.has.resize(library_.items.size());
  disk.has[m] = true;
  disk.rows.push_back(Disk::Row{m, static_cast<std::uint32_t>(via)});
  ++fresh;
}

void SimStore::restore(const Disk& older) {
  disk = older;
  fresh = 0;
  chain_at_ = 0;
  chain_ = {};
}

bool SimStore::held(std::uint64_t epoch, const Id12& id12) {
  const MessageNo* m = library_.find(id12);
  return m && has(*m) && library_.items[*m].epoch == epoch;
}

std::size_t SimStore::rows(Seq after, std::span<LogRow> out) {
  std::size_t n = 0;
  for (; n < out.size() && after + n < disk.rows.size(); ++n) {
    const Disk::Row& row = disk.rows[after + n];
    const Library::Item& item = library_.items[row.message];
    out[n] = LogRow{after + n + 1, item.epoch, item.id, row.via, item.bytes.size()};
  }
  return n;
}

bool SimStore::body(Seq seq, Bytes& message) {
  if (seq == 0 || seq > disk.rows.size()) return false;
  message = library_.items[disk.rows[seq - 1].message].bytes;
  return true;
}

Hash SimStore::chain(Seq seq) {
  if (seq < chain_at_) {
    chain_at_ = 0;
    chain_ = {};
  }
  for (; chain_at_ < seq; ++chain_at_) chain_ = chain_next(crypto_, chain_, library_.items[disk.rows[chain_at_].message].id);
  return chain_;
}

Disk::Known& SimStore::known(PeerId peer) {
  auto it = std::find_if(disk.cursors.begin(), disk.cursors.end(), [&](const auto& k) { return k.peer == peer; });
  if (it == disk.cursors.end()) it = disk.cursors.insert(it, Disk::Known{peer, {}, {}});
  return *it;
}

Committed SimStore::commit(std::span<const Incoming> messages, std::span<const CursorUpdate> cursors, std::span<const AckUpdate>) {
  const std::size_t before = disk.rows.size();
  for (const Incoming& m : messages) {
    const MessageNo* number = library_.find(m.id);
    GOSSIP_CHECK(number != nullptr);  // nobody in this world invents messages that hash right
    add(*number, m.via);
  }
  for (const CursorUpdate& c : cursors) {
    Disk::Known& at = known(c.peer);
    if (!c.reset && (at.cursor.log_id != c.cursor.log_id || c.cursor.seq <= at.cursor.seq)) continue;
    at.cursor = c.cursor;
    if (c.ladder) at.ladder = *c.ladder;
  }
  return {true, disk.rows.size() - before};
}

}  // namespace gossip::sim
