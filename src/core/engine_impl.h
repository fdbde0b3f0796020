// Engine's inside: the links, the peers, and how a turn runs. The work is done by Server, Fetcher, Tracker and Dialler.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "core/dialler.h"
#include "core/fetcher.h"
#include "core/log_tail.h"
#include "core/server.h"
#include "core/tracker.h"
#include "gossip/engine.h"

namespace gossip {

class Engine::Impl {
 public:
  Impl(const EngineConfig& config, Store& store, Crypto& crypto, Rng& rng);

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

  void tick(Now now);
  bool flush(Now now);
  bool commit(Now now);
  bool poll(Action& out);
  std::optional<Micros> next_deadline() const;
  void assert_invariants() const;

  EngineStats stats;

 private:
  struct Friend {
    PeerInfo info;
    FetchMemory memory;
    std::size_t ours = 0;          // open sessions that we dialled
    Micros ours_lost = 0;          // since when there is none, in either process
  };
  struct Link {
    Link(Impl& engine, Now now, const LinkUp& event, FetchMemory& memory);
    const LinkId id;
    const PeerId peer;
    const bool dialled;
    const Micros up_at;
    FrameReader reader;
    bool hello_sent = false, hello_got = false;
    std::size_t free;
    std::optional<Micros> timer;
    Server server;
    Fetcher fetcher;
  };
  using Links = std::map<LinkId, std::unique_ptr<Link>>;
  enum class Next { kGoOn, kClosed };

  Next on_frame(Now now, Link& link, const RawFrame& frame);
  Next on_hello(Now now, Link& link, View payload);
  Next on_served(Now now, Link& link, FrameType type, View payload);
  Next judge(Now now, Link& link, Fetcher::Verdict verdict);
  Next fail(Now now, Link& link, const char* why);
  void close(Now now, Links::iterator link, CloseCode code, const std::string& why);
  void forget(Now now, Links::iterator link, const std::string& why);
  bool covered(const Friend& f) const { return f.ours > 0 || (!config_.dials && siblings_.contains(f.info.peer)); }
  template <class Change>
  void cover_changes(Now now, PeerId peer, Change change);
  void choose_fetching(Now now);
  void pump(Now now, Link& link);
  void set_timer(Link& link);
  void everybody();                // has a turn
  std::uint64_t credit_target() const;
  std::optional<Micros> commit_due() const;

  const EngineConfig config_;
  Store& store_;
  Crypto& crypto_;
  LogTail tail_;
  Tracker tracker_;
  Dialler dialler_;
  std::map<PeerId, Friend> friends_;
  std::set<PeerId> siblings_;  // whom the other process has a session with

  // No work without a reason: only links on the agenda are looked at. Both outlive the links, which write here to the end.
  std::set<LinkId> agenda_;
  std::set<std::pair<Micros, LinkId>> timers_;
  Links links_;
  std::deque<Action> actions_;
  Bytes scratch_;                  // what pump() puts together
  bool room_ = true;
  Micros stalled_until_ = 0;
  std::optional<Micros> staged_since_;
  std::optional<Micros> lazy_at_;  // when a cursor or acknowledgement that brings no message is stored

  Seq seen_size_ = 0;
  bool choose_ = true;                // who is fetched from has to be decided again
  std::optional<Micros> choose_at_;
};

}  // namespace gossip
