#include "gossip/engine.h"

#include <algorithm>

#include "core/engine_impl.h"
#include "gossip/check.h"
#include "gossip/limits.h"
#include "gossip/message.h"
#include "gossip/pair.h"

namespace gossip {

constexpr std::size_t kFirstRoom = 16 * 1024;  // before the driver has said how much a link takes

Engine::Impl::Impl(const EngineConfig& config, Store& store, Crypto& crypto, Rng& rng, Desk* desk)
    : config_(config), store_(store), crypto_(crypto), desk_(desk), tail_(store, crypto), tracker_(store), dialler_(config, rng) {}

Engine::Impl::Link::Link(Impl& engine, Now now, const LinkUp& event, Friend& f)
    : tracker(engine.tracker_), id(event.link), peer(event.peer), up_at(now.mono), dialled(event.dialled), pairing(f.info.pairing),
      next_key(f.info.next_key), free(kFirstRoom),
      fetcher(engine.store_, engine.tracker_, engine.stats, f.memory, event.peer, event.gen, event.link, engine.agenda_,
              engine.unsaved_),
      server(engine.store_, engine.crypto_, engine.tail_, engine.stats, event.peer, event.gen) {
  if (!next_key.empty()) next_fp = fingerprint(engine.crypto_, next_key);
}

void Engine::Impl::Link::hold(std::size_t bytes) {
  tracker.flight += bytes - held;
  held = bytes;
}

// --- friends and links

void Engine::Impl::on(Now now, const PeersChanged& event) {
  std::map<PeerId, PeerInfo> wanted;
  for (const PeerInfo& info : event.peers) wanted.emplace(info.peer, info);
  auto stays = [&](PeerId peer, std::uint64_t gen) {
    auto it = wanted.find(peer);
    return it != wanted.end() && it->second.gen == gen;
  };
  for (std::size_t i = links_.size(); i-- > 0;) {
    auto link = links_.begin() + static_cast<std::ptrdiff_t>(i);
    if (stays(link->second->peer, link->second->fetcher.gen())) continue;
    close(now, link, CloseCode::kNormal, Why::kChanged);
  }
  std::erase_if(friends_, [&](const auto& f) { return !stays(f.first, f.second.info.gen); });
  dialler_.set_peers(now, event.peers);
  quarantine_ = event.quarantine;
  for (const auto& [peer, info] : wanted) {
    auto [f, fresh] = friends_.try_emplace(peer);
    const unsigned before = std::exchange(f->second.info, info).crashes;
    if (fresh) f->second.ours_lost = now.mono;
    if (info.crashes > before && info.put_off > 0) put_off(now, peer, now.mono + info.put_off);
  }
  choose_ = true;
  everybody();  // shares of credit may have changed
}

// In both processes, whichever of them it was that crashed.
void Engine::Impl::put_off(Now now, PeerId peer, Micros until) {
  friends_.at(peer).put_off_until = until;
  for (std::size_t i = links_.size(); i-- > 0;) {
    auto link = links_.begin() + static_cast<std::ptrdiff_t>(i);
    if (link->second->peer == peer) close(now, link, CloseCode::kBusy, Why::kMadeUsCrash);
  }
  if (config_.dials) dialler_.put_off(now, peer, until);
  else act(Note{peer, false, Health::kWaiting, Why::kMadeUsCrash});
}

void Engine::Impl::on(Now now, const LinkUp& event) {
  auto f = friends_.find(event.peer);
  if (f == friends_.end() || f->second.info.gen != event.gen) {
    act(CloseLink{event.link, CloseCode::kNormal});
    if (event.dialled) dialler_.failed(now, event.peer, Why::kChanged);
    return;
  }
  if (now.mono < f->second.put_off_until) {
    act(CloseLink{event.link, CloseCode::kBusy});
    if (event.dialled) dialler_.failed(now, event.peer, Why::kMadeUsCrash);
    else act(Note{event.peer, false, Health::kWaiting, Why::kMadeUsCrash});
    return;
  }
  GOSSIP_CHECK(!links_.contains(event.link));
  auto older = std::find_if(links_.begin(), links_.end(), [&](const auto& l) {
    return l.second->peer == event.peer && l.second->dialled == event.dialled;
  });
  if (older != links_.end()) close(now, older, CloseCode::kReplaced, Why::kNone);
  links_.insert({event.link, std::make_unique<Link>(*this, now, event, f->second)});
  look_at_quota(now, event.peer);
  if (f->second.over_quota) quota_at_ = now.mono;  // to be told once more, behind what is told of the session
  agenda_.insert(event.link);
  choose_ = true;
  if (event.dialled) {
    dialler_.up(now, event.peer);
    cover_changes(now, event.peer, [](Friend& one) { ++one.ours; });
  } else {
    dialler_.inbound(now, event.peer, true);
    act(Note{event.peer, false, Health::kUp, Why::kNone});
  }
}

void Engine::Impl::on(Now now, const LinkDown& event) {
  auto link = links_.find(event.link);
  if (link != links_.end()) forget(now, link, why_of(event.why));
}

void Engine::Impl::everybody() {
  for (const auto& [id, link] : links_) agenda_.insert(id);
}

void Engine::Impl::close(Now now, Links::iterator link, CloseCode code, Why why) {
  act(CloseLink{link->first, code});
  forget(now, link, why);
}

void Engine::Impl::forget(Now now, Links::iterator it, Why why) {
  const PeerId peer = it->second->peer;
  const bool dialled = it->second->dialled;
  if (it->second->timer) timers_.erase({*it->second->timer, it->first});
  const LinkId id = it->first;
  std::unique_ptr<Link> gone = std::move(it->second);
  links_.erase(it);
  gone.reset();  // others take over what was asked of it
  served_.erase(id);
  unsaved_.erase(id);
  choose_ = true;
  const bool another = std::any_of(links_.begin(), links_.end(),
                                   [&](const auto& l) { return l.second->peer == peer && l.second->dialled == dialled; });
  if (dialled) {
    dialler_.down(now, peer, why);
    cover_changes(now, peer, [](Friend& one) { --one.ours; });
  } else if (!another && why != Why::kNone) {
    dialler_.inbound(now, peer, false);
    act(Note{peer, false, Health::kWaiting, why});
  }
}

template <class Change>
void Engine::Impl::cover_changes(Now now, PeerId peer, Change change) {
  choose_ = true;
  auto f = friends_.find(peer);
  if (f == friends_.end()) return;
  const bool was = covered(f->second);
  change(f->second);
  if (was && !covered(f->second)) f->second.ours_lost = now.mono;
}

void Engine::Impl::on(Now, const Writable& event) {
  auto link = links_.find(event.link);
  if (link == links_.end()) return;
  link->second->free = event.free;
  agenda_.insert(event.link);
}

void Engine::Impl::on(Now now, const DialFailed& event) { dialler_.failed(now, event.peer, event.why); }

void Engine::Impl::on(Now, const Bell&) {}  // flush() looks at the store's size

void Engine::Impl::on(Now now, const Sibling& event) {
  auto note = [&] {
    if (event.up) siblings_.insert(event.peer); else siblings_.erase(event.peer);
  };
  if (!friends_.contains(event.peer)) return note();  // it may become known a moment later
  cover_changes(now, event.peer, [&](Friend&) { note(); });
  dialler_.inbound(now, event.peer, event.up);
}

void Engine::Impl::on(Now now, const ClearBackoff&) {
  for (auto& [peer, f] : friends_) f.put_off_until = 0;
  dialler_.clear(now);
}

void Engine::Impl::on(Now, const StoreRoom& event) {
  stats.stops_store += room_ && !event.room;
  room_ = event.room;
}

// Half of the time at most is spent committing; the other half is for those who wait to be heard and served.
void Engine::Impl::on(Now now, const CommitTook& event) {
  if (event.took < kSlowCommit) return;
  ++stats.stops_slow;
  stalled_until_ = std::max(stalled_until_, now.mono + std::min(event.took, kStall));
}

// --- what friends say

void Engine::Impl::on(Now now, const BytesIn& event) {
  auto it = links_.find(event.link);
  if (it == links_.end()) return;
  stats.bytes_in += event.bytes.size();
  in_hand(it->second->peer);
  hear(now, *it->second, event.bytes);
  if (desk_) desk_->clear();
}

void Engine::Impl::in_hand(PeerId from, const Id12& mark) {
  if (desk_) desk_->take(from, mark);
}

void Engine::Impl::hear(Now now, Link& link, View bytes) {
  link.reader.feed(bytes);
  RawFrame frame;
  for (;; in_hand(link.peer)) {
    FrameReader::Got got = link.reader.next(frame);
    if (got == FrameReader::Got::kMore) break;
    if (got == FrameReader::Got::kBad) {
      fail(now, link, Why::kProtocolError);
      return;
    }
    ++stats.frames_in;
    if (on_frame(now, link, frame) == Next::kClosed) return;
  }
  const std::size_t partial = link.reader.buffered();
  if (partial == 0) return link.hold(0);
  const auto body = link.reader.body_begun();
  if (body && !link.fetcher.expects(*body)) {
    fail(now, link, Why::kProtocolError);
    return;
  }
  link.hold(body && link.fetcher.counted(*body) ? 0 : partial);
  link.fetcher.on_data(now, link.reader.body_pending());
}

std::size_t Engine::Impl::share(LinkId link) const {
  auto it = links_.find(link);
  return it != links_.end() && it->second->fetcher.catching_up() ? kQuantum : kTailShare * kQuantum;
}

Engine::Impl::Next Engine::Impl::fail(Now now, Link& link, Why why) {
  ++stats.protocol_errors;
  Bytes out;
  encode(out, Err{static_cast<std::uint8_t>(CloseCode::kProtocolError)});
  act(Send{link.id, std::move(out)});
  close(now, links_.find(link.id), CloseCode::kProtocolError, why);
  return Next::kClosed;
}

Engine::Impl::Next Engine::Impl::on_frame(Now now, Link& link, const RawFrame& frame) {
  const auto type = static_cast<FrameType>(frame.type);
  if (!link.hello_got) return type == FrameType::kHello ? on_hello(now, link, frame.payload) : fail(now, link, Why::kProtocolError);
  if (frame.type >= kIgnorableFrom) return Next::kGoOn;
  if (link.pairing != Pairing::kDone && type != FrameType::kErr) return on_key(now, link, frame);
  switch (type) {
    case FrameType::kHead: return on_head(now, link, frame.payload);
    case FrameType::kHave: return judge(now, link, link.fetcher.on_have(now, frame.payload));
    case FrameType::kBody: return on_body(now, link, frame.payload);
    case FrameType::kGone: {
      auto gone = decode_seqs(frame.payload);
      return judge(now, link, gone ? link.fetcher.on_gone(now, *gone) : Fetcher::Verdict::kProtocolError);
    }
    case FrameType::kErr:
      if (!decode_err(frame.payload)) return fail(now, link, Why::kProtocolError);
      close(now, links_.find(link.id), CloseCode::kNormal, Why::kBlamed);
      return Next::kClosed;
    default: return on_served(now, link, type, frame.payload);
  }
}

// Only a message is marked, since only that is the same trouble from whoever brings it; and by what came, not by what was listed,
// or a friend could have us refuse a message it never had.
Engine::Impl::Next Engine::Impl::on_body(Now now, Link& link, View payload) {
  const auto body = decode_body(payload);
  if (!body) return fail(now, link, Why::kProtocolError);
  const Hash id = message_id(crypto_, body->message);
  const Id12 mark = front_of(id);
  in_hand(link.peer, mark);
  if (!quarantine_.contains(mark)) return judge(now, link, link.fetcher.on_body(now, *body, id));
  ++stats.quarantined;
  return judge(now, link, link.fetcher.refuse(now, body->seq));
}

Engine::Impl::Next Engine::Impl::on_hello(Now now, Link& link, View payload) {
  if (!decode_hello(payload)) return fail(now, link, Why::kOtherVersion);
  link.hello_got = true;
  agenda_.insert(link.id);
  return Next::kGoOn;
}

Engine::Impl::Next Engine::Impl::on_head(Now now, Link& link, View payload) {
  const auto head = decode_head(payload);
  const auto restarts = stats.other_log + stats.mismatch;
  const bool answer = link.fetcher.awaiting_head();
  const auto verdict = head ? link.fetcher.on_head(now, *head) : Fetcher::Verdict::kProtocolError;
  const bool restarted = stats.other_log + stats.mismatch != restarts;
  const bool twice = answer && friends_.at(link.peer).memory.twice(now);  // for as long as that may last
  if (twice || restarted) act(Note{link.peer, link.dialled, Health::kUp, twice ? Why::kLogTwice : Why::kLogRestarted});
  if (link.fetcher.adopting()) lazy_at_ = now.mono;
  return judge(now, link, verdict);
}

Engine::Impl::Next Engine::Impl::on_served(Now now, Link& link, FrameType type, View payload) {
  bool fine = false;
  if (type == FrameType::kFetch) {
    auto fetch = decode_fetch(payload);
    const bool known = link.server.older_copy();
    fine = fetch && link.server.on_fetch(*fetch);
    if (link.server.older_copy() && !known) {  // they descend from there: that is one finding, not many
      ++stats.older_copy;
      act(Note{link.peer, link.dialled, Health::kUp, Why::kOlderCopy});
    }
    link.served = true;
    agenda_.insert(link.id);
    if (link.server.subscribed()) served_.insert(link.id); else served_.erase(link.id);
  } else if (type == FrameType::kWant) {
    auto want = decode_seqs(payload);
    fine = want && link.server.on_want(*want);
    agenda_.insert(link.id);
  } else if (type == FrameType::kCredit) {
    auto credit = decode_credit(payload);
    fine = credit && link.server.on_credit(*credit);
    if (fine && credit->more > 0) agenda_.insert(link.id);
  }
  if (link.server.ack_unstored()) unsaved_.insert(link.id);
  return fine ? Next::kGoOn : fail(now, link, Why::kProtocolError);
}

Engine::Impl::Next Engine::Impl::judge(Now now, Link& link, Fetcher::Verdict verdict) {
  switch (verdict) {
    case Fetcher::Verdict::kOk: return Next::kGoOn;
    case Fetcher::Verdict::kProtocolError: return fail(now, link, Why::kProtocolError);
    case Fetcher::Verdict::kWrongBody: return fail(now, link, Why::kWrongMessage);
    case Fetcher::Verdict::kGiveUp: break;
  }
  if (!link.dialled) {  // the session is theirs: they may go on reading from us
    link.fetcher.give_up();
    return Next::kGoOn;
  }
  const bool twice = friends_.at(link.peer).memory.twice(now);
  close(now, links_.find(link.id), CloseCode::kNormal, twice ? Why::kLogTwice : Why::kLogChanging);
  return Next::kClosed;
}

// --- the outside

Engine::Engine(const EngineConfig& config, Store& store, Crypto& crypto, Rng& rng, Desk* desk)
    : impl_(std::make_unique<Impl>(config, store, crypto, rng, desk)) {}
Engine::~Engine() = default;
void Engine::handle(Now now, const Event& event) {
  std::visit([&](const auto& e) { impl_->on(now, e); }, event);
}
void Engine::tick(Now now) { impl_->tick(now); }
bool Engine::flush(Now now) { return impl_->flush(now); }
bool Engine::more() const { return impl_->more(); }
std::size_t Engine::share(LinkId link) const { return impl_->share(link); }
bool Engine::poll(Action& out) { return impl_->poll(out); }
std::optional<Micros> Engine::next_deadline() const { return impl_->next_deadline(); }
const EngineStats& Engine::stats() const { return impl_->stats; }
void Engine::finish(Now now) { impl_->commit(now); }
void Engine::assert_invariants() const { impl_->assert_invariants(); }

}  // namespace gossip
