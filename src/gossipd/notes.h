// Notes: what worker and listener tell each other over their SEQPACKET pair, one packet a note.
//   KEYS    the network key and what opens the store, where there are such: the first note to every listener
//   BELL    something was committed that the other may not have seen
//   UP      the peers we have an open session with: always all of them, so that a note that did not fit is simply sent later
//   STOP    leave, closing sessions
//   RELOAD  read peers and files again
// At most one note of each kind waits to be sent, so nothing grows and nothing is lost.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "gossip/ports.h"
#include "gossip/secret.h"
#include "sys/fd.h"

namespace gossip::daemon {

struct Secrets {
  Bytes network_key;                 // empty: none
  std::optional<Secret32> seal_key;  // none: the store is not sealed
};
void send_secrets(int fd, const Secrets& secrets);  // REQUIRES a pair on which nothing was sent yet
std::optional<Secrets> take_secrets(int fd);        // nothing: the other side is no worker

class Notes {
 public:
  Notes() = default;
  explicit Notes(sys::Fd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }

  void bell() { waiting_[kBell] = true; }
  void stop() { waiting_[kStop] = true; }
  void reload() { waiting_[kReload] = true; }
  void up(std::vector<PeerId> peers);
  void flush();             // sends what waits, as far as it fits
  bool blocked() const;     // something waits for room

  struct Heard {
    bool bell = false, stop = false, reload = false, gone = false;
    std::optional<std::vector<PeerId>> up;
  };
  Heard take();             // everything that has come; never blocks

 private:
  enum Kind { kStop = 0, kReload, kUp, kBell, kKinds };  // in the order of sending
  sys::Fd fd_;
  std::array<bool, kKinds> waiting_{};
  std::vector<PeerId> peers_;
};

}  // namespace gossip::daemon
