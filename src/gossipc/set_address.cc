#include "gossipc/address.h"
#include "gossipc/store.h"

namespace gossip::client {
namespace {

std::optional<Refusal> check(const Options& options) {
  if (options.has(kNone) && (options.has(kHost) || options.has(kPort)))
    return Refusal{options.has(kHost) ? "--none with an address" : "--none with --port", "--host says where to call, --none not to call any more"};
  if (!options.has(kNone) && !options.has(kHost))
    return Refusal{"set-address needs --host, or --none", "gossipc set-address alice --host alice.example:5556"};
  return std::nullopt;
}

}  // namespace

int set_address(Call& call) {
  const std::string& name = call.options.value(kName);
  if (name.empty()) return fail(kUsage, "set-address needs a name", "gossipc set-address alice --host alice.example:5556");
  if (const auto refusal = check(call.options)) return fail(kUsage, *refusal);
  const Result<db::Addresses> addresses = addresses_of(call.options);
  if (!addresses) return fail(kUsage, addresses.refusal());
  db::Database db = open_to_write(call, false);
  const db::Change change = db::set_addresses(db, name, *addresses);
  if (change == db::Change::kNoSuch) return no_such_peer(db, name);
  if (change == db::Change::kDone) ring(call);
  if (call.quiet()) return kDone;
  if (change == db::Change::kSame) note("nothing changed");
  if (addresses->empty()) note(name + " is not called any more, and we wait for their call; a session that is open stays");
  else note(name + " is called at " + address_words(*addresses));
  return kDone;
}

}  // namespace gossip::client
