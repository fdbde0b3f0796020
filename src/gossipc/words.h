// Words for people: exit codes, error lines, hints. stdout is data, stderr is words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gossip/result.h"

namespace gossip::client {

// gossipc(1), EXIT STATUS.
enum Exit : int {
  kDone = 0,
  kNothing = 1,  // nothing matched
  kUsage = 2,
  kNoSuch = 3,   // no such peer, message or file
  kTrouble = 4,  // a key or trust problem
  kRefused = 5,  // by size, rate or quota
  kNoKeyYet = 6,
  kBusy = 7,
  kNoDaemon = 8,
  kTimedOut = 9,
  kDamaged = 10,  // the database is damaged or not ours
  kIo = 11,       // disk full, out of memory, or I/O error
  kOurBug = 70,
};

// "gossipc: WHAT" and, unless empty, "gossipc: hint: HINT" on stderr, through the sanitizer. Gives `code` back.
int fail(Exit code, std::string_view what, std::string_view hint = {});
int fail(Exit code, const Refusal& refusal);
void note(std::string_view words);  // one line on stderr, through the sanitizer; at a terminal as many as it takes

// The candidate that is most like what was typed, when one is close enough to be meant.
std::optional<std::string> closest(std::string_view typed, const std::vector<std::string>& candidates);
// `did you mean "alice"?`, or `otherwise`.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates, std::string_view otherwise = {});

std::string quoted(std::string_view text);  // "text", in double quotes; the beginning of what is long

}  // namespace gossip::client
