// Party: one of the two in a session: the engine and the channel that the daemon has, a log in memory, and no socket. For sessions
// that are made up, and for those that somebody keeps a record of.
#pragma once

#include <memory>
#include <vector>

#include "gossip/engine.h"
#include "gossip/pair.h"

namespace gossip::client {

// A log that is as long as the conversation.
class BriefStore final : public Store {
 public:
  BriefStore(Crypto& crypto, Rng& rng) : crypto_(crypto) { rng.fill(log_key_.mut()); }
  void append(const Incoming& message);
  const std::vector<Incoming>& messages() const { return messages_; }

  Seq size() override { return messages_.size(); }
  bool held(std::uint64_t epoch, const Id12& id12) override;
  std::size_t rows(Seq after, std::span<LogRow> out) override;
  bool body(Seq seq, Bytes& message) override;
  Hash chain(Seq seq) override { return seq == 0 ? Hash{} : chains_.at(seq - 1); }
  View log_key() override { return log_key_; }
  Cursor cursor(PeerId, std::uint64_t) override { return cursor_; }
  Committed commit(std::span<const Incoming> messages, std::span<const CursorUpdate> cursors, std::span<const AckUpdate>) override;

 private:
  Crypto& crypto_;
  Secret32 log_key_;
  std::vector<Incoming> messages_;
  std::vector<Hash> chains_;
  Cursor cursor_;
};

class Party {
 public:
  // The channel is one that was just begun; `pair` is what it was begun with. The friend has been one for long, and has no address.
  Party(Crypto& crypto, Rng& rng, Now now, const PairKeys& pair, bool dials, std::unique_ptr<Channel> channel);
  BriefStore& store() { return store_; }
  Channel& channel() { return *channel_; }
  void hear(Now now, View bytes);
  // Everything that is to be done now; gives what is to be sent for it.
  Bytes turn(Now now);
  std::optional<Micros> next_deadline() const;

 private:
  void settle(Now now);
  void act(Now now);
  void take(Now now, Bytes& out);
  const PairKeys pair_;
  BriefStore store_;
  Engine engine_;
  std::unique_ptr<Channel> channel_;
  bool announced_ = false, over_ = false;
};

}  // namespace gossip::client
