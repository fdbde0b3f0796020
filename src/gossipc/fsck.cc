#include "gossipc/fsck.h"

#include <unistd.h>

#include <filesystem>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "db/files.h"
#include "db/inspect.h"
#include "db/messages.h"
#include "db/retention.h"
#include "gossip/pair.h"
#include "gossipc/findings.h"
#include "gossipc/key_check.h"
#include "gossipc/progress.h"
#include "gossipc/store.h"
#include "gossipc/when.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr std::int64_t kMostWal = 64 << 20;

std::string damage_hint() { return db::hint_for(db::Trouble::kDamaged); }

void check_modes(Call& call, Findings& found) {
  const std::string& path = call.config.db_path;
  const auto look = [&](auto check) {
    try {
      check();
    } catch (const db::Error& error) {
      if (error.trouble() == db::Trouble::kMissing) throw;
      found.error("files", error);
    }
  };
  look([&] { db::check_directory(db::directory_of(path), false); });
  for (const char* rest : {"", "-wal", "-shm", "-journal"}) look([&] { db::check_file(path + rest); });
  for (const char* rest : {".lock", ".bell", ".crash"}) {
    if (::access((path + rest).c_str(), F_OK) == 0) look([&] { db::check_ours(path + rest); });
  }
  look([&] { db::check_writable(path); });
}

void check_schema(db::Database& db, Findings& found) {
  for (const std::string& name : db::foreign_schema(db)) {
    found.error("schema", name + " is not as this version makes it", damage_hint());
  }
  for (const std::string& line : db::integrity(db, 20)) found.error("integrity", line, damage_hint());
}

void check_texts(Call& call, db::Database& db, Findings& found) {
  const auto crypto = crypto::make_crypto();
  Ticker ticker(call.quiet());
  const db::Rehashed out = db::rehash(db, *crypto, [&](Seq done, Seq all) {
    ticker.show([&] { return "hashing: " + percent(static_cast<std::int64_t>(done), static_cast<std::int64_t>(all)); });
  });
  ticker.clear();
  const auto say = [&](std::int64_t n, const std::string& what) {
    if (n > 0) found.error("texts", std::to_string(n) + " " + what, damage_hint());
  };
  std::string where;
  for (Seq seq : out.first_wrong) where += (where.empty() ? ": seq " : ", ") + std::to_string(seq);
  say(out.wrong, "messages are not what their ids say" + where);
  say(out.missing, "texts are not there");
  say(out.stray, "texts belong to no message");
  say(out.chains, "values of the chain over the log are wrong");
  say(out.holes, "positions of the log are left out");
}

void check_keys(db::Database& db, Findings& found) {
  std::int64_t bad = 0;
  db::each_key(db, [&](const db::KeyRow& key) { bad += !key_fits(key.private_der, key.fp); });
  if (bad > 0) found.error("keys", std::to_string(bad) + " private keys do not parse, or are not what they are kept under", damage_hint());
  if (db::unassigned_keys(db) == 0) {
    found.warning("keys", "no unassigned key is ready: strangers get no decoy, and add-peer has to make one", "gossipd makes them when it runs");
  }
}

void check_clock(db::Database& db, Findings& found) {
  const std::int64_t now = sys::wall_ms();
  constexpr std::int64_t kFirst = 1'767'225'600'000, kLast = 4'102'444'800'000;  // 2026, 2100
  if (now < kFirst || now > kLast) found.warning("clock", "the clock says " + format_utc(now), "set it; only what is shown depends on it");
  if (const std::int64_t later = db::heard_after(db, now + kDayMs); later > 0) {
    found.warning("clock", std::to_string(later) + " messages were heard in the future", "the clock was wrong then, or is now");
  }
}

void check_size(Call& call, db::Database& db, bool running, Findings& found) {
  const std::string& path = call.config.db_path;
  const db::StoreFacts facts = db::store_facts(db, path);
  if (facts.wal_bytes > kMostWal) {
    found.warning("files", "the write-ahead log has " + std::to_string(facts.wal_bytes >> 20) + " MiB",
                  running ? "a program that has the database open for long keeps it from being written back" : "gossipd writes it back");
  }
  if (db::retention_facts(db).overfull) {
    found.warning("disk", "more texts are kept than GOSSIPD_MAX_STORE allows, and those that may be dropped are not enough",
                  "texts written here stay until every friend has passed them");
  }
  const std::uint64_t room = db::room_beside(path);
  if (room < (std::uint64_t{64} << 20)) {
    found.warning("disk", "only " + std::to_string(room >> 20) + " MiB are free beside the database", "make room on the disk");
  }
}

// By their names: in the database's directory. Where a copy was to go elsewhere, nobody knows.
void check_leftovers(const std::string& path, Findings& found) {
  const std::string base = std::filesystem::path(path).filename();
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(db::directory_of(path), none)) {
    const std::string name = entry.path().filename();
    if (name != base + ".new" && name != base + ".new-journal" && name.find(".unfinished-") == name.npos) continue;
    found.warning("files", entry.path().string() + " was left by something that was cut off, and may hold private keys",
                  "delete it, if no gossipc runs");
  }
}

void check_friend(const db::Peer& peer, const std::vector<db::PeerState>& states, const std::vector<db::PeerSync>& syncs, Seq size,
                  Findings& found) {
  const std::string who = "friend " + peer.name;
  if (peer.pub.empty()) {
    found.warning("friends", who + ": their key is not set", "gossipc set-peer-key " + peer.name + " --pubkey-file FILE");
  } else {
    try {
      crypto::load_public(peer.pub);
      if (fingerprint(*crypto::make_crypto(), peer.pub) != peer.pub_fp) throw std::runtime_error("another fingerprint");
    } catch (const std::runtime_error&) {
      found.error("friends", who + ": their key cannot be read", "gossipc set-peer-key " + peer.name + " --replace --pubkey-file FILE");
    }
  }
  if (peer.addresses.empty()) {
    found.warning("friends", who + ": no address; we wait for their call", "gossipc set-address " + peer.name + " --host HOST");
  }
  std::int64_t last = 0;
  for (const db::PeerState& state : states) {
    if (state.peer == peer.id) last = std::max(last, state.last_up_ms);
    if (state.peer == peer.id && state.reason == "pq_missing") {
      found.warning("friends", who + ": post-quantum sessions only, and this machine can do none", "GOSSIPD_PQ, or OpenSSL 3.5");
    }
  }
  if (last > 0 && sys::wall_ms() - last > 30 * kDayMs) {
    found.warning("friends", who + ": no session since " + format_utc(last), "gossipc peers says why");
  }
  for (const db::PeerSync& sync : syncs) {
    if (sync.peer == peer.id && sync.acked > size) {
      found.warning("friends", who + ": says to have passed " + std::to_string(sync.acked) + " messages, and there are " + std::to_string(size),
                    "the database is older than they know it; at their next session they see that");
    }
  }
}

void check_friends(db::Database& db, Findings& found) {
  const std::vector<db::PeerState> states = db::peer_states(db);
  const std::vector<db::PeerSync> syncs = db::peer_syncs(db);
  const Seq size = db::last_seq(db);
  for (const db::Peer& peer : db::list_peers(db)) check_friend(peer, states, syncs, size, found);
}

// Each part for itself: what is wrong with one hides nothing of the others.
template <typename Check>
void part(const char* name, Findings& found, Check check) {
  try {
    check();
  } catch (const db::Error& error) {
    if (error.trouble() == db::Trouble::kBusy) throw;
    found.error(name, error);
  }
}

void check_contents(Call& call, db::Database& db, bool running, Findings& found) {
  part("schema", found, [&] { check_schema(db, found); });
  if (call.options.has(kFull)) part("texts", found, [&] { check_texts(call, db, found); });
  part("clock", found, [&] { check_clock(db, found); });
  part("files", found, [&] { check_size(call, db, running, found); });
}

}  // namespace

int fsck(Call& call) {
  const std::string& path = call.config.db_path;
  const Passphrase passphrase = read_passphrase(call);
  Findings found(call);
  check_modes(call, found);
  const bool modes = found.errors() == 0;
  const bool running = check_daemon(call, found);
  std::optional<std::int64_t> messages;
  check_leftovers(path, found);
  try {
    db::Database db = open_as_it_is(call, false);
    check_contents(call, db, running, found);
    messages = db::signed_of(db::last_seq(db));
    part("seal", found, [&] {
      db::unlock(db, key_maker(passphrase), false);
      part("keys", found, [&] { check_keys(db, found); });
      part("friends", found, [&] { check_friends(db, found); });
    });
  } catch (const db::Error& error) {
    if (error.trouble() == db::Trouble::kBusy || error.trouble() == db::Trouble::kMissing) throw;
    if (modes || error.trouble() != db::Trouble::kNotOurs) found.error("database", error);  // else it was said
  }
  found.sum_up(path, messages);
  return found.errors() > 0 ? kDamaged : kDone;
}

}  // namespace gossip::client
