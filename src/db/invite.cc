#include "db/invite.h"

#include "db/keys.h"
#include "db/schema.h"
#include "db/sealed.h"
#include "gossip/check.h"

namespace gossip::db {
namespace {

std::optional<Peer> find_id(Database& db, PeerId id) {
  for (Peer& peer : list_peers(db)) {
    if (peer.id == id) return std::move(peer);
  }
  return std::nullopt;
}

// A friend without a key of theirs, there or made.
Change take_in(Database& db, std::string_view name, const std::optional<Addresses>& addresses, bool replace) {
  const std::optional<Peer> peer = find_peer(db, name);
  if (!peer) return insert_peer(db, name, addresses.value_or(Addresses()));
  if (!peer->pub.empty()) return replace ? renew_peer(db, name, addresses) : Change::kExists;
  if (addresses) put_addresses(db, peer->id, *addresses, {});
  return Change::kDone;
}

void open_until(Database& db, PeerId peer, std::int64_t until_ms) {
  GOSSIP_CHECK(until_ms > 0);
  db.prepare("UPDATE peers SET until_ms=? WHERE id=?").bind(1, until_ms).bind(2, signed_of(peer)).run();
}

void set_joined(Database& db, const Peer& peer) { set_keys(db, peer, peer.next_key, peer.pub, peer.pub_fp); }

std::vector<PeerId> due(Database& db, std::int64_t now_ms) {
  Statement rows = db.prepare("SELECT id FROM peers WHERE until_ms BETWEEN 1 AND ?");
  std::vector<PeerId> out;
  rows.bind(1, now_ms);
  while (rows.step()) out.push_back(static_cast<PeerId>(rows.integer(0)));
  return out;
}

// What they were given may be in anybody's hands by now. Ours stays: it is in no other friendship.
void forget_invitation(Database& db, PeerId peer) {
  db.prepare("UPDATE peers SET pub=NULL, pub_fp=NULL, gen=gen+1, pq_seen=0, until_ms=0 WHERE id=?").bind(1, signed_of(peer)).run();
  forget_sync(db, peer);
}

}  // namespace

Change invite(Database& db, std::string_view name, const std::optional<Addresses>& addresses, const Public& one_use,
              std::int64_t until_ms, bool replace) {
  Transaction transaction(db);
  check_version(db);
  const Change change = take_in(db, name, addresses, replace);
  if (change != Change::kDone) return change;
  if (key_taken(db, one_use.fp)) return Change::kConflict;
  const Peer peer = find_peer(db, name).value();
  set_keys(db, peer, peer.key_id, one_use.spki_der, one_use.fp);
  open_until(db, peer.id, until_ms);
  return finish(db, transaction);
}

Change store_invited_key(Database& db, PeerId id, std::uint64_t gen, const Public& theirs, std::int64_t now_ms) {
  Transaction transaction(db);
  check_version(db);
  const std::optional<Peer> peer = find_id(db, id);
  if (peer && peer->has_their_key() && peer->pub_fp == theirs.fp) return Change::kSame;  // over another session, a moment ago
  if (!peer || !peer->invited() || peer->gen != gen || peer->until_ms <= now_ms) return Change::kNoSuch;
  if (key_taken(db, theirs.fp)) return Change::kConflict;
  set_keys(db, *peer, peer->key_id, theirs.spki_der, theirs.fp);
  return finish(db, transaction);
}

Change join(Database& db, std::string_view name, const std::optional<Addresses>& addresses, const Joining& joining) {
  Transaction transaction(db);
  check_version(db);
  if (key_taken(db, joining.one_use_fp) || key_taken(db, joining.theirs.fp)) return Change::kConflict;
  const Change change = take_in(db, name, addresses, false);
  if (change != Change::kDone) return change;
  const Peer peer = find_peer(db, name).value();
  const std::int64_t one_use = insert_key(db, joining.one_use, joining.one_use_fp);
  const Columns columns(db);
  const Stored pub = columns.pub(signed_of(peer.id), one_use, joining.theirs.fp, joining.theirs.spki_der);
  const Stored pub_fp = columns.fp("peers.pub_fp", joining.theirs.fp);
  Statement row = db.prepare("UPDATE peers SET next=key, key=?, pub=?, pub_fp=? WHERE id=?");
  put(row.bind(1, one_use), 2, pub);
  put(row, 3, pub_fp).bind(4, signed_of(peer.id)).run();
  open_until(db, peer.id, joining.until_ms);
  return finish(db, transaction);
}

bool finish_joining(Database& db, PeerId id, std::uint64_t gen) {
  Transaction transaction(db);
  check_version(db);
  const std::optional<Peer> peer = find_id(db, id);
  if (!peer || !peer->joining() || peer->gen != gen) return false;
  set_joined(db, *peer);
  return finish(db, transaction) == Change::kDone;
}

bool expire_invitations(Database& db, std::int64_t now_ms) {
  if (due(db, now_ms).empty()) return false;
  Transaction transaction(db);
  check_version(db);
  for (const PeerId id : due(db, now_ms)) {
    const Peer peer = find_id(db, id).value();
    if (peer.joining()) set_joined(db, peer);
    else forget_invitation(db, id);
  }
  return finish(db, transaction) == Change::kDone;
}

std::optional<std::int64_t> next_expiry(Database& db) {
  Statement row = db.prepare("SELECT min(until_ms) FROM peers WHERE until_ms>0");
  if (!row.step() || row.null(0)) return std::nullopt;
  return row.integer(0);
}

}  // namespace gossip::db
