#include "gossipd/pings.h"

#include <algorithm>

#include "db/ping.h"

namespace gossip::daemon {

std::vector<LinkId> Pings::look(Now now, Links& links) {
  std::vector<LinkId> out;
  for (const db::Ping& ping : db::open_pings(db_)) {
    const auto one = std::find_if(links.begin(), links.end(), [&](const auto& l) {
      return l.second.announced && !l.second.over && l.second.channel->open() && l.second.channel->peer() == ping.peer;
    });
    if (one == links.end()) continue;
    std::vector<std::int64_t>& asked = asked_[one->first];
    if (std::ranges::find(asked, ping.id) != asked.end()) continue;
    asked.push_back(ping.id);
    one->second.channel->ping(now);
    out.push_back(one->first);
  }
  return out;
}

// Where the answer cannot be written, whoever asked hears that none came.
void Pings::read(LinkId id, Link& link) {
  const auto asked = asked_.find(id);
  if (asked == asked_.end()) return;
  const std::optional<Micros> took = link.channel->take_round_trip();
  if (!took) return;
  db::done([&] {
    for (std::int64_t ping : asked->second) db::answer_ping(db_, ping, *took);
  });
  asked_.erase(asked);
}

}  // namespace gossip::daemon
