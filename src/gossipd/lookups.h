// Lookups: names are looked up in threads, beside the loop. One question for each friend at a time, so that a friend whose name
// takes for ever holds one thread at most, and no more questions wait than there are friends.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <optional>
#include <string>
#include <vector>

#include "db/peers.h"
#include "gossip/ports.h"
#include "gossip/time.h"
#include "sys/background.h"
#include "sys/tcp.h"

namespace gossip::daemon {

class Lookups {
 public:
  using Resolve = std::function<std::vector<sys::Address>(const std::string& host, int port)>;  // runs in the threads
  using Numbers = std::vector<sys::Address>;                                                    // empty: not found
  Lookups(Resolve resolve, std::size_t at_once);
  // The answer, where one came when nobody waited for it any more. Else it is asked for, as soon as no other question of this
  // friend is under way, and asked() says when to ask again.
  std::optional<Numbers> ask(Now now, PeerId peer, const db::Address& name);
  void forget_unless(const std::function<bool(PeerId)>& wanted);

  int fd() const { return threads_.fd(); }
  struct Answer {
    PeerId peer = 0;
    db::Address name;
    Numbers numbers;
  };
  std::optional<Answer> take();
  void keep(Now now, Answer answer);  // nobody waits for it: for the next dial

 private:
  struct Question {
    PeerId peer = 0;
    db::Address name;
  };
  struct Kept {
    Answer answer;
    Micros until = 0;
  };
  std::set<PeerId> asked_;               // an answer is to come
  std::map<PeerId, Kept> kept_;
  sys::Background<Question, Answer> threads_;
};

}  // namespace gossip::daemon
