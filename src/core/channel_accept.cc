#include "core/channel_base.h"
#include "gossip/check.h"

namespace gossip {
namespace {

// WAIT_M1 --1296 B--> WAIT_TURN --work()--> WAIT_M3 --proves a friend--> OPEN
//                                              \-- else --> DRAIN
// Each of them ends at the one deadline drawn at the start, or with the caller's end of file, and by nothing else.
enum class Step : std::uint8_t { kWaitM1, kWaitTurn, kWaitM3, kDrain };

class AcceptChannel final : public ChannelBase {
 public:
  AcceptChannel(Crypto& crypto, Rng& rng, Responder& responder, Now now)
      : ChannelBase(crypto, rng, now), responder_(responder) {
    deadline_ = now.mono + kCallerTime + static_cast<Micros>(rng.below(kCallerTime / 2));
  }
  PeerId peer() const override { return pair().peer; }
  std::uint64_t gen() const override { return pair().gen; }
  bool dialled() const override { return false; }
  bool wants_work() const override { return step_ == Step::kWaitTurn && !finished() && responder_.ready(); }
  void work(Now now) override;
  bool draining() const override { return step_ == Step::kDrain && !finished(); }

 protected:
  View shake(View bytes) override;
  End cut() override { return End::kStranger; }
  End late() override;
  bool shake_reading() const override {
    return step_ == Step::kDrain ? drained_ < kDrained : step_ != Step::kWaitTurn || in_.size() < kCallerInput;
  }

 private:
  const PairKeys& pair() const {
    GOSSIP_CHECK(pair_ != nullptr);
    return *pair_;
  }
  void take_m3();

  Responder& responder_;
  std::optional<Answer> answer_;
  std::shared_ptr<const PairKeys> pair_;  // once proved
  Step step_ = Step::kWaitM1;
  std::size_t drained_ = 0;
};

View AcceptChannel::shake(View bytes) {
  switch (step_) {
    case Step::kWaitM1:
      bytes = gather(bytes, kM1);
      if (in_.size() == kM1) step_ = Step::kWaitTurn;
      return bytes;
    case Step::kWaitTurn:
      gather(bytes, kCallerInput);  // no friend of ours sends more before M2: the rest is dropped
      return {};
    case Step::kWaitM3:
      bytes = gather(bytes, kM3);
      if (in_.size() == kM3) take_m3();
      return bytes;
    case Step::kDrain: drained_ += bytes.size(); return {};
  }
  return {};
}

void AcceptChannel::work(Now now) {
  GOSSIP_CHECK(wants_work());
  now_ = now;
  const Bytes all = std::move(in_);
  in_.clear();
  answer_.emplace(responder_.answer(View{all}.first(kM1), queue(kM2)));
  step_ = Step::kWaitM3;
  receive(now, View{all}.subspan(kM1));
}

void AcceptChannel::take_m3() {
  auto keys = responder_.finish(*answer_, in_, now_.mono);
  if (keys) pair_ = answer_->pair;
  answer_.reset();
  in_.clear();
  if (!keys) {
    step_ = Step::kDrain;
    return;
  }
  start(*keys);
  put(CellType::kReady, as_view(kReadyText));
  batch_ = 0;  // READY stands outside the count
}

End AcceptChannel::late() {
  if (step_ == Step::kWaitM3 && answer_->pair) responder_.note(answer_->pair->peer, Reason::kTimeout);
  return End::kStranger;
}

}  // namespace

std::unique_ptr<Channel> Channel::accept(Crypto& crypto, Rng& rng, Responder& responder, Now now) {
  return std::make_unique<AcceptChannel>(crypto, rng, responder, now);
}

}  // namespace gossip
