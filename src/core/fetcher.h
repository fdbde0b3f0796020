// Fetcher: what we take from one friend over one session (gossip(7), FETCHING).
//
//   OFF --start()--> AWAIT_HEAD --HEAD OK--> STREAMING
//                        |--MISMATCH: one rung down, FETCH again--|
//                        '--OTHER_LOG: adopt it, cursor 0, FETCH again--'
//
// pause() and start() switch asking and granting off and on; what is listed meanwhile is kept and looked up again, so that a
// subscription can be taken up where it was. (A second FETCH could not be told from the first one's HEADs.)
#pragma once

#include <array>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/ordered.h"
#include "core/tracker.h"
#include "gossip/engine.h"
#include "gossip/frame.h"
#include "gossip/limits.h"
#include "gossip/time.h"

namespace gossip {

// What outlives a session with one friend.
struct FetchMemory {
  std::optional<Micros> restarted;                 // when its log was last read again from further down
  bool descending = false;                         // and until a HEAD says OK
  bool unsettled = false;                          // no HEAD said OK since the log was last seen to be set back
  std::array<std::optional<Micros>, kLogFlips> set_back;  // when it was, with an OK between each two; the latest first
  std::map<std::pair<Seq, Id12>, unsigned> wrong;  // wrong bodies behind the cursor, by what was listed; at most kCreditGrant
  // The log goes back and forth: two daemons seem to run on copies of one database.
  bool twice(Now now) const { return set_back.back() && now.mono - *set_back.back() <= kFlipTime; }
};

class Fetcher {
 public:
  enum class Verdict { kOk, kProtocolError, kWrongBody, kGiveUp };  // kGiveUp: CLOSE 0 and back-off

  // Whenever there may be something to produce, or its next deadline has moved, `link` is put on `agenda`; when the next commit may
  // move its cursor, on `unsaved`.
  Fetcher(Store& store, Tracker& tracker, EngineStats& stats, FetchMemory& memory, PeerId peer, std::uint64_t gen, LinkId link,
          OrderedSet<LinkId>& agenda, OrderedSet<LinkId>& unsaved);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;

  void start();  // FETCH is due, or a pause ends
  void pause();  // grants and asks no more; what was asked may still come
  void set_budget(std::uint64_t bytes);  // of bodies, until the next call; none: asks and grants no more
  PeerId peer() const { return peer_; }
  std::uint64_t gen() const { return gen_; }
  bool off() const { return state_ == State::kOff; }  // has nothing to say and waits for nothing
  bool running() const { return state_ != State::kOff && !paused_; }
  bool awaiting_head() const { return state_ == State::kAwaitHead && !fetch_due_ && !adopting_; }

  Verdict on_head(Now now, const Head& head);
  Verdict on_have(Now now, View payload);
  Verdict on_body(Now now, const Body& body, const Hash& id);  // what it is, by its own hash
  Verdict on_gone(Now now, const Seqs& gone);
  void on_data(Now now, std::size_t body_pending);  // bytes came, and a BODY of this length is arriving (0: none is)
  Verdict refuse(Now now, Seq seq);  // a BODY of it came, and is not looked at
  bool expects(Seq seq) const { return leave_.contains(seq); }      // a BODY
  bool counted(Seq seq) const { return outstanding_.contains(seq); }  // among what is in flight
  bool catching_up() const { return state_ == State::kStreaming && upto_ + kMaxBatch < size_; }
  void tick(Now now);
  bool overdue(Now now) const;  // no HEAD in kHeadTime
  void give_up();               // fetches nothing over this session any more

  // Frames: FETCH, WANT, CREDIT. `target`: entries this friend may have listed or in hand at most.
  // No `room`: only books are kept.
  void produce(Now now, Bytes& out, bool room, std::uint64_t target);
  std::optional<Micros> next_deadline(bool room) const;

  // --- for the tracker
  bool can_ask(const Provider& what) const;
  void asked(EntryRef entry, Seq seq, std::uint64_t size);
  void unasked(Seq seq);
  void queue(Seq seq) { queue_.push_back(seq); }
  void resolved(Seq seq);
  HaveGroup& group(std::uint64_t number) { return groups_.find(number)->second; }
  void staged() { unsaved_.insert(link_); }  // something it has listed

  // --- for the commit
  std::optional<CursorUpdate> cursor_due() const;  // what the next commit may store
  bool adopting() const { return adopting_; }      // and it should not wait
  void cursor_committed(Now now);
  std::uint64_t in_flight() const { return outstanding_bytes_; }
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
    Micros since = 0;  // its WANT went out; 0: not yet
  };

  Verdict adopt(Now now, const Head& head);
  void count_set_back(Now now);
  bool window_open() const;
  void tidy();                      // books do not grow with what is done with
  void recount();                   // reserved(), in the tracker's sum
  bool credit_due() const;
  bool barred() const { return budget_ == 0; }
  void send_wants(Now now, Bytes& out);
  void send_credit(Now now, Bytes& out);
  void resolve_here(Seq seq);       // GONE or refused: for this friend's cursor only
  void answered(Now now, Seq seq);  // a BODY or GONE that answers a WANT
  void fill_window();
  Micros wait() const;
  Verdict wrong_body(Seq seq, const Id12& id12);
  Verdict take_body(const Body& body, const Hash& id, const Asked& asked, std::optional<EntryRef> entry);

  Store& store_;
  Tracker& tracker_;
  EngineStats& stats_;
  FetchMemory& memory_;
  const PeerId peer_;
  const std::uint64_t gen_;
  const LinkId link_;
  OrderedSet<LinkId>& agenda_;
  OrderedSet<LinkId>& unsaved_;

  State state_ = State::kOff;
  bool fetch_due_ = false;
  bool adopting_ = false;      // another log: FETCH follows when that is committed
  bool paused_ = false, given_up_ = false;
  std::uint64_t budget_ = UINT64_MAX, taken_ = 0;  // what may be taken of it, and what was since it was set
  Cursor cursor_;              // committed, as are
  Ladder ladder_;
  Seq upto_ = 0;               // the last HAVE's
  Seq size_ = 0;               // the last HEAD's
  std::uint64_t granted_ = 0;  // entries the friend may still list
  std::uint64_t target_ = 0;   // what granted and listed may come to
  std::optional<Rung> passed_;               // up to here nothing is open; the groups lie behind it
  Ladder passed_ladder_;                     // up to there
  OrderedMap<std::uint64_t, HaveGroup> groups_;  // each with something open when it came; what was all closed joins the one before
  std::uint64_t last_group_ = 0;
  OrderedMap<Seq, EntryRef> listings_;       // listed, not resolved
  OrderedMap<Seq, Asked> leave_;             // what the friend may still send: one BODY or GONE each, however late
  OrderedMap<Seq, Outstanding> outstanding_;
  std::uint64_t outstanding_bytes_ = 0;
  // Grows with what is answered. Rationale: what little there is to catch up with is shared among all friends who have it.
  std::size_t window_ = kFirstWindow;
  OrderedSet<Seq> want_;                     // WANTs to send
  std::list<Seq> queue_;              // unasked entries this friend has listed, and some that it has no more
  bool draining_ = false;             // the first of the queue waits for an empty window, and nothing overtakes it
  std::uint64_t counted_ = 0;         // of reserved(), in the tracker's sum
  Seq acked_ = 0;
  Micros ack_at_ = 0;

  Micros progress_at_ = 0;   // when the outstanding ones are asked elsewhere
  Micros look_at_ = 0;       // when each of them is looked at, however much else was answered
  unsigned strikes_ = 0;     // silences since the last progress
  std::size_t doubt_ = 0;    // so many were asked elsewhere at the last silence
  Micros body_until_ = 0;    // a BODY that is arriving holds the timer back no longer than this
  Micros fetch_sent_ = 0;
  Micros rtt_ = 0;
};

}  // namespace gossip
