// How far the log was read: the cursor, the ladder below it, and the way down when the log was set back.
#include <algorithm>
#include <utility>

#include "core/fetcher.h"
#include "core/ladder.h"

namespace gossip {

// The log is another one, or was set back: what may have changed of it is read again. That costs 17 bytes an entry and loses
// nothing. The next rung down is the same descent, over several sessions where need be: it ends, since the cursor only goes down.
Fetcher::Verdict Fetcher::adopt(Now now, const Head& head) {
  const bool set_back = head.status == HeadStatus::kMismatch && head.log_id == cursor_.log_id;
  const bool same_descent = set_back && memory_.descending && cursor_.seq > 0;
  if (cursor_.log_id != LogId{} && !same_descent) {
    ++(head.status == HeadStatus::kOtherLog ? stats_.other_log : stats_.mismatch);
    if (set_back) count_set_back(now);
    if (memory_.restarted && now.mono - *memory_.restarted < kRefetch) return Verdict::kGiveUp;
    memory_.restarted = now.mono;
  }
  memory_.descending = set_back;
  const Seq below = set_back && cursor_.seq > 0 ? std::min(head.size, cursor_.seq - 1) : 0;
  const Rung rung = descend(ladder_, below);
  cursor_ = Cursor{head.log_id, rung.upto, rung.tag};
  acked_ = cursor_.seq;
  memory_.wrong.clear();
  adopting_ = true;
  unsaved_.insert(link_);
  return Verdict::kOk;
}

// Once for each time it was set back, however often we are told before we have caught up with it.
void Fetcher::count_set_back(Now now) {
  if (std::exchange(memory_.unsettled, true)) return;
  std::shift_right(memory_.set_back.begin(), memory_.set_back.end(), 1);
  memory_.set_back.front() = now.mono;
}

std::optional<CursorUpdate> Fetcher::cursor_due() const {
  if (adopting_) return CursorUpdate{peer_, gen_, cursor_, true, ladder_};
  CursorUpdate update{peer_, gen_, cursor_};
  Ladder ladder = passed_ ? passed_ladder_ : ladder_;
  auto pass = [&](Seq upto, const Tag& tag) {
    update.cursor.seq = upto;
    update.cursor.tag = tag;
    climb(ladder, {upto, tag});
  };
  if (passed_) pass(passed_->upto, passed_->tag);
  for (const auto& [number, group] : groups_) {
    if (group.open != group.staged) break;
    pass(group.upto, group.tag);
  }
  if (update.cursor.seq == cursor_.seq) return std::nullopt;
  if (ladder != ladder_) update.ladder = std::move(ladder);
  return update;
}

void Fetcher::cursor_committed(Now now) {
  if (adopting_) {
    adopting_ = false;
    fetch_due_ = true;
    agenda_.insert(link_);
  }
  auto pass = [&](Seq upto, const Tag& tag) {
    if (cursor_.seq == acked_) {
      ack_at_ = now.mono + kLazyAck;
      agenda_.insert(link_);
    }
    cursor_.seq = upto;
    cursor_.tag = tag;
    climb(ladder_, {upto, tag});
  };
  if (passed_) {
    ladder_ = std::move(passed_ladder_);
    pass(passed_->upto, passed_->tag);
  }
  passed_.reset();
  for (auto it = groups_.begin(); it != groups_.end() && it->second.open == 0; it = groups_.erase(it)) pass(it->second.upto, it->second.tag);
  memory_.wrong.erase(memory_.wrong.begin(), memory_.wrong.lower_bound({cursor_.seq + 1, Id12{}}));
}

}  // namespace gossip
