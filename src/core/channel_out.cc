// The sending half of a channel: cells into the output, padding, CLOSE.
#include <utility>

#include "core/channel_base.h"
#include "gossip/check.h"

namespace gossip {
namespace {

// The least size of a batch that is allowed and holds n cells.
std::uint64_t batch_size(std::uint64_t n) {
  if (n > kPadAll) return (n + kPadAll - 1) / kPadAll * kPadAll;
  std::uint64_t size = 1;
  while (size < n) size *= 2;
  return size;
}

}  // namespace

void ChannelBase::raw_put(CellType type, View data) {
  MutView cell = queue(kCell);
  write_cell(cell, type, data);
  sealer_->seal(cell, now_.mono);
  ++batch_;
  padded_ = false;
}

void ChannelBase::put(CellType type, View data) {
  seal_partial();
  if (sealer_->rekey_due(now_.mono)) raw_put(CellType::kRekey, {});
  raw_put(type, data);
}

void ChannelBase::seal_partial() {
  if (sealed_ == out_.size()) return;
  const std::size_t len = out_.size() - sealed_ - kCellHeader;
  out_.resize(sealed_ + kCell);  // with zeros behind the data
  MutView cell = MutView{out_}.last(kCell);
  cell[0] = static_cast<std::uint8_t>(CellType::kData);
  cell[1] = static_cast<std::uint8_t>(len >> 8);
  cell[2] = static_cast<std::uint8_t>(len);
  sealer_->seal(cell, now_.mono);
  sealed_ = out_.size();
}

void ChannelBase::ping(Now now) {
  now_ = now;
  if (phase_ != Phase::kOpen || (ping_sent_ && now.mono < *ping_sent_ + kPingLost)) return;
  ping_mark_ = rng_.array<8>();
  ping_sent_ = now.mono;
  put(CellType::kPing, ping_mark_);
}

// Rationale: the bytes are copied once, to where they are sealed in place; a cell stays open for more until it is next to go.
void ChannelBase::send(View stream) {
  if (phase_ != Phase::kOpen) return;
  while (!stream.empty()) {
    if (sealed_ == out_.size()) {
      if (sealer_->rekey_due(now_.mono)) raw_put(CellType::kRekey, {});
      out_.resize(out_.size() + kCellHeader);
      ++batch_;
      padded_ = false;
    }
    const std::size_t room = sealed_ + kCellHeader + kCellData - out_.size();
    const View part = stream.first(std::min(room, stream.size()));
    out_.insert(out_.end(), part.begin(), part.end());
    if (part.size() == room) seal_partial();
    stream = stream.subspan(part.size());
  }
}

std::size_t ChannelBase::free() const {
  return phase_ == Phase::kOpen && unsent() < kChannelBacklog ? kChannelBacklog - unsent() : 0;
}

View ChannelBase::output() {
  if (sent_ == sealed_) seal_partial();
  return View{out_}.subspan(sent_, sealed_ - sent_);
}

void ChannelBase::consumed(Now now, std::size_t n) {
  now_ = now;
  GOSSIP_CHECK(n <= sealed_ - sent_);
  sent_ += n;
  pong_left_ -= std::min(pong_left_, n);
  if (sent_ == out_.size()) {
    out_.clear();
    if (out_.capacity() > 2 * kChannelBacklog) out_.shrink_to_fit();
    sent_ = sealed_ = 0;
    if (padded_) batch_ = 0;
    settle();
  } else if (sent_ >= kChannelBacklog) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sealed_ -= sent_;
    sent_ = 0;
  }
}

// PAD cells until the batch, with `more` cells to come, has an allowed size; a REKEY that is due is one of them.
void ChannelBase::pad_until(std::uint64_t more) {
  for (;;) {
    const bool rekey = sealer_->rekey_due(now_.mono);
    if (batch_size(batch_ + more) == batch_ + more && !(rekey && more > 0)) return;
    raw_put(rekey ? CellType::kRekey : CellType::kPad, {});
  }
}

void ChannelBase::end_turn(Now now) {
  now_ = now;
  // Rationale: cover comes last in a turn and is left out where real cells went or wait, so that it is never in their way.
  const bool cover = std::exchange(pad_due_, false) && batch_ == 0;
  if (phase_ != Phase::kOpen || sent_ != sealed_ || (batch_ == 0 && !cover)) return;
  if (cover) {
    put(CellType::kPad, {});
    ++cover_cells_;
  }
  seal_partial();
  pad_until(0);
  padded_ = true;
  if (unsent() == 0) batch_ = 0;
}

void ChannelBase::close(Now now, CloseCode code) {
  now_ = now;
  if (phase_ == Phase::kShaking) return finish(End::kClosed);
  if (phase_ != Phase::kOpen) return;
  switch (code) {
    case CloseCode::kNormal: end_ = End::kClosed; break;
    case CloseCode::kProtocolError: end_ = End::kProtocolError; break;
    case CloseCode::kReplaced: end_ = End::kReplaced; break;
    case CloseCode::kShutdown: end_ = End::kShutdown; break;
    case CloseCode::kBusy: end_ = End::kBusy; break;
  }
  say_close(code);
}

void ChannelBase::say_close(CloseCode code) {
  seal_partial();
  pad_until(1);
  const std::uint8_t byte = static_cast<std::uint8_t>(code);
  raw_put(CellType::kClose, View{&byte, 1});
  phase_ = Phase::kClosing;
  deadline_ = now_.mono + kCloseWait;
}

void ChannelBase::settle() {
  if (phase_ == Phase::kClosing && friend_closed_ && unsent() == 0) finish(end_);
}

}  // namespace gossip
