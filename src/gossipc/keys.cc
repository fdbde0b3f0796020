#include "db/json.h"
#include "gossipc/store.h"

namespace gossip::client {

int keys(Call& call) {
  const Result<int> wanted = wanted_bits();
  if (!wanted) return fail(kUsage, wanted.refusal());
  db::Database db = open_as_it_is(call, false);
  const std::int64_t assigned = db::assigned_keys(db), unassigned = db::unassigned_keys(db);
  const int bits = network_bits(db, *wanted);
  if (call.options.has(kJson)) {
    call.out.put(db::JsonObject(db).integer("assigned", assigned).integer("unassigned", unassigned).integer("bits", bits).take() +
                 "\n");
    return kDone;
  }
  call.out.put(std::to_string(assigned) + " with friends\n" + std::to_string(unassigned) +
               " unassigned, for friends to come and as decoys\n" + std::to_string(bits) + " bits each\n");
  return kDone;
}

}  // namespace gossip::client
