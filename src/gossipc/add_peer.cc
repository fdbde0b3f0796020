#include <optional>

#include "gossipc/exchange.h"
#include "gossipc/new_friend.h"

namespace gossip::client {
namespace {

db::Change try_once(Call& call, db::Database& db, const std::string& name, const db::Addresses& addresses) {
  if (!call.options.has(kReplace)) return db::add_peer(db, name, addresses);
  return call.options.has(kHost) ? db::replace_peer(db, name, addresses) : db::replace_peer(db, name);
}

void note_next_steps(const std::string& name) {
  note("give this key to " + name + " and to nobody else: both public keys are a secret between the two of you");
  note(name + " will get everything kept here, old messages too");
  note("when you have the key " + name + " made for you: gossipc set-peer-key " + name + " --pubkey-file FILE");
}

}  // namespace

int add_peer(Call& call) {
  const std::string& name = call.options.value(kName);
  if (name.empty()) return fail(kUsage, "add-peer needs a name", "gossipc add-peer alice --host 127.0.0.1 --port 5556");
  if (const auto refusal = check_name(name)) return fail(kUsage, *refusal);
  const Result<db::Addresses> addresses = friends_addresses(call.options);
  if (!addresses) return fail(kUsage, addresses.refusal());
  const Result<int> wanted = wanted_bits();
  if (!wanted) return fail(kUsage, wanted.refusal());

  db::Database db = open_to_write(call, true);
  const db::Change change = with_a_key(call, db, network_bits(db, *wanted), [&] { return try_once(call, db, name, *addresses); });
  if (change != db::Change::kDone) return refuse_friend(db, change, name);
  ring(call);
  const std::optional<db::Peer> peer = db::find_peer(db, name);
  if (!peer) return no_such_peer(db, name);  // deleted by somebody else since
  print_exchange_key(call, db, *peer);
  const char* done = call.options.has(kReplace) ? "the key was replaced all the same" : "the friend was added all the same";
  if (const int code = put_out(call, std::string(done) + "; gossipc show-key " + name + " prints the key again")) return code;
  if (!call.quiet()) note_next_steps(name);
  return kDone;
}

}  // namespace gossip::client
