// Errands: what the worker tells the runner of hooks over their SEQPACKET pair, and what it hears back, one packet each.
//   MESSAGE  which one: names and times, and how long its text is; the hook begins when all of that is there
//   TEXT     the next piece of the text
//   STOP     leave, when the hook that runs has ended or was ended
//   ENDED    the hook has ended, and how
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gossip/bytes.h"

namespace gossip::daemon {

struct Errand {
  std::string id;            // 64 hex digits
  std::string delivered_by;  // as gossipc view shows it
  std::string sender;        // the claim
  std::string heard;         // YYYY-MM-DDTHH:MM:SSZ
  std::string text;          // at most kMaxText
};
std::vector<Bytes> packets_of(const Errand& errand);
Bytes stop_packet();

struct Ending {
  enum class How : std::uint8_t { kExit, kSignal, kOverdue, kUnstarted };
  How how = How::kExit;
  std::uint8_t code = 0;  // exit code, signal number, errno
};
Bytes packet_of(const Ending& ending);
std::optional<Ending> ending_of(View packet);

// The runner's end: puts errands together.
class Inbox {
 public:
  enum class Came { kPart, kErrand, kStop, kNonsense };
  Came take(View packet);
  Errand& errand() { return errand_; }  // after kErrand

 private:
  Errand errand_;
  std::size_t missing_ = 0;  // of the text
};

// The environment of its hook: what is kept of the runner's, the names shown as gossipc view shows them, nothing else.
std::vector<std::string> hook_environment(const Errand& errand, const std::vector<std::string>& present);

}  // namespace gossip::daemon
