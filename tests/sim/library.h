// What the simulated nodes keep: one table of all messages for everybody, and per node a disk that refers to it by number.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "gossip/ports.h"
#include "gossip/time.h"

namespace gossip::sim {

using NodeId = std::uint32_t;
using MessageNo = std::uint32_t;

struct Library {
  struct Item {
    Hash id{};
    std::uint64_t epoch = 0;
    Bytes bytes;
    Micros at = 0;       // when it is published
    NodeId author = 0;
  };
  std::vector<Item> items;
  std::unordered_map<std::uint64_t, MessageNo> by_prefix;  // the first 8 bytes of the id; never iterated

  MessageNo add(Item item);
  const MessageNo* find(View id_prefix) const;  // REQUIRES at least 8 bytes
};

struct Disk {
  struct Row {
    MessageNo message = 0;
    std::uint32_t via = 0;
  };
  std::vector<Row> rows;
  std::vector<bool> has;  // by message number
  struct Known {
    PeerId peer = 0;
    Cursor cursor;
    Ladder ladder;
  };
  std::vector<Known> cursors;
};

class SimStore final : public Store {
 public:
  SimStore(const Library& library, Crypto& crypto, const Hash& key) : library_(library), crypto_(crypto), key_(key) {}
  Disk disk;
  std::size_t fresh = 0;  // rows since the world last looked

  bool has(MessageNo m) const { return m < disk.has.size() && disk.has[m]; }
  void add(MessageNo m, PeerId via);
  void restore(const Disk& older);

  Seq size() override { return disk.rows.size(); }
  bool held(std::uint64_t epoch, const Id12& id12) override;
  std::size_t rows(Seq after, std::span<LogRow> out) override;
  bool body(Seq seq, Bytes& message) override;
  Hash chain(Seq seq) override;
  View log_key() override { return key_; }
  Cursor cursor(PeerId peer, std::uint64_t) override { return known(peer).cursor; }
  Ladder ladder(PeerId peer, std::uint64_t) override { return known(peer).ladder; }
  Committed commit(std::span<const Incoming> messages, std::span<const CursorUpdate> cursors,
                   std::span<const AckUpdate> acks) override;

 private:
  Disk::Known& known(PeerId peer);
  const Library& library_;
  Crypto& crypto_;
  const Hash key_;
  Seq chain_at_ = 0;  // the last answer of chain(), for the next one
  Hash chain_{};
};

}  // namespace gossip::sim
