#include <optional>

#include "crypto/keys.h"
#include "gossip/limits.h"
#include "gossip/text.h"
#include "gossipc/address.h"
#include "gossipc/exchange.h"

namespace gossip::client {
namespace {

void make_key(Call& call, db::Database& db, int bits) {
  if (!call.quiet()) note("no key is ready; making one of " + std::to_string(bits) + " bits, a few seconds ...");
  crypto::NewKey key = crypto::make_key(bits);
  db::add_key(db, key.private_der, key.fp);
  wipe(key.private_der);
}

db::Change try_once(Call& call, db::Database& db, const std::string& name, const db::Addresses& addresses) {
  if (!call.options.has(kReplace)) return db::add_peer(db, name, addresses);
  return call.options.has(kHost) ? db::replace_peer(db, name, addresses) : db::replace_peer(db, name);
}

void note_next_steps(const std::string& name) {
  note("give this key to " + name + " and to nobody else: both public keys are a secret between the two of you");
  note(name + " will get everything kept here, old messages too");
  note("when you have the key " + name + " made for you: gossipc set-peer-key " + name + " --pubkey-file FILE");
}

int refused(db::Database& db, db::Change change, const std::string& name) {
  switch (change) {
    case db::Change::kExists:
      return fail(kTrouble, "there is a peer named " + quoted(name) + " already",
                  "gossipc show-key " + name + " prints its key again; --replace makes a new one on purpose");
    case db::Change::kNoSuch: return no_such_peer(db, name);
    case db::Change::kFull:
      return fail(kRefused, "there are " + std::to_string(kMaxPeers) + " peers, and no more fit",
                  "gossipc delete-peer makes room");
    default: return fail(kNoKeyYet, "other programs took every key as it was made", "try again");
  }
}

}  // namespace

int add_peer(Call& call) {
  const std::string& name = call.options.value(kName);
  if (name.empty()) return fail(kUsage, "add-peer needs a name", "gossipc add-peer alice --host 127.0.0.1 --port 5556");
  if (!valid_peer_name(name)) {
    return fail(kUsage, quoted(name) + " is not a name for a peer",
                "1 to 64 of A-Z a-z 0-9 _ . -, not starting with - or ., not self");
  }
  if (call.options.has(kPort) && !call.options.has(kHost))
    return fail(kUsage, "--port without --host", "give both, or neither to wait for their call");
  const Result<db::Addresses> addresses = addresses_of(call.options);
  if (!addresses) return fail(kUsage, addresses.refusal());
  const Result<int> wanted = wanted_bits();
  if (!wanted) return fail(kUsage, wanted.refusal());

  db::Database db = open_to_write(call, true);
  db::Change change = try_once(call, db, name, *addresses);
  for (int i = 0; i < 5 && change == db::Change::kNoKey; ++i) {
    make_key(call, db, network_bits(db, *wanted));
    change = try_once(call, db, name, *addresses);
  }
  if (change != db::Change::kDone) return refused(db, change, name);
  ring(call);
  const std::optional<db::Peer> peer = db::find_peer(db, name);
  if (!peer) return no_such_peer(db, name);  // deleted by somebody else since
  print_exchange_key(call, db, *peer);
  call.out.flush();
  if (!call.quiet()) note_next_steps(name);
  return kDone;
}

}  // namespace gossip::client
