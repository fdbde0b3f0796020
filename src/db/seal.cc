#include "db/seal.h"

#include "db/keys.h"
#include "db/schema.h"
#include "db/sealed.h"

namespace gossip::db {
namespace {

// mark := u8 length of kdf | kdf | the seal over nothing, which tells a wrong key
constexpr Place kCheck{"meta.seal"};

View kdf_in(View mark) {
  Reader in(mark);
  return in.take(in.u8());
}

struct Key {
  std::shared_ptr<Vault> vault;
  Secret32 key;
};

[[noreturn]] void locked(Database& db, const std::string& what, const std::string& hint) {
  throw Error(Trouble::kLocked, "database " + db.file() + " " + what, hint);
}

Secret32 derive(Database& db, const KeyMaker& maker, View kdf) try {
  const Result<Secret32> key = maker.derive(kdf);
  if (!key) throw Error(Trouble::kDamaged, "database " + db.file() + ": " + key.refusal().what, key.refusal().hint);
  return *key;
} catch (const std::bad_alloc&) {
  throw Error(Trouble::kIo, "there is too little memory to make a key from the passphrase", "it takes 128 MiB; see ulimit -v");
}

Key fresh_key(Database& db, const KeyMaker& maker) {
  const Bytes kdf = maker.fresh_kdf();
  const Secret32 key = derive(db, maker, kdf);
  Bytes mark;
  const Bytes check = Vault(maker.crypto, maker.rng, key, {}).seal(kCheck, {});
  Writer(mark).u8(static_cast<std::uint8_t>(kdf.size())).bytes(kdf).bytes(check);
  return {std::make_shared<Vault>(maker.crypto, maker.rng, key, mark), key};
}

// A mark that was shortened or changed is a wrong key too: nobody can tell.
bool fits(Database& db, const std::shared_ptr<Vault>& vault) {
  const View mark = vault->mark();
  try {
    vault->open(kCheck, mark.subspan(std::min(mark.size(), 1 + kdf_in(mark).size())));
  } catch (const Error&) {
    return false;
  }
  db.set_vault(vault);
  return true;
}

// No name but our own and no key: there is nothing that lay open.
bool bare(Database& db) {
  Statement row = db.prepare("SELECT EXISTS(SELECT 1 FROM keys) OR EXISTS(SELECT 1 FROM who WHERE id<>0)");
  row.step();
  return row.integer(0) == 0;
}

// In the caller's transaction.
void put_mark(Database& db, const Vault* vault) {
  db.exec("DELETE FROM meta WHERE k='seal'");
  if (vault) db.prepare("INSERT INTO meta(k, v) VALUES('seal', ?)").bind(1, View(vault->mark())).run();
}

std::optional<Secret32> seal_bare(Database& db, const KeyMaker& maker) {
  const Key fresh = fresh_key(db, maker);
  Transaction transaction(db);
  check_version(db);
  if (seal_mark(db) || !bare(db)) return std::nullopt;  // somebody was quicker
  put_mark(db, fresh.vault.get());
  transaction.commit();
  db.set_vault(fresh.vault);
  return fresh.key;
}

// --- everything from one form into another, a table at a time, in the caller's transaction

void move_who(Database& db, const Columns& from, const Columns& to) {
  Statement rows = db.prepare("SELECT id, name FROM who WHERE id<>0"), row = db.prepare("UPDATE who SET name=? WHERE id=?");
  std::vector<std::pair<std::int64_t, std::string>> all;
  while (rows.step()) all.emplace_back(rows.integer(0), from.name("who.name", rows.integer(0), rows, 1));
  rows.reset();
  for (const auto& [id, name] : all) {
    const Stored stored = to.name("who.name", id, name);
    put(row, 1, stored).bind(2, id).run();
  }
}

void move_peers(Database& db, const Columns& to, const std::vector<Peer>& peers) {
  Statement row = db.prepare("UPDATE peers SET name=?, pub=?, pub_fp=? WHERE id=?");
  Statement place = db.prepare("UPDATE peer_address SET host=?, port=? WHERE peer=? AND place=?");
  for (const Peer& peer : peers) {
    const std::int64_t id = signed_of(peer.id);
    const Stored name = to.name("peers.name", id, peer.name);
    const Stored pub = to.pub(id, peer.key_id, peer.pub_fp, peer.pub), pub_fp = to.fp("peers.pub_fp", peer.pub_fp);
    put(row, 1, name).bind(4, id);
    if (!peer.pub.empty()) put(put(row, 2, pub), 3, pub_fp);  // else they stay NULL
    row.run();
    for (std::size_t i = 0; i < peer.addresses.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      const Columns::Place stored = to.address(id, at, peer.addresses[i]);
      put(place, 1, stored.host).bind(2, stored.port).bind(3, id).bind(4, at).run();
    }
  }
}

void move_keys(Database& db, const Columns& from, const Columns& to) {
  Statement rows = db.prepare("SELECT id, fp, private FROM keys"), row = db.prepare("UPDATE keys SET fp=?, private=? WHERE id=?");
  struct One {
    std::int64_t id;
    Hash fp;
    SecretBytes der;
  };
  std::vector<One> all;
  while (rows.step()) {
    const Hash fp = from.fp("keys.fp", rows, 1);
    all.push_back({rows.integer(0), fp, SecretBytes(from.private_key(rows.integer(0), fp, rows, 2))});
  }
  rows.reset();
  for (const One& one : all) {
    const Stored fp = to.fp("keys.fp", one.fp);
    Stored der = to.private_key(one.id, one.fp, one.der);
    put(put(row, 1, fp), 2, der).bind(3, one.id).run();
    wipe(der.bytes);
  }
}

[[noreturn]] void not_alone(Database& db) {
  throw Error(Trouble::kBusy, "database " + db.file() + " is open in another program", "end it and try again");
}

std::string journal(Database& db, const char* change = "") {
  Statement row = db.prepare(std::string("PRAGMA journal_mode") + change);
  return row.step() ? std::string(row.text(0)) : std::string();
}

// Where another program keeps it from going back, the next one that opens it for writing does so.
void back_to_wal(Database& db) {
  try {
    journal(db, "=WAL");
  } catch (const Error&) {
  }
}

}  // namespace

std::optional<Bytes> seal_kdf(Database& db) {
  const std::optional<Bytes> mark = seal_mark(db);
  if (!mark) return std::nullopt;
  const View kdf = kdf_in(*mark);
  return Bytes(kdf.begin(), kdf.end());
}

std::optional<Secret32> unlock(Database& db, const std::optional<KeyMaker>& maker, bool may_write) {
  std::optional<Bytes> mark = seal_mark(db);
  if (!mark && maker && may_write && bare(db)) {
    if (auto key = seal_bare(db, *maker)) return key;
    mark = seal_mark(db);
  }
  if (!mark && (!maker || bare(db))) return std::nullopt;
  if (!mark) locked(db, "is not sealed, and there is a passphrase", "gossipc passphrase --new-file FILE seals it");
  if (!maker) locked(db, "is sealed with a passphrase", "GOSSIPD_PASSPHRASE_FILE or GOSSIPD_PASSPHRASE_FD says where it is");
  const Secret32 key = derive(db, *maker, kdf_in(*mark));
  if (!fits(db, std::make_shared<Vault>(maker->crypto, maker->rng, key, *mark)))
    locked(db, "does not open: wrong passphrase", "see GOSSIPD_PASSPHRASE_FILE and GOSSIPD_PASSPHRASE_FD");
  return key;
}

void unlock_with(Database& db, std::shared_ptr<Crypto> crypto, std::shared_ptr<Rng> rng, View key) {
  const std::optional<Bytes> mark = seal_mark(db);
  if (!mark || !fits(db, std::make_shared<Vault>(std::move(crypto), std::move(rng), key, *mark)))
    locked(db, "does not open any more: its passphrase was changed", "start gossipd again");
}

// Rationale: the WAL holds pages of before, in the old form. Leaving WAL mode carries it over and deletes it, and SQLite does that
// only for the last connection there is; so there is no checkpoint beside a writer either.
void reseal(Database& db, const std::optional<KeyMaker>& maker) {
  const std::optional<Key> fresh = maker ? std::optional(fresh_key(db, *maker)) : std::nullopt;
  const Columns to(fresh ? fresh->vault.get() : nullptr);
  if (journal(db, "=DELETE") != "delete") not_alone(db);
  try {
    Transaction transaction(db);
    if (journal(db) != "delete") not_alone(db);  // somebody has opened it since
    check_version(db);
    const Columns from(db);
    move_who(db, from, to);
    move_peers(db, to, list_peers(db));
    move_keys(db, from, to);
    put_mark(db, fresh ? fresh->vault.get() : nullptr);
    bump_peers(db);
    transaction.commit();
  } catch (...) {
    back_to_wal(db);
    throw;
  }
  db.set_vault(fresh ? fresh->vault : nullptr);
  back_to_wal(db);
}

}  // namespace gossip::db
