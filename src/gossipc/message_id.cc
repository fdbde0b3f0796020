#include "gossipc/message_id.h"

#include "gossip/bytes.h"
#include "gossipc/words.h"

namespace gossip::client {
namespace {

constexpr std::size_t kDigits = 2 * sizeof(Hash);

bool looks_like_one(const std::string& typed) {
  const std::string even = typed.size() % 2 == 0 ? typed : typed + "0";
  return typed.size() >= db::kLeastDigits && typed.size() <= kDigits && from_hex(even);
}

}  // namespace

int find_one(db::Database& db, const std::string& typed, db::Found& out) {
  if (!looks_like_one(typed))
    return fail(kUsage, quoted(typed) + " is not a message id", "64 hex digits, as gossipc send prints, or 8 and more of the first");
  const std::vector<db::Found> found = db::find_messages(db, typed, 2);
  if (found.empty()) return fail(kNoSuch, "no message with this id", "gossipc view --json shows the ids");
  if (found.size() > 1) return fail(kUsage, "several messages have an id that begins like this", "give more of its digits");
  out = found.front();
  return kDone;
}

}  // namespace gossip::client
