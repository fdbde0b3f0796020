#include "db/query.h"

#include "gossip/text.h"
#include "gossipc/store.h"

namespace gossip::client {

// The passphrase is not asked for: what is sealed is not for this.
int sql(Call& call) {
  if (!call.options.has(kSql)) return fail(kUsage, "sql needs a query", "gossipc sql 'select count(*) from v_messages'");
  db::Database db = open_as_it_is(call, false);
  db::Query query(db);
  const Result<bool> prepared = query.prepare(call.options.value(kSql));
  if (!prepared) return fail(kUsage, prepared.refusal());
  const bool json = call.options.has(kJson);
  while (!call.out.closed()) {
    const Result<bool> row = query.step();
    if (!row) {
      call.out.flush();
      return fail(kUsage, row.refusal());
    }
    if (!*row) break;
    std::string line = json ? shown(query.json(), Show::kJson) : "";
    for (std::size_t i = 0; i < query.columns() && !json; ++i) {
      if (i > 0) line += '|';
      append_shown(line, query.text(i), Show::kSender);
    }
    call.out.put(line + "\n");
  }
  return kDone;
}

}  // namespace gossip::client
