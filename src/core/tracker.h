// Tracker: the messages friends have listed and we lack, for all links together (gossip(7), FETCHING). Each is asked of one
// friend at a time; what arrived is staged here until it is committed.
//
//   UNASKED --ask()--> ASKED(link) --accept()--> STAGED --commit--> gone from here
//      ^------- timeout, GONE, link down ------'        '--failed commit--> UNASKED
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <vector>

#include "gossip/frame.h"
#include "gossip/ports.h"

namespace gossip {

class Fetcher;

struct MessageKey {
  std::uint64_t epoch = 0;
  Id12 id12{};
  auto operator<=>(const MessageKey&) const = default;
};

// One HAVE of one link: its upto becomes the cursor when nothing it listed, nor anything before, is open any more.
struct HaveGroup {
  Seq upto = 0;
  Tag tag{};
  std::uint32_t open = 0;    // listed and not resolved, staged ones included
  std::uint32_t staged = 0;  // of those, how many wait only for the commit
};

struct Provider {
  Fetcher* link = nullptr;
  Seq seq = 0;
  std::uint64_t size = 0;
  std::uint64_t group = 0;  // link's number for it
  bool queued = false;  // stands in link's queue of what it could be asked for
  std::int64_t at_ms = 0;  // wall clock, when it was listed: for those who want to know
};

struct Entry {
  enum class State : std::uint8_t { kUnasked, kAsked, kStaged };
  State state = State::kUnasked;
  Fetcher* asked = nullptr;
  std::size_t next = 0;  // provider to try first
  std::uint64_t looked = 0;  // Tracker::others when the store was last asked for it
  std::vector<Provider> providers;
  Provider* of(const Fetcher* link);
};

using Entries = std::map<MessageKey, Entry>;
using EntryRef = Entries::iterator;

class Tracker {
 public:
  explicit Tracker(Store& store) : store_(store) {}

  struct Place {
    EntryRef at;  // of the key, or before which it belongs
    bool taken = false;
  };
  Place place(const MessageKey& key);
  // A friend lists a message that is not in the store. `place` is the key's, and nothing happened since.
  EntryRef list(const MessageKey& key, const Place& place, const Provider& provider);
  std::optional<EntryRef> find(const MessageKey& key);
  // Nobody lists it any more, and it is still a message that we asked for.
  EntryRef unlisted(const MessageKey& key) { return entries_.try_emplace(key).first; }
  // Asks the next provider with a free window; else the entry waits in every provider's queue.
  void ask(EntryRef entry);
  // The friend gave nothing (GONE, refused, wrong, down): forgets that provider and asks another.
  void drop_provider(EntryRef entry, Fetcher* link, Seq seq);
  // The friend asked was silent too long: the next one is asked. Where the other process brought it meanwhile, it is resolved.
  void ask_again(EntryRef entry);
  // A checked body: staged for the next commit. false when it is staged already.
  bool accept(EntryRef entry, Incoming&& message);

  bool nothing_staged() const { return staged_.empty(); }
  std::size_t staged_bytes() const { return staged_bytes_; }
  const std::vector<Incoming>& staged() const { return staged_; }
  void name_tellers();  // in what is staged; before it is committed
  void committed();
  void commit_failed();

  std::size_t outstanding() const { return outstanding_; }
  bool all_staged() const { return entries_.size() == staged_.size(); }  // nothing listed is asked for, nor could yet be
  std::uint64_t others = 0;    // rows that came into the store by another way; while there are no more, nothing is looked up again
  bool paused = false;         // no new asks: the disk is short, or a commit failed
  std::uint64_t reserved = 0;  // entries that all links together may have listed or in hand
  std::uint64_t flight = 0;    // bytes of bodies asked for, and of frames that are partly here
  bool flight_full = false;    // something could not be asked for because of it

  void assert_invariants() const;

 private:
  friend class Fetcher;
  void unask(Entry& entry);
  void resolve(EntryRef entry);  // held now: for every link
  Store& store_;
  Entries entries_;
  std::vector<Incoming> staged_;
  std::vector<EntryRef> staged_entries_;
  std::size_t staged_bytes_ = 0;
  std::size_t outstanding_ = 0;  // entries in state kAsked
};

}  // namespace gossip
