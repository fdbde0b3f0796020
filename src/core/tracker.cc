#include "core/tracker.h"

#include <algorithm>
#include <utility>

#include "core/fetcher.h"
#include "gossip/check.h"

namespace gossip {

Provider* Entry::of(const Fetcher* link) {
  auto it = std::find_if(providers.begin(), providers.end(), [&](const Provider& p) { return p.link == link; });
  return it == providers.end() ? nullptr : &*it;
}

Tracker::Place Tracker::place(const MessageKey& key) {
  const auto at = entries_.lower_bound(key);
  return {at, at != entries_.end() && at->first == key};
}

std::optional<EntryRef> Tracker::find(const MessageKey& key) {
  const Place there = place(key);
  return there.taken ? std::optional(there.at) : std::nullopt;
}

EntryRef Tracker::list(const MessageKey& key, const Place& place, const Provider& provider) {
  const EntryRef entry = entries_.try_emplace(place.at, key);
  if (!place.taken) entry->second.looked = others;
  entry->second.providers.push_back(provider);
  HaveGroup& group = provider.link->group(provider.group);
  ++group.open;
  if (entry->second.state == Entry::State::kStaged) {
    ++group.staged;
    provider.link->staged();
  }
  return entry;
}

void Tracker::ask(EntryRef ref) {
  Entry& entry = ref->second;
  if (entry.state != Entry::State::kUnasked) return;
  const std::size_t n = entry.providers.size();
  for (std::size_t i = 0; i < n; ++i) {
    Provider& p = entry.providers[(entry.next + i) % n];
    if (paused || !p.link->can_ask(p)) continue;
    entry.state = Entry::State::kAsked;
    entry.asked = p.link;
    ++outstanding_;
    p.link->asked(ref, p.seq, p.size);
    return;
  }
  for (Provider& p : entry.providers) {
    if (p.queued) continue;
    p.queued = true;
    p.link->queue(p.seq);
  }
}

void Tracker::unask(Entry& entry) {
  if (entry.state != Entry::State::kAsked) return;
  entry.asked->unasked(entry.of(entry.asked)->seq);
  entry.asked = nullptr;
  entry.state = Entry::State::kUnasked;
  --outstanding_;
}

void Tracker::drop_provider(EntryRef ref, Fetcher* link, Seq seq) {
  Entry& entry = ref->second;
  Provider* p = entry.of(link);
  GOSSIP_CHECK(p != nullptr && p->seq == seq);
  if (entry.asked == link) unask(entry);
  HaveGroup& group = link->group(p->group);
  --group.open;
  if (entry.state == Entry::State::kStaged) --group.staged;
  const auto at = static_cast<std::size_t>(p - entry.providers.data());
  entry.providers.erase(entry.providers.begin() + (p - entry.providers.data()));
  if (entry.next > at) --entry.next;
  link->resolved(seq);
  if (entry.state == Entry::State::kStaged) return;
  if (entry.providers.empty()) {
    entries_.erase(ref);
  } else {
    entry.next %= entry.providers.size();
    ask(ref);
  }
}

void Tracker::resolve(EntryRef ref) {
  Entry& entry = ref->second;
  unask(entry);
  for (Provider& p : entry.providers) {
    HaveGroup& group = p.link->group(p.group);
    --group.open;
    if (entry.state == Entry::State::kStaged) --group.staged;
    p.link->resolved(p.seq);
  }
  entries_.erase(ref);
}

void Tracker::ask_again(EntryRef ref) {
  Entry& entry = ref->second;
  if (entry.asked) entry.next = static_cast<std::size_t>(entry.of(entry.asked) - entry.providers.data()) + 1;
  unask(entry);
  if (std::exchange(entry.looked, others) != others && store_.held(ref->first.epoch, ref->first.id12)) {
    for (const Provider& p : entry.providers) store_.told(ref->first.epoch, ref->first.id12, {p.link->peer(), p.at_ms});
    resolve(ref);
  } else {
    ask(ref);
  }
}

bool Tracker::accept(EntryRef ref, Incoming&& message) {
  Entry& entry = ref->second;
  if (entry.state == Entry::State::kStaged) return false;
  unask(entry);
  entry.state = Entry::State::kStaged;
  for (Provider& p : entry.providers) {
    ++p.link->group(p.group).staged;
    p.link->staged();
  }
  staged_bytes_ += message.message.size();
  staged_.push_back(std::move(message));
  staged_entries_.push_back(ref);  // which stays until it is committed, or was not
  return true;
}

void Tracker::name_tellers() {
  for (std::size_t i = 0; i < staged_.size(); ++i) {
    Incoming& message = staged_[i];
    message.told.clear();
    for (const Provider& p : staged_entries_[i]->second.providers) {
      if (p.link->peer() != message.via) message.told.push_back({p.link->peer(), p.at_ms});
    }
  }
}

void Tracker::committed() {
  for (EntryRef ref : staged_entries_) resolve(ref);
  staged_.clear();
  staged_entries_.clear();
  staged_bytes_ = 0;
}

void Tracker::commit_failed() {
  staged_.clear();
  staged_bytes_ = 0;
  std::vector<EntryRef> entries;
  entries.swap(staged_entries_);
  for (EntryRef ref : entries) {
    ref->second.state = Entry::State::kUnasked;
    for (Provider& p : ref->second.providers) --p.link->group(p.group).staged;
    if (ref->second.providers.empty()) {
      entries_.erase(ref);
    } else {
      ask(ref);
    }
  }
}

void Tracker::assert_invariants() const {
  std::size_t asked = 0, staged = 0;
  for (const auto& [key, entry] : entries_) {
    asked += entry.state == Entry::State::kAsked;
    staged += entry.state == Entry::State::kStaged;
    GOSSIP_CHECK((entry.asked != nullptr) == (entry.state == Entry::State::kAsked));
    GOSSIP_CHECK(!entry.providers.empty() || entry.state == Entry::State::kStaged);
  }
  GOSSIP_CHECK(asked == outstanding_);
  GOSSIP_CHECK(staged == staged_.size() && staged == staged_entries_.size());
}

}  // namespace gossip
