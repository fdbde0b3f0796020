// Sessions by invitation: one KEY and its answer, and they are over (gossip(7), INVITATIONS).
#include "core/engine_impl.h"
#include "gossip/pair.h"

namespace gossip {

Engine::Impl::Next Engine::Impl::on_key(Now now, Link& link, const RawFrame& frame) {
  const auto key = static_cast<FrameType>(frame.type) == FrameType::kKey ? decode_key(frame.payload) : std::nullopt;
  if (!key || link.judging) return fail(now, link, Why::kProtocolError);
  if (link.pairing == Pairing::kInvited) {
    link.judging = true;
    act(KeyCame{link.id, link.peer, link.fetcher.gen(), Bytes(key->key.begin(), key->key.end())});
    return Next::kGoOn;
  }
  // Before ours was sent nothing answers it.
  const bool ours = link.next_key.empty() && std::equal(key->key.begin(), key->key.end(), link.next_fp.begin(), link.next_fp.end());
  if (!ours) return fail(now, link, Why::kProtocolError);
  act(KeyTaken{link.peer, link.fetcher.gen()});
  close(now, links_.find(link.id), CloseCode::kNormal, Why::kChanged);
  return Next::kClosed;
}

// They know that it is stored as soon as this answer is there; where it is lost, the new keys tell them.
void Engine::Impl::on(Now now, const KeyJudged& event) {
  auto it = links_.find(event.link);
  if (it == links_.end() || !it->second->judging) return;
  if (!event.fp && !event.later) {
    fail(now, *it->second, Why::kBadKey);
    return;
  }
  if (event.fp) {
    Bytes out;
    encode(out, Key{*event.fp});
    act(Send{event.link, std::move(out)});
  }
  close(now, it, event.fp ? CloseCode::kNormal : CloseCode::kBusy, Why::kChanged);
}

}  // namespace gossip
