#include "core/server.h"

#include <algorithm>

#include "gossip/chain.h"
#include "gossip/message.h"

namespace gossip {

Server::Server(Store& store, Crypto& crypto, LogTail& tail, EngineStats& stats, PeerId peer, std::uint64_t gen)
    : store_(store), crypto_(crypto), tail_(tail), stats_(stats), peer_(peer), log_id_(log_id_for(crypto, store.log_key(), peer, gen)) {}

HeadStatus Server::judge(const Fetch& fetch) {
  const Cursor& at = fetch.cursor;
  if (at.log_id != log_id_) return HeadStatus::kOtherLog;
  if (at.seq > store_.size()) return HeadStatus::kMismatch;
  chain_ = store_.chain(at.seq);
  return tag_here(at.seq) == at.tag ? HeadStatus::kOk : HeadStatus::kMismatch;
}

bool Server::on_fetch(const Fetch& fetch) {
  if (head_due_) return false;  // nobody needs to know twice; and a chain is not computed as fast as a FETCH is sent
  head_due_ = judge(fetch);
  subscribed_ = head_due_ == HeadStatus::kOk;
  older_copy_ = older_copy_ || head_due_ == HeadStatus::kMismatch;
  wanted_.clear();
  skips_at_.reset();
  size_at_fetch_ = store_.size();
  from_ = position_ = upto_ = fetch.cursor.seq;
  acked_ = acked_stored_ = 0;
  if (subscribed_) acked_ = from_;  // a cursor is an acknowledgement, and the last one of an earlier session may not be stored
  stated_ = 0;
  credit_ = std::min(fetch.credit, kMaxCredit);
  starved_ = false;
  return true;
}

bool Server::on_want(const Seqs& want) {
  if (!subscribed_) return false;
  for (Seq seq : want.seqs) {
    if (seq <= from_ || seq > upto_) return false;
    wanted_.insert(seq);
    if (wanted_.size() > kMaxWanted) return false;
  }
  return true;
}

bool Server::on_credit(const Credit& credit) {
  if (!subscribed_ || credit.ack < acked_ || credit.ack > upto_) return false;
  acked_ = credit.ack;
  credit_ = std::min(kMaxCredit, credit_ + std::min(credit.more, kMaxCredit));
  starved_ = starved_ && credit_ == 0;
  return true;
}

bool Server::catching_up() const {
  const Seq next = wanted_.empty() ? position_ : *wanted_.begin();
  return subscribed_ && next + kMaxBatch < store_.size();
}

bool Server::listable(const LogRow& row) const {
  return row.size != 0 && !(row.via == peer_ && row.seq > size_at_fetch_);
}

Tag Server::tag_here(Seq seq) { return tag_for(crypto_, store_.log_key(), peer_, seq, chain_); }

void Server::put_head(Bytes& out, HeadStatus status) {
  stated_ = store_.size();
  encode(out, Head{status, log_id_, stated_});
}

// One HAVE of what lies after position_, as far as credit goes. false when there was nothing to tell (yet).
bool Server::produce_have(Now now, Bytes& out) {
  Have have;
  if (starved_ && position_ == upto_) return false;
  for (const auto& [row, chain] : tail_.after(position_)) {
    if (listable(row)) {
      if (have.entries.size() == credit_) {
        starved_ = credit_ == 0;
        break;
      }
      have.entries.push_back({row.seq, row.epoch, row.size, front_of(row.id)});
    }
    chain_ = chain;
    position_ = row.seq;
  }
  if (position_ == upto_) return false;
  if (have.entries.empty()) {  // only skipped: nobody waits for it, so let it ride with what comes next
    if (!skips_at_) skips_at_ = now.mono + kLazyAck;
    if (now.mono < *skips_at_) return false;
  }
  skips_at_.reset();
  if (position_ > stated_) put_head(out, HeadStatus::kOk);
  have.upto = position_;
  have.tag = tag_here(position_);
  encode(out, have, upto_);
  credit_ -= have.entries.size();
  upto_ = position_;
  ++stats_.haves_sent;
  return true;
}

void Server::produce_answers(Bytes& out, std::size_t limit) {
  Bytes message;
  Seqs gone;
  while (!wanted_.empty() && out.size() < limit) {
    const Seq seq = *wanted_.begin();
    wanted_.erase(wanted_.begin());
    message.clear();
    LogRow row;
    const bool listed = seq <= size_at_fetch_ || (store_.rows(seq - 1, {&row, 1}) == 1 && listable(row));
    if (listed && store_.body(seq, message)) {
      encode(out, Body{seq, message});
      ++stats_.bodies_sent;
    } else {
      gone.seqs.push_back(seq);
      if (gone.seqs.size() == kMaxBatch) break;
    }
  }
  if (!gone.seqs.empty()) encode(out, FrameType::kGone, gone);
}

void Server::produce(Now now, Bytes& out, std::size_t room) {
  const std::size_t limit = out.size() + room;
  if (head_due_ && out.size() < limit) {
    put_head(out, *head_due_);
    head_due_.reset();
  }
  if (!subscribed_ || (wanted_.empty() && position_ == store_.size() && !skips_at_)) return;
  const Reads reads(store_);
  for (bool moved = true; moved && out.size() < limit && position_ < store_.size();) {
    const Seq before = position_;
    moved = produce_have(now, out) || position_ != before;  // a page of skipped rows is no reason to stop
  }
  if (skips_at_ && now.mono >= *skips_at_ && out.size() < limit) produce_have(now, out);
  while (!wanted_.empty() && out.size() < limit) produce_answers(out, limit);
}

std::optional<Micros> Server::next_deadline(bool room) const { return room ? skips_at_ : std::nullopt; }

std::optional<Seq> Server::ack_unstored() const {
  if (acked_ == acked_stored_) return std::nullopt;
  return acked_;
}

}  // namespace gossip
