#include "gossip/engine.h"

#include <algorithm>

#include "core/engine_impl.h"
#include "gossip/check.h"
#include "gossip/limits.h"

namespace gossip {

constexpr std::size_t kFirstRoom = 16 * 1024;  // before the driver has said how much a link takes

Engine::Impl::Impl(const EngineConfig& config, Store& store, Crypto& crypto, Rng& rng)
    : config_(config), store_(store), crypto_(crypto), tail_(store, crypto), tracker_(store), dialler_(config, rng) {}

Engine::Impl::Link::Link(Impl& engine, Now now, const LinkUp& event, FetchMemory& memory)
    : id(event.link), peer(event.peer), dialled(event.dialled), up_at(now.mono), free(kFirstRoom),
      server(engine.store_, engine.crypto_, engine.tail_, engine.stats, event.peer, event.gen),
      fetcher(engine.store_, engine.crypto_, engine.tracker_, engine.stats, memory, event.peer, event.gen, event.link,
              engine.agenda_) {}

// --- friends and links

void Engine::Impl::on(Now now, const PeersChanged& event) {
  std::map<PeerId, PeerInfo> wanted;
  for (const PeerInfo& info : event.peers) wanted.emplace(info.peer, info);
  auto stays = [&](PeerId peer, std::uint64_t gen) {
    auto it = wanted.find(peer);
    return it != wanted.end() && it->second.gen == gen;
  };
  for (auto it = links_.begin(); it != links_.end();) {
    auto link = it++;
    if (!stays(link->second->peer, link->second->fetcher.gen())) {
      close(now, link, CloseCode::kNormal, "no longer a friend, or with a new key");
    }
  }
  std::erase_if(friends_, [&](const auto& f) { return !stays(f.first, f.second.info.gen); });
  for (const auto& [peer, info] : wanted) {
    auto [f, fresh] = friends_.try_emplace(peer);
    f->second.info = info;
    if (fresh) f->second.ours_lost = now.mono;
  }
  dialler_.set_peers(now, event.peers);
  choose_ = true;
  everybody();  // shares of credit may have changed
}

void Engine::Impl::on(Now now, const LinkUp& event) {
  auto f = friends_.find(event.peer);
  if (f == friends_.end() || f->second.info.gen != event.gen) {
    actions_.push_back(CloseLink{event.link, CloseCode::kNormal});
    if (event.dialled) dialler_.failed(now, event.peer, "the key was replaced meanwhile");
    return;
  }
  GOSSIP_CHECK(!links_.contains(event.link));
  auto older = std::find_if(links_.begin(), links_.end(), [&](const auto& l) {
    return l.second->peer == event.peer && l.second->dialled == event.dialled;
  });
  if (older != links_.end()) close(now, older, CloseCode::kReplaced, "");
  links_.emplace(event.link, std::make_unique<Link>(*this, now, event, f->second.memory));
  agenda_.insert(event.link);
  choose_ = true;
  if (event.dialled) {
    dialler_.up(now, event.peer);
    cover_changes(now, event.peer, [](Friend& one) { ++one.ours; });
  } else {
    dialler_.heard_from(now, event.peer);
    actions_.push_back(Note{event.peer, false, Health::kUp, ""});
  }
}

void Engine::Impl::on(Now now, const LinkDown& event) {
  auto link = links_.find(event.link);
  if (link != links_.end()) forget(now, link, end_words(event.why));
}

void Engine::Impl::everybody() {
  for (const auto& [id, link] : links_) agenda_.insert(id);
}

void Engine::Impl::close(Now now, Links::iterator link, CloseCode code, const std::string& why) {
  actions_.push_back(CloseLink{link->first, code});
  forget(now, link, why);
}

void Engine::Impl::forget(Now now, Links::iterator it, const std::string& why) {
  const PeerId peer = it->second->peer;
  const bool dialled = it->second->dialled;
  if (it->second->timer) timers_.erase({*it->second->timer, it->first});
  links_.erase(it);
  choose_ = true;
  const bool another = std::any_of(links_.begin(), links_.end(),
                                   [&](const auto& l) { return l.second->peer == peer && l.second->dialled == dialled; });
  if (dialled) {
    dialler_.down(now, peer, why);
    cover_changes(now, peer, [](Friend& one) { --one.ours; });
  } else if (!another && !why.empty()) {
    actions_.push_back(Note{peer, false, Health::kWaiting, why});
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
  if (event.up) dialler_.heard_from(now, event.peer);
}

void Engine::Impl::on(Now now, const ClearBackoff&) { dialler_.clear(now); }

void Engine::Impl::on(Now, const StoreRoom& event) { room_ = event.room; }

// --- what friends say

void Engine::Impl::on(Now now, const BytesIn& event) {
  auto it = links_.find(event.link);
  if (it == links_.end()) return;
  Link& link = *it->second;
  stats.bytes_in += event.bytes.size();
  agenda_.insert(event.link);
  link.reader.feed(event.bytes);
  RawFrame frame;
  for (;;) {
    FrameReader::Got got = link.reader.next(frame);
    if (got == FrameReader::Got::kMore) break;
    if (got == FrameReader::Got::kBad) {
      fail(now, link, "sent a frame that is too long");
      return;
    }
    ++stats.frames_in;
    if (on_frame(now, link, frame) == Next::kClosed) return;
  }
  link.fetcher.on_data(now, link.reader.body_pending());
}

Engine::Impl::Next Engine::Impl::fail(Now now, Link& link, const char* why) {
  ++stats.protocol_errors;
  Bytes out;
  encode(out, Err{static_cast<std::uint8_t>(CloseCode::kProtocolError)});
  actions_.push_back(Send{link.id, std::move(out)});
  close(now, links_.find(link.id), CloseCode::kProtocolError, why);
  return Next::kClosed;
}

Engine::Impl::Next Engine::Impl::on_frame(Now now, Link& link, const RawFrame& frame) {
  const auto type = static_cast<FrameType>(frame.type);
  if (!link.hello_got) return type == FrameType::kHello ? on_hello(now, link, frame.payload) : fail(now, link, "spoke before HELLO");
  if (frame.type >= kIgnorableFrom) return Next::kGoOn;
  switch (type) {
    case FrameType::kHead: {
      const auto head = decode_head(frame.payload);
      const auto restarts = stats.other_log + stats.mismatch;
      const auto verdict = head ? link.fetcher.on_head(now, *head) : Fetcher::Verdict::kProtocolError;
      if (stats.other_log + stats.mismatch != restarts) {
        actions_.push_back(Note{link.peer, link.dialled, Health::kUp, "its log is not the one it was: reading it from the start"});
      }
      return judge(now, link, verdict);
    }
    case FrameType::kHave: return judge(now, link, link.fetcher.on_have(frame.payload));
    case FrameType::kBody: {
      auto body = decode_body(frame.payload);
      return judge(now, link, body ? link.fetcher.on_body(now, *body) : Fetcher::Verdict::kProtocolError);
    }
    case FrameType::kGone: {
      auto gone = decode_seqs(frame.payload);
      return judge(now, link, gone ? link.fetcher.on_gone(now, *gone) : Fetcher::Verdict::kProtocolError);
    }
    case FrameType::kErr:
      if (!decode_err(frame.payload)) return fail(now, link, "broke the protocol");
      close(now, links_.find(link.id), CloseCode::kNormal, "says that we broke the protocol");
      return Next::kClosed;
    default: return on_served(now, link, type, frame.payload);
  }
}

Engine::Impl::Next Engine::Impl::on_hello(Now now, Link& link, View payload) {
  if (!decode_hello(payload)) return fail(now, link, "speaks another version");
  link.hello_got = true;
  return Next::kGoOn;
}

Engine::Impl::Next Engine::Impl::on_served(Now now, Link& link, FrameType type, View payload) {
  bool fine = false;
  if (type == FrameType::kFetch) {
    auto fetch = decode_fetch(payload);
    fine = fetch && link.server.on_fetch(now, *fetch);
  } else if (type == FrameType::kWant) {
    auto want = decode_seqs(payload);
    fine = want && link.server.on_want(*want);
  } else if (type == FrameType::kCredit) {
    auto credit = decode_credit(payload);
    fine = credit && link.server.on_credit(now, *credit);
  }
  return fine ? Next::kGoOn : fail(now, link, "broke the protocol");
}

Engine::Impl::Next Engine::Impl::judge(Now now, Link& link, Fetcher::Verdict verdict) {
  switch (verdict) {
    case Fetcher::Verdict::kOk: return Next::kGoOn;
    case Fetcher::Verdict::kProtocolError: return fail(now, link, "broke the protocol");
    case Fetcher::Verdict::kWrongBody: return fail(now, link, "sent another message than it announced");
    case Fetcher::Verdict::kGiveUp: break;
  }
  if (!link.dialled) {  // the session is theirs: they may go on reading from us
    link.fetcher.give_up();
    return Next::kGoOn;
  }
  close(now, links_.find(link.id), CloseCode::kNormal, "its log changed again within ten minutes");
  return Next::kClosed;
}

// --- the outside

Engine::Engine(const EngineConfig& config, Store& store, Crypto& crypto, Rng& rng)
    : impl_(std::make_unique<Impl>(config, store, crypto, rng)) {}
Engine::~Engine() = default;
void Engine::handle(Now now, const Event& event) {
  std::visit([&](const auto& e) { impl_->on(now, e); }, event);
}
void Engine::tick(Now now) { impl_->tick(now); }
bool Engine::flush(Now now) { return impl_->flush(now); }
bool Engine::poll(Action& out) { return impl_->poll(out); }
std::optional<Micros> Engine::next_deadline() const { return impl_->next_deadline(); }
const EngineStats& Engine::stats() const { return impl_->stats; }
void Engine::finish(Now now) { impl_->commit(now); }
void Engine::assert_invariants() const { impl_->assert_invariants(); }

}  // namespace gossip
