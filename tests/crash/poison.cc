// gossipd as it is, but for one thing: a process dies, as of a bug of our own, when it looks into a message with certain words in it,
// or when it is asked for messages, where POISONED_REQUESTS is set. Linked with --wrap, for tests/e2e/test_poison.py.
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "gossip/frame.h"
#include "gossip/message.h"

// As their types are mangled, and in the Makefile.
#define DECODE_MESSAGE "_ZN6gossip14decode_messageESt4spanIKhLm18446744073709551615EERNS_7MessageE"
#define DECODE_SEQS "_ZN6gossip11decode_seqsESt4spanIKhLm18446744073709551615EE"

namespace gossip {

MessageFault real_decode(View message, Message& out) __asm__("__real_" DECODE_MESSAGE);
MessageFault decode_or_die(View message, Message& out) __asm__("__wrap_" DECODE_MESSAGE);
std::optional<Seqs> real_seqs(View payload) __asm__("__real_" DECODE_SEQS);
std::optional<Seqs> seqs_or_die(View payload) __asm__("__wrap_" DECODE_SEQS);

MessageFault decode_or_die(View message, Message& out) {
  const std::string_view text = as_text(message);
  if (text.find("poison that aborts") != text.npos) std::abort();
  if (text.find("poison that throws") != text.npos) throw std::logic_error("what was that");
  if (text.find("poison that faults") != text.npos) *static_cast<volatile int*>(nullptr) = 0;
  return real_decode(message, out);
}

std::optional<Seqs> seqs_or_die(View payload) {
  if (std::getenv("POISONED_REQUESTS")) std::abort();
  return real_seqs(payload);
}

}  // namespace gossip
