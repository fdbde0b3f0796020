#include "gossipc/party.h"

#include <algorithm>

#include "gossip/chain.h"

namespace gossip::client {
namespace {

constexpr LinkId kLink = 1;

}  // namespace

void BriefStore::append(const Incoming& message) {
  chains_.push_back(chain_next(crypto_, chains_.empty() ? Hash{} : chains_.back(), message.id));
  messages_.push_back(message);
}

bool BriefStore::held(std::uint64_t epoch, const Id12& id12) {
  return std::any_of(messages_.begin(), messages_.end(), [&](const Incoming& one) {
    return one.epoch == epoch && std::equal(id12.begin(), id12.end(), one.id.begin());
  });
}

std::size_t BriefStore::rows(Seq after, std::span<LogRow> out) {
  std::size_t n = 0;
  for (; n < out.size() && after + n < messages_.size(); ++n) {
    const Incoming& one = messages_[after + n];
    out[n] = LogRow{after + n + 1, one.epoch, one.id, one.via, one.message.size()};
  }
  return n;
}

bool BriefStore::body(Seq seq, Bytes& message) {
  if (seq == 0 || seq > messages_.size()) return false;
  const Bytes& body = messages_[seq - 1].message;
  message.insert(message.end(), body.begin(), body.end());
  return true;
}

Committed BriefStore::commit(std::span<const Incoming> messages, std::span<const CursorUpdate> cursors, std::span<const AckUpdate>) {
  for (const Incoming& one : messages) append(one);
  for (const CursorUpdate& one : cursors) cursor_ = one.cursor;
  return {true, messages.size()};
}

Party::Party(Crypto& crypto, Rng& rng, Now now, const PairKeys& pair, bool dials, std::unique_ptr<Channel> channel)
    : pair_(pair), store_(crypto, rng), engine_(EngineConfig{.dials = dials}, store_, crypto, rng), channel_(std::move(channel)) {
  now.mono -= kHour;
  engine_.handle(now, PeersChanged{{PeerInfo{pair.peer, pair.gen, false, 0}}});
}

void Party::hear(Now now, View bytes) { channel_->receive(now, bytes); }

void Party::settle(Now now) {
  if (over_) return;
  if (channel_->open() && !announced_) {
    announced_ = true;
    engine_.handle(now, LinkUp{kLink, pair_.peer, pair_.gen, channel_->dialled()});
    engine_.handle(now, Writable{kLink, channel_->free()});
  }
  if (!announced_) return;
  if (!channel_->stream().empty()) engine_.handle(now, BytesIn{kLink, channel_->stream()});
  channel_->take_stream();
  if (channel_->end() == End::kOpenStill) return;
  over_ = true;
  engine_.handle(now, LinkDown{kLink, channel_->end()});
}

void Party::act(Now now) {
  Action action;
  while (engine_.poll(action)) {
    if (auto* send = std::get_if<Send>(&action)) channel_->send(send->bytes);
    if (auto* close = std::get_if<CloseLink>(&action)) over_ = true, channel_->close(now, close->code);
  }
}

void Party::take(Now now, Bytes& out) {
  const std::size_t before = out.size();
  for (View some = channel_->output(); !some.empty(); some = channel_->output()) {
    out.insert(out.end(), some.begin(), some.end());
    channel_->consumed(now, some.size());
  }
  if (out.size() > before && announced_ && !over_) engine_.handle(now, Writable{kLink, channel_->free()});
}

Bytes Party::turn(Now now) {
  Bytes out;
  channel_->tick(now);
  if (channel_->wants_work()) channel_->work(now);
  settle(now);
  engine_.tick(now);
  do {
    engine_.flush(now);
    act(now);
    take(now, out);
  } while (engine_.more());
  channel_->end_turn(now);
  take(now, out);
  settle(now);
  return out;
}

std::optional<Micros> Party::next_deadline() const { return earlier(channel_->next_deadline(), engine_.next_deadline()); }

}  // namespace gossip::client
