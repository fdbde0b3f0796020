#include "db/body.h"

#include "gossip/check.h"
#include "gossip/message.h"

namespace gossip::db {

BodyColumns split_body(View message) {
  BodyColumns out{.head = message, .sender = {}, .text = {}, .known = false};
  GOSSIP_CHECK(message.size() >= kHeadSize);
  if (message[1] != kHearsay) return out;
  Reader r(message);
  out.head = r.take(kHeadSize + std::size_t{32} * message[kHeadSize - 1]);
  out.sender = as_text(r.take(r.u8()));
  out.text = as_text(r.take(r.u32()));
  out.known = r.done();
  GOSSIP_CHECK(out.known);
  return out;
}

void append_body(Bytes& canonical, const Statement& row, int column) {
  Writer out(canonical);
  out.bytes(row.blob(column));
  if (row.null(column + 1)) return;
  const std::string_view sender = row.text(column + 1), text = row.text(column + 2);
  out.u8(static_cast<std::uint8_t>(sender.size())).bytes(as_view(sender));
  out.u32(static_cast<std::uint32_t>(text.size())).bytes(as_view(text));
}

}  // namespace gossip::db
