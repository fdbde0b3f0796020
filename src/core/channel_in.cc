// The receiving half of a channel: cells out of the input.
#include <algorithm>

#include "core/channel_base.h"

namespace gossip {

// Whole cells are opened where they lie; only a piece of one is kept.
void ChannelBase::cells(View bytes) {
  while (!bytes.empty() && (phase_ == Phase::kOpen || phase_ == Phase::kClosing) && !friend_closed_) {
    if (in_.empty() && bytes.size() >= kCell) {
      cell(bytes.first(kCell));
      bytes = bytes.subspan(kCell);
      continue;
    }
    bytes = gather(bytes, kCell);
    if (in_.size() < kCell) return;
    const Bytes whole = std::move(in_);
    in_.clear();
    cell(whole);
  }
}

void ChannelBase::cell(View sealed) {
  Cell got;
  const auto how = opener_->open(sealed, got);
  if (how == CellOpener::Got::kForged) return finish(End::kAbnormal);
  verified_ = now_.mono;
  if (how == CellOpener::Got::kMalformed) return fail();
  switch (got.type) {
    case CellType::kPad:
    case CellType::kRekey: break;
    case CellType::kPong:
      if (!ping_sent_ || !std::ranges::equal(got.data, ping_mark_)) break;  // an idle session's, or one nobody waits for
      round_trip_ = now_.mono - *std::exchange(ping_sent_, std::nullopt);
      break;
    case CellType::kReady: return fail();
    case CellType::kData:
      if (phase_ == Phase::kOpen) stream_.insert(stream_.end(), got.data.begin(), got.data.end());
      break;
    case CellType::kPing:
      if (phase_ != Phase::kOpen || pong_left_ > 0) break;  // one PONG waits at most
      put(CellType::kPong, got.data);
      pong_left_ = unsent();
      break;
    case CellType::kClose: return closed_by_friend(got.data);
  }
}

void ChannelBase::closed_by_friend(View data) {
  friend_closed_ = true;
  if (phase_ == Phase::kOpen) {
    switch (data[0]) {
      case 0: end_ = End::kClosed; break;
      case 2: end_ = End::kReplaced; break;
      case 3: end_ = End::kShutdown; break;
      case 4: end_ = End::kBusy; break;
      default: end_ = End::kProtocolError; break;
    }
    say_close(CloseCode::kNormal);
  }
  settle();
}

// In CLOSING our CLOSE is out already: what else comes is not worth another look.
void ChannelBase::fail() {
  if (phase_ == Phase::kOpen) close(now_, CloseCode::kProtocolError);
}

}  // namespace gossip
