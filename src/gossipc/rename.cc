#include "gossip/text.h"
#include "gossipc/new_friend.h"

namespace gossip::client {

int rename(Call& call) {
  const std::string &name = call.options.value(kName), &to = call.options.value(kTo);
  if (name.empty() || to.empty()) return fail(kUsage, "rename needs two names", "gossipc rename alice alice-work");
  if (const auto refusal = check_name(to)) return fail(kUsage, *refusal);
  db::Database db = open_to_write(call, false);
  switch (db::rename_peer(db, name, to)) {
    case db::Change::kNoSuch: return no_such_peer(db, name);
    case db::Change::kExists: return fail(kTrouble, "there is a peer named " + quoted(to) + " already", "choose another name");
    case db::Change::kDone: ring(call); break;
    default: break;
  }
  if (!call.quiet()) note(name == to ? "nothing changed" : name + " is " + to + " from now on");
  return kDone;
}

}  // namespace gossip::client
