// Engine's inside: the links, the peers, and how a turn runs. The work is done by Server, Fetcher, Tracker and Dialler.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "core/dialler.h"
#include "core/fetcher.h"
#include "core/log_tail.h"
#include "core/ordered.h"
#include "core/server.h"
#include "core/tracker.h"
#include "gossip/engine.h"

namespace gossip {

class Engine::Impl {
 public:
  Impl(const EngineConfig& config, Store& store, Crypto& crypto, Rng& rng, Desk* desk);

  void on(Now now, const PeersChanged& event);
  void on(Now now, const LinkUp& event);
  void on(Now now, const LinkDown& event);
  void on(Now now, const BytesIn& event);
  void on(Now now, const Writable& event);
  void on(Now now, const DialFailed& event);
  void on(Now now, const Bell& event);
  void on(Now now, const Sibling& event);
  void on(Now now, const ClearBackoff& event);
  void on(Now now, const StoreRoom& event);
  void on(Now now, const KeyJudged& event);
  void on(Now now, const CommitTook& event);

  void tick(Now now);
  bool flush(Now now);
  bool commit(Now now);
  bool poll(Action& out);
  bool more() const { return !agenda_.empty(); }
  std::size_t share(LinkId link) const;
  std::optional<Micros> next_deadline() const;
  void assert_invariants() const;

  EngineStats stats;

 private:
  struct Friend {
    PeerInfo info;
    FetchMemory memory;
    std::size_t ours = 0;          // open sessions that we dialled
    Micros ours_lost = 0;          // since when there is none, in either process
    bool over_quota = false;
    Micros put_off_until = 0;      // what it sent made us crash
  };
  struct Link {
    Link(Impl& engine, Now now, const LinkUp& event, Friend& f);
    ~Link() { hold(0); }
    void hold(std::size_t bytes);  // of a frame that is partly here
    Tracker& tracker;
    const LinkId id;
    const PeerId peer;
    const Micros up_at;
    FrameReader reader;
    const bool dialled;
    bool hello_sent = false, hello_got = false;
    const Pairing pairing;
    Bytes next_key;             // still to be sent
    Hash next_fp{};             // and what answers it
    bool judging = false;       // their key
    bool served = false;        // asked us for something; until then nothing of the server is looked at
    std::size_t free;
    std::size_t held = 0;       // in the tracker's sum
    std::int64_t deficit = 0;   // what it may say in this round; less than nothing after a long body
    std::optional<Micros> timer;
    Fetcher fetcher;
    Server server;
  };
  using Links = OrderedMap<LinkId, std::unique_ptr<Link>>;
  enum class Next { kGoOn, kClosed };

  void hear(Now now, Link& link, View bytes);
  void in_hand(PeerId from, const Id12& mark = {});
  Next on_frame(Now now, Link& link, const RawFrame& frame);
  Next on_body(Now now, Link& link, View payload);
  Next on_head(Now now, Link& link, View payload);
  Next on_hello(Now now, Link& link, View payload);
  Next on_key(Now now, Link& link, const RawFrame& frame);
  Next on_served(Now now, Link& link, FrameType type, View payload);
  Next judge(Now now, Link& link, Fetcher::Verdict verdict);
  Next fail(Now now, Link& link, Why why);
  void close(Now now, Links::iterator link, CloseCode code, Why why);
  void forget(Now now, Links::iterator link, Why why);
  bool covered(const Friend& f) const { return f.ours > 0 || (!config_.dials && siblings_.contains(f.info.peer)); }
  template <class Change>
  void cover_changes(Now now, PeerId peer, Change change);
  void put_off(Now now, PeerId peer, Micros until);
  void choose_fetching(Now now);
  void act(Action action);
  void look_at_quota(Now now, PeerId peer);
  void round(Now now);
  bool pump(Now now, Link& link, bool alone);
  void set_timer(Link& link);
  void everybody();                // has a turn
  std::uint64_t credit_target(const Link& link);
  std::optional<Micros> commit_due() const;

  const EngineConfig config_;
  Store& store_;
  Crypto& crypto_;
  Desk* const desk_;
  LogTail tail_;
  Tracker tracker_;
  Dialler dialler_;
  std::map<PeerId, Friend> friends_;
  std::set<Id12> quarantine_;
  std::set<PeerId> siblings_;  // whom the other process has a session with

  // No work without a reason: only links on the agenda are looked at. Both outlive the links, which write here to the end.
  OrderedSet<LinkId> agenda_;
  OrderedSet<std::pair<Micros, LinkId>> timers_;
  OrderedSet<LinkId> served_;      // subscribed to our log: new rows concern them
  OrderedSet<LinkId> unsaved_;     // with a cursor or an acknowledgement that the next commit takes along
  Links links_;
  std::vector<Action> actions_;    // from next_action_ on
  std::size_t next_action_ = 0;
  std::vector<LinkId> round_, left_;
  Bytes scratch_;                  // what pump() puts together
  bool room_ = true;
  Micros stalled_until_ = 0;
  std::optional<Micros> staged_since_;
  std::optional<Micros> lazy_at_;  // when a cursor or acknowledgement that brings no message is stored

  bool table_full_ = false, flight_full_ = false;
  std::optional<Micros> quota_at_;    // when friends over their quota are looked at again

  Seq seen_size_ = 0;                 // of the store, in the books of the tracker
  Seq served_size_ = 0;               // and in those who are served
  bool choose_ = true;                // who is fetched from has to be decided again
  std::optional<Micros> choose_at_;
};

}  // namespace gossip
