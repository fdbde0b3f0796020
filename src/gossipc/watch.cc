#include <algorithm>
#include <map>

#include "db/json.h"
#include "db/messages.h"
#include "gossip/text.h"
#include "gossipc/follow.h"
#include "gossipc/friends.h"
#include "gossipc/message_id.h"
#include "gossipc/store.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

// Events as JSON Lines. It goes on where it was however long nobody read: messages come from the log, and of a friend the last word
// is what counts.
class Watch {
 public:
  Watch(Call& call, db::Database& db, Seq after) : call_(call), db_(db), at_(after) {}

  void run() {
    Follower follower(db_, call_.out);
    for (std::int64_t version = follower.version(); print() && follower.wait(version);) version = follower.version();
  }

 private:
  void put(const char* event, const std::string& object) {
    const std::string head = db::JsonObject(db_).text("event", event).take();
    call_.out.put(head.substr(0, head.size() - 1) + "," + object.substr(1) + "\n");
  }

  bool print() {
    put_friends();
    db::Filter filter;
    filter.mutes_ms = sys::wall_ms();
    for (;;) {
      Seq scanned = at_;
      for (const db::Shown& message : db::read_messages(db_, at_, filter, db::kPage, true, scanned))
        put("message", shown(message.json, Show::kJson));
      if (!call_.out.flush() || Follower::interrupted()) return false;
      if (scanned == at_) return true;
      at_ = scanned;
    }
  }

  // Those whose state is not what was said last; the daemon is asked whether it is there only when its notes changed.
  void put_friends() {
    const std::vector<db::Peer> friends = db::list_peers(db_);
    const std::vector<db::PeerState> states = db::peer_states(db_);
    const std::vector<db::PeerSync> syncs = db::peer_syncs(db_);
    if (looked_ && friends == friends_ && states == states_) return;
    const bool running = ring(call_);
    std::map<PeerId, Said> said;
    for (const db::Peer& peer : friends) {
      const FriendView view = friend_view(peer, states, running, sys::wall_ms());
      const Said now{peer.name, view.up, view.why};
      const auto before = said_.find(peer.id);
      if (before == said_.end() || !(before->second == now)) put("friend", friend_json(db_, peer, view, sync_of(syncs, peer.id)));
      said.emplace(peer.id, now);
    }
    for (const auto& [id, one] : said_) {
      if (!said.contains(id)) put("friend_gone", shown(db::JsonObject(db_).text("name", one.name).take(), Show::kJson));
    }
    said_ = std::move(said);
    friends_ = friends;
    states_ = states;
    looked_ = true;
  }

  struct Said {
    std::string name;
    bool up = false;
    Why why = Why::kNone;
    bool operator==(const Said&) const = default;
  };

  Call& call_;
  db::Database& db_;
  Seq at_;
  bool looked_ = false;
  std::vector<db::Peer> friends_;
  std::vector<db::PeerState> states_;
  std::map<PeerId, Said> said_;
};

}  // namespace

int watch(Call& call) {
  db::Database db = open_to_read(call);
  db::Found after{db::last_seq(db), {}};
  if (call.options.has(kAfter)) {
    if (const int code = find_one(db, call.options.value(kAfter), after)) return code;
  }
  Watch(call, db, after.seq).run();
  return kDone;
}

}  // namespace gossip::client
