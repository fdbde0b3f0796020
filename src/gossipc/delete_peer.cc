#include "gossipc/store.h"

namespace gossip::client {

int delete_peer(Call& call) {
  const std::string& name = call.options.value(kName);
  if (name.empty()) return fail(kUsage, "delete-peer needs a name", "gossipc delete-peer alice");
  db::Database db = open_to_write(call, false);
  if (db::delete_peer(db, name) != db::Change::kDone) return no_such_peer(db, name);
  ring(call);
  if (!call.quiet()) note(name + " is no peer any more; the keys are deleted, what " + name + " delivered stays");
  return kDone;
}

}  // namespace gossip::client
