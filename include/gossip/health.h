// How a friend is doing, and why: one list of reasons, with the code that programs see and the words that people see, in
// status and in the log alike (gossipc(1)).
#pragma once

#include <cstdint>
#include <string_view>

namespace gossip {

enum class Health : std::uint8_t { kWaiting, kDialling, kUp };

enum class Why : std::uint8_t {
  kNone,
  // there is nothing to dial, or nobody who would
  kNoKey, kNoAddress, kNotTried, kNoDaemon,
  // nobody answered the call
  kNameNotFound, kUnreachable, kRefused, kThisMachine, kPqMissing,
  // somebody did
  kSilent, kBrokenOff, kNotRecognised, kSomebodyElse, kUnproven, kPqPolicy,
  // a session ended
  kClosed, kReplaced, kShuttingDown, kBusy, kProtocolError, kBlamed, kOtherVersion, kNoHello, kNoHead, kWrongMessage,
  kLogChanging, kNoKeyCame, kBadKey, kChanged, kMadeUsCrash,
  // a session lives
  kLogRestarted, kLogTwice, kOlderCopy, kOverQuota,
  // a caller who knew both public keys got no session
  kBadBody, kReplay, kBadProof, kUnfinished, kTooOften,
};

const char* why_code(Why why);            // "not_recognised"; never changes. kNone: ""
const char* why_words(Why why);           // "not recognised (they have not added us ...)"
Why parse_why(std::string_view code);     // kNone for what this version does not know
// A call that failed so was taken by somebody: our own network is well.
bool somebody_answered(Why why);

}  // namespace gossip
