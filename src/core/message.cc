#include "gossip/message.h"

#include "gossip/check.h"
#include "gossip/text.h"
#include "gossip/time.h"

namespace gossip {

constexpr std::uint8_t kFirstRefusedKind = 128;

Hash message_id(Crypto& crypto, View message) {
  static constexpr std::string_view kLabel{"gossipd/1 message\0", 18};
  Bytes input;
  input.reserve(kLabel.size() + message.size());
  Writer(input).bytes(as_view(kLabel)).bytes(message);
  return crypto.sha256(input);
}

Id12 front_of(const Hash& id) {
  Id12 out;
  std::copy_n(id.begin(), out.size(), out.begin());
  return out;
}

std::uint64_t epoch_of(std::uint64_t created) { return (created >> 16) / kDayMs; }

std::uint64_t created_at(std::int64_t wall_ms, std::uint16_t counter) {
  std::uint64_t ms = wall_ms < 0 ? 0 : static_cast<std::uint64_t>(wall_ms);
  return (ms & 0xffff'ffff'ffff) << 16 | counter;
}

static MessageFault read_head(Reader& r, std::uint8_t& kind, std::uint64_t& created) {
  std::uint8_t version = r.u8();
  kind = r.u8();
  std::uint8_t scope = r.u8(), flags = r.u8();
  created = r.u64();
  if (!r.ok()) return MessageFault::kForm;
  if (version != 1) return MessageFault::kVersion;
  if (kind >= kFirstRefusedKind) return MessageFault::kKind;
  if (scope != 0) return MessageFault::kScope;
  if (flags != 0) return MessageFault::kFlags;
  return MessageFault::kNone;
}

MessageFault check_head(View message, std::uint64_t& created) {
  Reader r(message);
  std::uint8_t kind = 0;
  return read_head(r, kind, created);
}

static bool sender_fine(std::string_view sender) {
  if (sender.empty() || sender.size() > kMaxSender || utf8_fault(sender)) return false;
  for (std::size_t i = 0; i < sender.size(); ++i) {
    auto c = static_cast<unsigned char>(sender[i]);
    if (c < 0x20 || c == 0x7f) return false;
    if (c == 0xc2 && static_cast<unsigned char>(sender[i + 1]) < 0xa0) return false;  // U+0080 to U+009F; UTF-8 was checked
  }
  return true;
}

static bool text_fine(std::string_view text) {
  return !text.empty() && text.size() <= kMaxText && text.find('\0') == text.npos && !utf8_fault(text);
}

MessageFault decode_message(View message, Message& out) {
  if (message.size() > kMaxMessage) return MessageFault::kLength;
  Reader r(message);
  MessageFault fault = read_head(r, out.kind, out.created);
  if (fault != MessageFault::kNone) return fault;
  out.salt = r.array<16>();
  std::uint8_t parents = r.u8();
  if (parents > kMaxParents) return MessageFault::kForm;
  out.parents.clear();
  for (int i = 0; i < parents; ++i) out.parents.push_back(r.array<32>());
  if (!r.ok()) return MessageFault::kForm;
  View payload = r.rest();
  if (out.kind != kHearsay) {
    out.payload.assign(payload.begin(), payload.end());
    return MessageFault::kNone;
  }
  Reader p(payload);
  out.sender = as_text(p.take(p.u8()));
  out.text = as_text(p.take(p.u32()));
  if (!p.done() || !sender_fine(out.sender) || !text_fine(out.text)) return MessageFault::kForm;
  return MessageFault::kNone;
}

Bytes encode_message(const Message& m) {
  GOSSIP_CHECK(m.parents.size() <= kMaxParents);
  Bytes out;
  out.reserve(64 + 32 * m.parents.size() + m.sender.size() + m.text.size() + m.payload.size());
  Writer w(out);
  w.u8(1).u8(m.kind).u8(0).u8(0).u64(m.created).bytes(m.salt).u8(static_cast<std::uint8_t>(m.parents.size()));
  for (const Hash& parent : m.parents) w.bytes(parent);
  if (m.kind != kHearsay) {
    w.bytes(m.payload);
  } else {
    w.u8(static_cast<std::uint8_t>(m.sender.size())).bytes(as_view(m.sender));
    w.u32(static_cast<std::uint32_t>(m.text.size())).bytes(as_view(m.text));
  }
  return out;
}

static std::string number(std::size_t n) { return std::to_string(n); }

static std::optional<DoorRefusal> bad_utf8(const char* what, std::string_view text) {
  auto nul = text.find('\0');
  auto fault = utf8_fault(text);
  if (nul != text.npos && (!fault || nul < *fault)) {
    return DoorRefusal{TextFault::kInvalid, {std::string(what) + " has a NUL byte at offset " + number(nul), "only text can be sent"}};
  }
  if (!fault) return std::nullopt;
  return DoorRefusal{TextFault::kInvalid, {std::string(what) + " is not valid UTF-8 at byte offset " + number(*fault),
                                           "convert it first, for example with iconv -t UTF-8"}};
}

std::optional<DoorRefusal> check_sender(std::string_view sender) {
  if (sender.empty()) return DoorRefusal{TextFault::kEmpty, {"the sender is empty", "give a name with --source or GOSSIPD_USERNAME"}};
  if (sender.size() > kMaxSender) {
    return DoorRefusal{TextFault::kTooLong, {"the sender is " + number(sender.size()) + " bytes long, the limit is " + number(kMaxSender)}};
  }
  if (auto bad = bad_utf8("the sender", sender)) return bad;
  if (!sender_fine(sender)) return DoorRefusal{TextFault::kInvalid, {"the sender has a control character in it"}};
  return std::nullopt;
}

std::optional<DoorRefusal> check_text(std::string_view text, std::size_t limit) {
  if (text.empty()) return DoorRefusal{TextFault::kEmpty, {"the message is empty"}};
  if (text.size() > limit) {
    return DoorRefusal{TextFault::kTooLong, {"the message is " + number(text.size()) + " bytes long, the limit is " + number(limit),
                                             "GOSSIPD_MAX_MESSAGE raises it, to 1048576 at most"}};
  }
  return bad_utf8("the message", text);
}

}  // namespace gossip
