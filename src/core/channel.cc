#include <utility>

#include "core/channel_base.h"
#include "gossip/check.h"

namespace gossip {

Why why_of(End end) {
  switch (end) {
    case End::kOpenStill: case End::kStranger: return Why::kNone;
    case End::kClosed: return Why::kClosed;
    case End::kReplaced: return Why::kReplaced;
    case End::kShutdown: return Why::kShuttingDown;
    case End::kBusy: return Why::kBusy;
    case End::kProtocolError: return Why::kProtocolError;
    case End::kAbnormal: return Why::kBrokenOff;
    case End::kSilent: return Why::kSilent;
    case End::kNotRecognised: return Why::kNotRecognised;
    case End::kDowngraded: return Why::kPqPolicy;
    case End::kUnproven: return Why::kUnproven;
  }
  return Why::kNone;
}

View ChannelBase::gather(View bytes, std::size_t want) {
  const std::size_t n = std::min(bytes.size(), want - std::min(want, in_.size()));
  in_.insert(in_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
  return bytes.subspan(n);
}

MutView ChannelBase::queue(std::size_t n) {
  GOSSIP_CHECK(sealed_ == out_.size());
  out_.resize(out_.size() + n);
  sealed_ = out_.size();
  return MutView{out_}.last(n);
}

void ChannelBase::start(const SessionKeys& keys) {
  sealer_.emplace(crypto_, dialled() ? keys.i2r : keys.r2i, now_.mono);
  if (!opener_) opener_.emplace(crypto_, dialled() ? keys.r2i : keys.i2r);
  session_id_ = keys.sid;
  pq_ = keys.pq;
  in_.clear();
  phase_ = Phase::kOpen;
  verified_ = pinged_ = now_.mono;
  ping_idle_ = kPingIdle * 4 / 5 + static_cast<Micros>(rng_.below(kPingIdle * 2 / 5));
  if (cover_) pad_at_ = now_.mono + exponential(rng_, kPadMean);
}

void ChannelBase::finish(End end) {
  phase_ = Phase::kDone;
  if (end_ == End::kOpenStill) end_ = end;
  sealer_.reset();
  opener_.reset();
  out_ = Bytes();
  in_ = Bytes();
  sent_ = sealed_ = 0;
}

void ChannelBase::receive(Now now, View bytes) {
  now_ = now;
  while (!bytes.empty() && phase_ == Phase::kShaking) bytes = shake(bytes);
  cells(bytes);
}

void ChannelBase::end_of_file(Now now) {
  now_ = now;
  if (phase_ == Phase::kShaking) return finish(cut());
  // A friend may shut down writing behind its CLOSE: ours still goes out, unless the connection fails a second time.
  const bool answer_due = friend_closed_ && !std::exchange(friend_gone_, true);
  if (phase_ != Phase::kDone && !answer_due) finish(End::kAbnormal);
}

void ChannelBase::tick(Now now) {
  now_ = now;
  switch (phase_) {
    case Phase::kShaking:
      if (now.mono >= deadline_) finish(late());
      break;
    case Phase::kOpen:
      if (now.mono >= verified_ + kDead) return finish(End::kSilent);
      if (cover_ && now.mono >= pad_at_) {
        pad_due_ = true;
        pad_at_ = now.mono + exponential(rng_, kPadMean);
      }
      if (now.mono < ping_at()) return;
      put(CellType::kPing, {});
      pinged_ = now.mono;
      ping_idle_ = kPingIdle * 4 / 5 + static_cast<Micros>(rng_.below(kPingIdle * 2 / 5));
      break;
    case Phase::kClosing:
      if (now.mono >= deadline_) finish(end_);
      break;
    case Phase::kDone: break;
  }
}

std::optional<Micros> ChannelBase::next_deadline() const {
  switch (phase_) {
    case Phase::kShaking:
    case Phase::kClosing: return deadline_;
    case Phase::kOpen: return earlier(std::min(verified_ + kDead, ping_at()), cover_ ? std::optional(pad_at_) : std::nullopt);
    case Phase::kDone: break;
  }
  return std::nullopt;
}

bool ChannelBase::reading() const {
  if (phase_ == Phase::kShaking) return shake_reading();
  if (phase_ == Phase::kOpen) return stream_.size() < kChannelInput;
  return phase_ == Phase::kClosing && !friend_closed_;
}

void ChannelBase::take_stream() {
  stream_.clear();
  if (stream_.capacity() > kChannelInput) stream_.shrink_to_fit();
}

}  // namespace gossip
