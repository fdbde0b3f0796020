#include "db/json.h"
#include "db/messages.h"
#include "db/retention.h"
#include "gossip/text.h"
#include "gossipc/friends.h"
#include "gossipc/store.h"
#include "gossipc/who.h"
#include "gossipc/wrap.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

void line(Call& call, const std::string& words, std::size_t indent = 2) {
  call.out.put(folded_for(call.out.fd(), shown(words), indent) + "\n");
}

std::string size_words(std::int64_t bytes) {
  if (bytes < 10 * 1024) return std::to_string(bytes) + " bytes";
  return bytes < 10 * 1024 * 1024 ? std::to_string(bytes / 1024) + " KiB" : std::to_string(bytes / 1024 / 1024) + " MiB";
}

std::string friends_words(std::size_t n) { return std::to_string(n) + (n == 1 ? " friend" : " friends"); }

std::string keep_words(std::int64_t days, std::int64_t bytes) {
  std::string out = days == 0 ? "for ever" : "for " + std::to_string(days) + (days == 1 ? " day" : " days");
  return out + (bytes == 0 ? "" : ", in at most " + size_words(bytes));
}

// The settings are those of the daemon that was started last; null where none was yet.
void put_retention(db::Database& db, db::JsonObject& out) {
  const db::RetentionFacts facts = db::retention_facts(db);
  facts.keep ? out.integer("keep", *facts.keep) : out.null("keep");
  facts.max_store ? out.integer("max_store", *facts.max_store) : out.null("max_store");
  out.integer("kept", facts.kept).integer("used_bytes", facts.used_bytes).integer("dropped_by_age", facts.by_age);
  out.integer("dropped_by_size", facts.by_size).integer("deleted", facts.by_hand).integer("dropped_bytes", facts.bytes);
  out.boolean("overfull", facts.overfull);
}

void print_retention(Call& call, db::Database& db) {
  const db::RetentionFacts facts = db::retention_facts(db);
  std::string words = "texts: " + std::to_string(facts.kept) + " kept, " + size_words(facts.used_bytes);
  if (facts.keep && facts.max_store) words += " " + keep_words(*facts.keep, *facts.max_store);
  line(call, words);
  if (facts.overfull) line(call, "more than GOSSIPD_MAX_STORE allows: texts written here stay until every friend has passed them");
  if (facts.by_age + facts.by_size + facts.by_hand == 0) return;
  line(call, "no longer kept: " + std::to_string(facts.by_age) + " dropped by age, " + std::to_string(facts.by_size) +
                 " by size, " + std::to_string(facts.by_hand) + " deleted by hand; " + size_words(facts.bytes));
}

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
    put_retention(db, out);
    call.out.put(shown(out.take(), Show::kJson) + "\n");
    return;
  }
  line(call, running ? "daemon: running" : "daemon: not running, or it cannot be reached beside the database");
  line(call, "database: " + path + ", " + size_words(facts.file_bytes) + " and " + size_words(facts.wal_bytes) +
                 " in the write-ahead log");
  line(call, "messages: " + std::to_string(facts.messages) + ", " + std::to_string(facts.own) + " of them written here");
  print_retention(call, db);
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
    const db::PeerSync* sync = sync_of(syncs, peer.id);
    if (json) {
      call.out.put(friend_json(db, peer, view, sync) + "\n");
      continue;
    }
    std::string words = "  " + friend_line(peer, view);
    if (sync) {
      words += "; has passed " + std::to_string(sync->acked) + " of our " + std::to_string(size) + ", we have passed " +
               std::to_string(sync->cursor) + " of theirs";
    }
    line(call, words, 6);
  }
}

void print_counters(Call& call, db::Database& db) {
  const auto counters = db::counters(db);
  const bool json = call.options.has(kJson);
  if (!json && call.out.terminal()) {  // all on one screen
    std::string words;
    for (const auto& [name, value] : counters) words += (words.empty() ? "counters: " : ", ") + name + " " + std::to_string(value);
    return words.empty() ? void() : line(call, words);
  }
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

}  // namespace

int status(Call& call) { return call.options.has(kId) ? status_of_message(call, call.options.value(kId)) : overview(call); }

}  // namespace gossip::client
