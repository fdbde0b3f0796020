#include "db/retention.h"
#include "gossipc/message_id.h"
#include "gossipc/store.h"

namespace gossip::client {

// Closing carries the write-ahead log over and removes it where no other program has the database open; else the worker does.
int delete_message(Call& call) {
  const std::string& typed = call.options.value(kId);
  if (typed.empty()) return fail(kUsage, "delete needs a message id", "gossipc view --json shows the ids");
  db::Database db = open_as_it_is(call, true);
  db::Found message;
  if (const int code = find_one(db, typed, message)) return code;
  const auto size = db::delete_text(db, message.seq);
  if (!size) return fail(kNothing, "the text of this message is no longer kept");
  db.tidy_at_close();
  ring(call);
  call.out.put(to_hex(message.id) + "\n");
  if (const int code = put_out(call, "the text was deleted all the same")) return code;
  if (!call.quiet()) note("deleted here, " + std::to_string(*size) + " bytes; friends who have it keep it");
  return kDone;
}

}  // namespace gossip::client
