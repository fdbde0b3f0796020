// Fetcher: what we take from one friend over one session (gossip(7), FETCHING).
//
//   OFF --start()--> AWAIT_HEAD --HEAD OK--> STREAMING
//                        '--HEAD not OK: adopt the log, cursor 0, FETCH again--'
//
// pause() and start() switch asking and granting off and on; what is listed meanwhile is kept and looked up again, so that a
// subscription can be taken up where it was. (A second FETCH could not be told from the first one's HEADs.)
#pragma once

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/tracker.h"
#include "gossip/engine.h"
#include "gossip/frame.h"
#include "gossip/time.h"

namespace gossip {

// What outlives a session with one friend.
struct FetchMemory {
  std::optional<Micros> restarted;        // when its log was last read from the start again
  std::map<std::pair<Seq, Id12>, unsigned> wrong;  // wrong bodies, by what was listed; at most kMaxBatch are remembered
};

class Fetcher {
 public:
  enum class Verdict { kOk, kProtocolError, kWrongBody, kGiveUp };  // kGiveUp: CLOSE 0 and back-off

  // Whenever there may be something to produce, `link` is put on `agenda`.
  Fetcher(Store& store, Crypto& crypto, Tracker& tracker, EngineStats& stats, FetchMemory& memory, PeerId peer, std::uint64_t gen,
          LinkId link, std::set<LinkId>& agenda);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;

  void start();  // FETCH is due, or a pause ends
  void pause();  // grants and asks no more; what was asked may still come
  std::uint64_t gen() const { return gen_; }
  bool running() const { return state_ != State::kOff && !paused_; }

  Verdict on_head(Now now, const Head& head);
  Verdict on_have(Now now, View payload);
  Verdict on_body(Now now, const Body& body);
  Verdict on_gone(Now now, const Seqs& gone);
  void on_data(Now now, std::size_t body_pending);  // a DATA cell came while a BODY of this length is arriving (0: none is)
  void tick(Now now);
  bool overdue(Now now) const;  // no HEAD in kHeadTime
  void give_up();               // fetches nothing over this session any more

  // Frames: FETCH, WANT, CREDIT. `target`: entries this friend may have listed or in hand at most.
  // No `room`: only books are kept.
  void produce(Now now, Bytes& out, bool room, std::uint64_t target);
  std::optional<Micros> next_deadline(bool room) const;

  // --- for the tracker
  bool can_ask(std::uint64_t size) const;
  void asked(EntryRef entry, Seq seq, std::uint64_t size);
  void unasked(Seq seq);
  void queue(const MessageKey& key) { queue_.push_back(key); }
  void resolved(Seq seq);

  // --- for the commit
  std::optional<CursorUpdate> cursor_due() const;  // what the next commit may store
  void cursor_committed(Now now);
  std::uint64_t reserved() const { return granted_ + listings_.size(); }

  void assert_invariants() const;

 private:
  enum class State { kOff, kAwaitHead, kStreaming };
  struct Asked {
    MessageKey key;
    std::uint64_t size = 0;
    unsigned times = 0;  // each WANT gives leave for one answer
  };
  struct Outstanding {
    EntryRef entry;
    std::uint64_t size = 0;
  };

  Verdict adopt(Now now, const Head& head);
  void send_wants(Bytes& out);
  void send_credit(Now now, Bytes& out, std::uint64_t target);
  void resolve_here(Seq seq);       // GONE or refused: for this friend's cursor only
  void answered(Now now, Seq seq);  // a BODY or GONE that answers a WANT
  void fill_window();
  Micros wait() const;
  Verdict wrong_body(Seq seq, const Id12& id12);
  Verdict take_body(Now now, const Body& body, const Asked& asked);

  Store& store_;
  Crypto& crypto_;
  Tracker& tracker_;
  EngineStats& stats_;
  FetchMemory& memory_;
  const PeerId peer_;
  const std::uint64_t gen_;
  const LinkId link_;
  std::set<LinkId>& agenda_;

  State state_ = State::kOff;
  bool fetch_due_ = false;
  bool paused_ = false, given_up_ = false;
  Cursor cursor_;              // committed
  Seq upto_ = 0;               // the last HAVE's
  Seq size_ = 0;               // the last HEAD's
  std::uint64_t granted_ = 0;  // entries the friend may still list
  std::list<HaveGroup> groups_;
  std::map<Seq, EntryRef> listings_;  // listed, not resolved
  std::map<Seq, Asked> leave_;        // what the friend may still send: one BODY or GONE each, however late
  std::map<Seq, Outstanding> outstanding_;
  std::uint64_t outstanding_bytes_ = 0;
  std::set<Seq> want_;                // WANTs to send
  std::list<MessageKey> queue_;       // unasked entries this friend has listed
  Seq acked_ = 0;
  Micros ack_at_ = 0;

  Micros progress_at_ = 0;   // when the outstanding ones are asked elsewhere
  unsigned strikes_ = 0;     // silences since the last progress
  Micros body_until_ = 0;    // a BODY that is arriving holds the timer back no longer than this
  Micros fetch_sent_ = 0;
  Micros rtt_ = 0;
};

}  // namespace gossip
