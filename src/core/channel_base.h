// What both kinds of channel share: output, cells, padding, PING, CLOSE. Private to the core.
//
//   SHAKING --keys--> OPEN --CLOSE sent or come--> CLOSING --both, or 2 s--> DONE
//      \-- late, cut, a stranger --> DONE <-- forged, cut, silent --/
#pragma once

#include <utility>

#include "gossip/channel.h"
#include "gossip/cover.h"

namespace gossip {

// SHAKING  the derived class has the bytes.
// OPEN     cells both ways.
// CLOSING  our CLOSE is queued, nothing follows it; what comes is read for the friend's CLOSE alone.
// DONE     nothing is sent or read.
enum class Phase : std::uint8_t { kShaking, kOpen, kClosing, kDone };

class ChannelBase : public Channel {
 public:
  void cover() final { cover_ = true; }
  std::uint64_t cover_cells() const final { return cover_cells_; }
  void receive(Now now, View bytes) final;
  void end_of_file(Now now) final;
  void tick(Now now) final;
  std::optional<Micros> next_deadline() const final;
  bool wants_work() const override { return false; }
  void work(Now) override {}
  View output() final;
  void consumed(Now now, std::size_t n) final;
  void end_turn(Now now) final;
  bool open() const final { return phase_ == Phase::kOpen; }
  void send(View stream) final;
  std::size_t free() const final;
  View stream() const final { return stream_; }
  void take_stream() final;
  void close(Now now, CloseCode code) final;
  void ping(Now now) final;
  std::optional<Micros> take_round_trip() final { return std::exchange(round_trip_, std::nullopt); }
  bool reading() const final;
  bool draining() const override { return false; }
  bool finished() const final { return phase_ == Phase::kDone; }
  End end() const final { return end_; }
  Hash session_id() const final { return session_id_; }
  bool pq() const final { return pq_; }

 protected:
  ChannelBase(Crypto& crypto, Rng& rng, Now now) : crypto_(crypto), rng_(rng), now_(now) {}

  // One handshake step; gives back what it did not use. REQUIRES SHAKING
  virtual View shake(View bytes) = 0;
  virtual End cut() = 0;    // end of file while SHAKING
  virtual End late() = 0;   // deadline_ passed while SHAKING
  virtual bool shake_reading() const { return true; }

  View gather(View bytes, std::size_t want);  // moves bytes to in_ up to `want` in all; gives back the rest
  void queue(View bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); sealed_ = out_.size(); }
  MutView queue(std::size_t n);               // room at the end of the output
  void start(const SessionKeys& keys);        // OPEN
  void put(CellType type, View data);         // one cell, after a REKEY where it is due
  void finish(End end);

  Crypto& crypto_;
  Rng& rng_;
  Now now_;
  Micros deadline_ = 0;         // of SHAKING and CLOSING
  Bytes in_;                    // of the message under way, or of the cell
  std::uint64_t batch_ = 0;     // cells since the last idle point
  std::optional<CellOpener> opener_;

 private:
  void cells(View bytes);
  void cell(View sealed);
  void closed_by_friend(View data);
  void fail();                  // protocol error
  void say_close(CloseCode code);
  void pad_until(std::uint64_t more);
  void raw_put(CellType type, View data);
  void seal_partial();
  void settle();
  Micros ping_at() const { return std::max(verified_, pinged_) + ping_idle_; }
  std::size_t unsent() const { return out_.size() - sent_; }

  Phase phase_ = Phase::kShaking;
  End end_ = End::kOpenStill;
  Hash session_id_{};
  bool pq_ = false;
  // out_ = taken by the socket [0, sent_) | sealed [sent_, sealed_) | header and data of a DATA cell not sealed yet
  Bytes out_;
  std::size_t sent_ = 0, sealed_ = 0;
  std::optional<CellSealer> sealer_;
  bool padded_ = false;         // nothing was put since end_turn() padded
  Bytes stream_;
  Micros verified_ = 0, pinged_ = 0, ping_idle_ = 0;
  bool cover_ = false, pad_due_ = false;  // by the end of the turn
  Micros pad_at_ = 0;
  std::uint64_t cover_cells_ = 0;
  std::array<std::uint8_t, 8> ping_mark_{};  // of the PING whose PONG somebody waits for
  std::optional<Micros> ping_sent_, round_trip_;
  std::size_t pong_left_ = 0;   // output bytes until the PONG is out; 0: none waits
  bool friend_closed_ = false;  // its CLOSE has come
  bool friend_gone_ = false;    // and its end of file
};

}  // namespace gossip
