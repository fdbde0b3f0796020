// A message: one canonical encoding, one id (gossip(7), MESSAGES).
//   message := ver u8=1 | kind u8 | scope u8=0 | flags u8=0 | created u64 | salt 16 | nparents u8<=4 | nparents x id 32 | payload
//   payload of kind 0 := sender (u8 length 1..64) | text (u32 length 1..1 MiB)
//   id := SHA-256("gossipd/1 message" 00 | message)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gossip/bytes.h"
#include "gossip/limits.h"
#include "gossip/ports.h"
#include "gossip/result.h"

namespace gossip {

constexpr std::uint8_t kHearsay = 0;  // unsigned: the sender is a claim

struct Message {
  std::uint8_t kind = kHearsay;
  std::uint64_t created = 0;  // ms since 1970 << 16 | counter: the author's claim, for display only
  std::array<std::uint8_t, 16> salt{};
  std::vector<Hash> parents;
  std::string sender;  // kind 0
  std::string text;    // kind 0
  Bytes payload;       // other kinds, unread
};

// Why a message is not taken. The order of the checks is gossip(7)'s.
enum class MessageFault { kNone, kVersion, kKind, kScope, kFlags, kLength, kForm };

Hash message_id(Crypto& crypto, View message);
Id12 front_of(const Hash& id);
std::uint64_t epoch_of(std::uint64_t created);  // day number of the claimed time
std::uint64_t created_at(std::int64_t wall_ms, std::uint16_t counter);

// Version, kind, scope and flags only; needs no more than the first 12 bytes to be whole.
MessageFault check_head(View message, std::uint64_t& created);
// The whole message: head, form, strict UTF-8. A carried kind (1..127) is checked up to its parents.
MessageFault decode_message(View message, Message& out);
// REQUIRES a message that decode_message would take: senders and texts were checked at the door with check_sender, check_text.
Bytes encode_message(const Message& message);

// Checks at the door, with words for a person (the byte offset of what is wrong among them). `limit` in bytes. Nothing when fine.
enum class TextFault { kEmpty, kTooLong, kInvalid };
struct DoorRefusal {
  TextFault fault;
  Refusal words;
};
std::optional<DoorRefusal> check_sender(std::string_view sender);
std::optional<DoorRefusal> check_text(std::string_view text, std::size_t limit);

}  // namespace gossip
