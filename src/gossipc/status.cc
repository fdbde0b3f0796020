#include <algorithm>

#include "db/json.h"
#include "db/messages.h"
#include "gossip/text.h"
#include "gossipc/friends.h"
#include "gossipc/store.h"
#include "gossipc/when.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

const db::PeerSync* sync_of(const std::vector<db::PeerSync>& syncs, PeerId peer) {
  for (const db::PeerSync& sync : syncs) {
    if (sync.peer == peer) return &sync;
  }
  return nullptr;
}

void line(Call& call, const std::string& words) { call.out.put(shown(words) + "\n"); }

std::string size_words(std::int64_t bytes) {
  if (bytes < 10 * 1024) return std::to_string(bytes) + " bytes";
  return bytes < 10 * 1024 * 1024 ? std::to_string(bytes / 1024) + " KiB" : std::to_string(bytes / 1024 / 1024) + " MiB";
}

std::string friends_words(std::size_t n) { return std::to_string(n) + (n == 1 ? " friend" : " friends"); }

void print_store(Call& call, db::Database& db, bool running, bool outage) {
  const std::string& path = call.config.db_path;
  const db::StoreFacts facts = db::store_facts(db, path);
  const std::optional<std::string> cover = running ? db::meta_get(db, "cover") : std::nullopt;
  const std::int64_t assigned = db::assigned_keys(db), unassigned = db::unassigned_keys(db);
  if (call.options.has(kJson)) {
    db::JsonObject out(db);
    out.boolean("daemon", running).text("database", path).integer("file_bytes", facts.file_bytes);
    out.integer("wal_bytes", facts.wal_bytes).integer("messages", facts.messages).integer("own", facts.own);
    cover ? out.text("cover", *cover) : out.null("cover");
    out.integer("keys_assigned", assigned).integer("keys_unassigned", unassigned).boolean("outage", outage);
    call.out.put(shown(out.take(), Show::kJson) + "\n");
    return;
  }
  line(call, running ? "daemon: running" : "daemon: not running, or it cannot be reached beside the database");
  line(call, "database: " + path + ", " + size_words(facts.file_bytes) + " and " + size_words(facts.wal_bytes) +
                 " in the write-ahead log");
  line(call, "messages: " + std::to_string(facts.messages) + ", " + std::to_string(facts.own) + " of them written here");
  line(call, "keys: " + std::to_string(assigned) + " with friends, " + std::to_string(unassigned) + " unassigned");
  if (cover) line(call, "cover traffic: " + *cover);
}

void print_friends(Call& call, db::Database& db, const std::vector<db::Peer>& friends, const std::vector<FriendView>& views) {
  const std::vector<db::PeerSync> syncs = db::peer_syncs(db);
  const Seq size = db::last_seq(db);
  const bool json = call.options.has(kJson);
  if (!json) line(call, friends_words(friends.size()) + (friends.empty() ? "" : ":"));
  for (std::size_t i = 0; i < friends.size(); ++i) {
    const db::Peer& peer = friends[i];
    const FriendView& view = views[i];
    call.out.put(json ? friend_json(db, peer, view) : "  " + friend_line(peer, view));
    const db::PeerSync* sync = sync_of(syncs, peer.id);
    if (sync && !json) {
      call.out.put("; has passed " + std::to_string(sync->acked) + " of our " + std::to_string(size) + ", we have passed " +
                   std::to_string(sync->cursor) + " of theirs");
    }
    call.out.put("\n");
  }
}

void print_counters(Call& call, db::Database& db) {
  const auto counters = db::counters(db);
  const bool json = call.options.has(kJson);
  if (!counters.empty() && !json) line(call, "counters:");
  for (const auto& [name, value] : counters) {
    if (json) {
      call.out.put(shown(db::JsonObject(db).text("counter", name).integer("value", value).take(), Show::kJson) + "\n");
    } else {
      line(call, "  " + name + ": " + std::to_string(value));
    }
  }
}

int overview(Call& call) {
  db::Database db = open_to_read(call);
  const bool running = ring(call);
  const std::int64_t now_ms = sys::wall_ms();
  const std::vector<db::Peer> friends = db::list_peers(db);
  const std::vector<db::PeerState> states = db::peer_states(db);
  std::vector<FriendView> views;
  for (const db::Peer& peer : friends) views.push_back(friend_view(peer, states, running, now_ms));
  const std::optional<std::string> outage = outage_line(views, now_ms);
  if (outage && !call.options.has(kJson)) line(call, *outage);
  print_store(call, db, running, outage.has_value());
  print_friends(call, db, friends, views);
  print_counters(call, db);
  return kDone;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::optional<Hash> parse_id(const std::string& typed) {
  const std::optional<Bytes> bytes = from_hex(typed);
  Hash id{};
  if (!bytes || bytes->size() != id.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return id;
}

int one_message(Call& call, const std::string& typed) {
  const std::optional<Hash> id = parse_id(typed);
  if (!id) return fail(kUsage, quoted(typed) + " is not a message id", "64 hex digits, as gossipc send prints");
  db::Database db = open_to_read(call);
  const std::optional<Seq> seq = db::find_message(db, *id);
  Seq scanned = 0;
  const std::vector<db::Shown> found = seq ? db::read_messages(db, *seq - 1, {}, 1, false, scanned) : std::vector<db::Shown>();
  if (found.empty()) return fail(kNoSuch, "no message with this id", "gossipc view --json shows the ids");

  std::vector<std::string> passed, waiting;
  const std::vector<db::PeerSync> syncs = db::peer_syncs(db);
  for (const db::Peer& peer : db::list_peers(db)) {
    const db::PeerSync* sync = sync_of(syncs, peer.id);
    (sync && sync->acked >= *seq ? passed : waiting).push_back(peer.name);
  }
  const std::size_t all = passed.size() + waiting.size();
  if (call.options.has(kJson)) {
    db::JsonObject out(db);
    out.text("id", to_hex(*id)).integer("heard_ms", found[0].heard_ms).text("delivered_by", found[0].delivered_by);
    out.integer("friends", static_cast<std::int64_t>(all)).integer("passed", static_cast<std::int64_t>(passed.size()));
    out.texts("passed_by", passed).texts("waiting", waiting);
    call.out.put(shown(out.take(), Show::kJson) + "\n");
    return kDone;
  }
  line(call, "heard " + format_utc(found[0].heard_ms) + ", delivered by " + found[0].delivered_by);
  line(call, std::to_string(passed.size()) + " of " + std::to_string(all) + " friends have passed it" +
                 (passed.empty() ? "" : ": " + joined(passed)));
  if (!waiting.empty()) line(call, "not yet: " + joined(waiting));
  return kDone;
}

}  // namespace

int status(Call& call) { return call.options.has(kId) ? one_message(call, call.options.value(kId)) : overview(call); }

}  // namespace gossip::client
