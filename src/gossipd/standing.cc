#include "gossipd/standing.h"

namespace gossip::daemon {

std::string friends_up(std::size_t up, std::size_t all) {
  if (all == 0) return "no friends yet";
  if (all == 1) return up ? "the one friend is up" : "the one friend is not up";
  return std::to_string(up) + " of " + std::to_string(all) + (up == 1 ? " friends is up" : " friends are up");
}

bool Standing::say(const std::string& lines, const std::string& before) {
  if (lines == said_) return true;
  if (!notifier_.say(before + lines)) return false;
  said_ = lines;
  return true;
}

bool Standing::running(std::size_t up, std::size_t all) {
  const bool told = say("STATUS=" + friends_up(up, all), ready_ ? "" : "READY=1\n");
  ready_ = ready_ || told;
  return told;
}

void Standing::stopping() { say("STOPPING=1\nSTATUS=stopping"); }

}  // namespace gossip::daemon
