// Server: what one friend is given over one session (gossip(7), SERVING). It keeps a position, no queue of messages: rows are
// read from the log when the friend's credit and the socket allow.
#pragma once

#include <optional>

#include "core/log_tail.h"
#include "core/ordered.h"
#include "gossip/engine.h"
#include "gossip/frame.h"
#include "gossip/ports.h"
#include "gossip/time.h"

namespace gossip {

class Server {
 public:
  Server(Store& store, Crypto& crypto, LogTail& tail, EngineStats& stats, PeerId peer, std::uint64_t gen);

  // From the friend. false: protocol error.
  bool on_fetch(const Fetch& fetch);
  bool on_want(const Seqs& want);
  bool on_credit(const Credit& credit);

  // Appends frames while fewer than `room` bytes were appended (the last may pass it).
  void produce(Now now, Bytes& out, std::size_t room);
  std::optional<Micros> next_deadline(bool room) const;  // for produce()
  LogId log_id() const { return log_id_; }
  bool subscribed() const { return subscribed_; }
  bool older_copy() const { return older_copy_; }  // over this session they said to have read what our log does not hold
  bool catching_up() const;  // what it is given next is far from the end of the log

  std::optional<Seq> ack_unstored() const;  // to ride along in the next transaction
  void ack_stored() { acked_stored_ = acked_; }

 private:
  HeadStatus judge(const Fetch& fetch);
  bool listable(const LogRow& row) const;
  bool produce_have(Now now, Bytes& out);
  void produce_answers(Bytes& out, std::size_t limit);
  void put_head(Bytes& out, HeadStatus status);
  Tag tag_here(Seq seq);   // with chain_

  Store& store_;
  Crypto& crypto_;
  LogTail& tail_;
  EngineStats& stats_;
  const PeerId peer_;
  const LogId log_id_;
  std::optional<HeadStatus> head_due_;
  bool subscribed_ = false, older_copy_ = false;
  Seq from_ = 0;           // FETCH's cursor
  Seq size_at_fetch_ = 0;  // what came from this friend after it is not told back
  Seq position_ = 0;       // rows up to here were listed or skipped
  Hash chain_{};           // at position_
  Seq upto_ = 0;           // what the last HAVE said
  Seq stated_ = 0;         // size in the last HEAD
  std::uint64_t credit_ = 0;
  bool starved_ = false;   // the next row is to be listed, and there is no credit for it
  OrderedSet<Seq> wanted_;
  Seq acked_ = 0, acked_stored_ = 0;
  std::optional<Micros> skips_at_;  // when rows that were only skipped are told
};

}  // namespace gossip
