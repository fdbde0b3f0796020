#include "gossipc/exchange.h"

namespace gossip::client {

int show_key(Call& call) {
  const std::string& name = call.options.value(kName);
  if (name.empty()) return fail(kUsage, "show-key needs a name", "gossipc show-key alice");
  db::Database db = open_to_read(call);
  const std::optional<db::Peer> peer = db::find_peer(db, name);
  if (!peer) return no_such_peer(db, name);
  print_exchange_key(call, db, *peer);
  call.out.flush();
  if (!call.quiet()) note_pair_code(call, *peer);
  return kDone;
}

}  // namespace gossip::client
