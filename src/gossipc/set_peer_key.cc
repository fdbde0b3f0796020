#include "crypto/keys.h"
#include "gossipc/exchange.h"
#include "sys/error.h"

namespace gossip::client {
namespace {

int finish(Call& call, db::Database& db, db::Change change, const std::string& name) {
  switch (change) {
    case db::Change::kDone: ring(call); break;
    case db::Change::kSame:
      if (!call.quiet()) note("this key of " + name + " was set already; nothing changed");
      break;
    case db::Change::kExists:
      return fail(kTrouble, "another key of " + quoted(name) + " is set",
                  "--replace takes this one in its place; ask " + name + " first");
    case db::Change::kConflict:
      return fail(kTrouble, "this key is one of your own, or another friend's",
                  "take the key " + name + " made for you, not the one you sent");
    default: return no_such_peer(db, name);
  }
  if (const std::optional<db::Peer> peer = db::find_peer(db, name)) note_pair_code(call, *peer);
  return kDone;
}

// The key stays: what was seen of its sessions is forgotten.
int reset_pq(Call& call, const std::string& name) {
  db::Database db = open_to_write(call, false);
  switch (db::reset_pq(db, name)) {
    case db::Change::kDone: ring(call); return kDone;
    case db::Change::kSame:
      if (!call.quiet()) note("no post-quantum key exchange was asked of " + name + "; nothing changed");
      return kDone;
    default: return no_such_peer(db, name);
  }
}

}  // namespace

int set_peer_key(Call& call) {
  const std::string& name = call.options.value(kName);
  const std::string& path = call.options.value(kPubkeyFile);
  if (!name.empty() && call.options.has(kResetPq)) {
    if (path.empty() && !call.options.has(kReplace)) return reset_pq(call, name);
    return fail(kUsage, "--reset-pq goes alone", "a new key needs none");
  }
  if (name.empty() || path.empty()) {
    return fail(kUsage, name.empty() ? "set-peer-key needs a name" : "set-peer-key needs --pubkey-file",
                "gossipc set-peer-key alice --pubkey-file from-alice.txt");
  }
  const Result<int> wanted = wanted_bits();
  if (!wanted) return fail(kUsage, wanted.refusal());
  std::string text;
  try {
    text = read_key_file(path);
  } catch (const sys::Error& error) { return fail(kNoSuch, error.what()); }
  if (text.size() > crypto::kMaxKeyText) {
    return fail(kTrouble, path + " is longer than " + std::to_string(crypto::kMaxKeyText) + " bytes", "it should hold one public key");
  }
  db::Database db = open_to_write(call, false);
  if (!db::find_peer(db, name)) return no_such_peer(db, name);
  const Result<crypto::ImportedKey> key = crypto::import_public(text, network_bits(db, *wanted));
  if (!key) return fail(kTrouble, key.refusal());
  return finish(call, db, db::set_peer_key(db, name, key->spki_der, key->fp, call.options.has(kReplace)), name);
}

}  // namespace gossip::client
