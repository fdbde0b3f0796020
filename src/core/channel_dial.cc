#include "core/channel_base.h"

namespace gossip {
namespace {

// WAIT_M2 --opens--> WAIT_READY --verifies--> OPEN
//    \-- a stranger's --> LINGER --U[0.5, 3) s--> DONE
enum class Step : std::uint8_t { kWaitM2, kWaitReady, kLinger };

class DialChannel final : public ChannelBase {
 public:
  DialChannel(Crypto& crypto, Rng& rng, std::shared_ptr<const PairKeys> pair, Now now)
      : ChannelBase(crypto, rng, now), pair_(std::move(pair)) {
    initiator_.emplace(crypto, rng, pair_);
    queue(initiator_->m1());
    deadline_ = now.mono + kStep;
  }
  PeerId peer() const override { return pair_->peer; }
  std::uint64_t gen() const override { return pair_->gen; }
  bool dialled() const override { return true; }

 protected:
  View shake(View bytes) override;
  End cut() override { return step_ == Step::kWaitM2 ? End::kAbnormal : late(); }
  End late() override;

 private:
  void answer_m2();
  void check_ready();

  std::shared_ptr<const PairKeys> pair_;
  std::optional<Initiator> initiator_;
  Step step_ = Step::kWaitM2;
};

View DialChannel::shake(View bytes) {
  if (step_ == Step::kLinger) return {};
  const std::size_t want = step_ == Step::kWaitM2 ? kM2 : kCell;
  bytes = gather(bytes, want);
  if (in_.size() < want) return {};
  if (step_ == Step::kWaitM2) answer_m2(); else check_ready();
  return bytes;
}

void DialChannel::answer_m2() {
  const bool known = initiator_->answer(in_, queue(kM3));
  in_.clear();
  step_ = known ? Step::kWaitReady : Step::kLinger;
  deadline_ = now_.mono + (known ? kStep : kSecond / 2 + static_cast<Micros>(rng_.below(kSecond * 5 / 2)));
  if (known) opener_.emplace(crypto_, initiator_->keys().r2i);
}

void DialChannel::check_ready() {
  Cell cell;
  const bool fine = opener_->open(in_, cell) == CellOpener::Got::kFine && cell.type == CellType::kReady &&
                    as_text(cell.data) == kReadyText;
  if (!fine) return finish(End::kUnproven);
  start(initiator_->keys());
  initiator_.reset();
}

End DialChannel::late() {
  switch (step_) {
    case Step::kWaitM2: return End::kSilent;
    case Step::kWaitReady: return End::kUnproven;
    case Step::kLinger: break;
  }
  return initiator_->downgraded() ? End::kDowngraded : End::kNotRecognised;
}

}  // namespace

std::unique_ptr<Channel> Channel::dial(Crypto& crypto, Rng& rng, std::shared_ptr<const PairKeys> pair, Now now) {
  return std::make_unique<DialChannel>(crypto, rng, std::move(pair), now);
}

}  // namespace gossip
