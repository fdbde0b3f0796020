#include "gossipd/lookups.h"

namespace gossip::daemon {
namespace {

constexpr Micros kKept = 10 * kMinute;  // longer than the longest wait between two dials

}  // namespace

Lookups::Lookups(Resolve resolve, std::size_t at_once)
    : threads_(
          [resolve = std::move(resolve)](const Question& q) {
            return Answer{q.peer, q.name, resolve(q.name.host, q.name.port)};
          },
          at_once) {}

// Rationale for one question at a time, and for keeping late answers: if each dial asked anew, those who gave up waiting would
// fill the queue before those who wait, and no answer would ever be in time.
std::optional<Lookups::Numbers> Lookups::ask(Now now, PeerId peer, const db::Address& name) {
  auto kept = kept_.find(peer);
  if (kept != kept_.end() && kept->second.answer.name == name) {
    const bool fresh = now.mono < kept->second.until;
    Numbers numbers = std::move(kept->second.answer.numbers);
    kept_.erase(kept);
    if (fresh) return numbers;
  }
  if (asked_.insert(peer).second) threads_.post({peer, name});
  return std::nullopt;
}

std::optional<Lookups::Answer> Lookups::take() {
  std::optional<Answer> answer = threads_.take();
  if (answer) asked_.erase(answer->peer);
  return answer;
}

void Lookups::keep(Now now, Answer answer) {
  if (answer.numbers.empty()) return;
  const PeerId peer = answer.peer;
  kept_[peer] = {std::move(answer), now.mono + kKept};
}

void Lookups::forget_unless(const std::function<bool(PeerId)>& wanted) {
  std::erase_if(kept_, [&](const auto& one) { return !wanted(one.first); });
}

}  // namespace gossip::daemon
