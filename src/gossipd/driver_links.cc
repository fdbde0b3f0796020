// The links of a turn: what they bring is fed to the engine, and what it wishes them to carry is written.
#include <algorithm>
#include <utility>

#include "gossipd/driver.h"
#include "sys/tcp.h"

namespace gossip::daemon {

LinkId Driver::adopt(sys::Fd fd, std::unique_ptr<Channel> channel) {
  Link link;
  if (setup_.config.cover == config::Cover::kOn) channel->cover();
  link.fd = std::move(fd);
  link.channel = std::move(channel);
  links_.emplace(++last_link_, std::move(link));
  touch(last_link_);
  return last_link_;
}

void Driver::drop(LinkId id) {
  auto link = links_.find(id);
  if (link != links_.end()) remove(link);
}

void Driver::remove(Links::iterator it) {
  auto& [id, link] = *it;
  link.unwatch(poller_, id);
  if (link.timer) timers_.erase({*link.timer, id});
  pings_.forget(id);
  links_.erase(it);
}

void Driver::everybody() {
  for (const auto& [id, link] : links_) touch(id);
}

void Driver::feed(Now now) {
  std::size_t readable = 0;
  for (const auto& ready : poller_.ready()) {
    auto link = links_.find(ready.tag);
    if (link == links_.end()) continue;
    link->second.readable = ready.read;
    readable += ready.read ? 1 : 0;
    touch(ready.tag);
  }
  for (auto at = timers_.begin(); at != timers_.end() && at->first <= now.mono; ++at) touch(at->second);
  if (stopping_ && now.mono >= stop_by_) everybody();
  const MutView buffer(buffer_);
  for (LinkId id : busy_) {
    auto it = links_.find(id);
    if (it == links_.end()) continue;
    Link& link = it->second;
    const std::size_t share = readable == 1 ? kReadAtOnce : std::min(kReadAtOnce, engine_.share(id));
    if (std::exchange(link.readable, false)) link.read(now, buffer.first(share));
    link.tick(now);
    pings_.read(id, link);
    settle(now, id, link);
  }
}

// Brings what the channel became to the engine. True when there was something to tell.
bool Driver::settle(Now now, LinkId id, Link& link) {
  Channel& channel = *link.channel;
  bool told = false;
  if (!link.announced && !link.over && channel.open()) {
    announce(now, id, link);
    told = true;
  }
  if (link.announced && !channel.stream().empty()) {
    if (!link.over) engine_.handle(now, BytesIn{id, channel.stream()});
    channel.take_stream();
    told = true;
  }
  if (link.over || link.end() == End::kOpenStill) return told;
  link.over = sessions_changed_ = true;
  if (link.announced) engine_.handle(now, LinkDown{id, link.end()});
  else if (channel.dialled()) engine_.handle(now, DialFailed{channel.peer(), why_of(link.end())});
  return true;
}

void Driver::announce(Now now, LinkId id, Link& link) {
  const Channel& channel = *link.channel;
  link.announced = sessions_changed_ = true;
  if (!joined(now, channel)) {
    link.announced = false;
    link.broken = true;
    return;
  }
  link_opened(id);
  if (chronicle_.opened(channel.peer(), channel.gen(), channel.pq())) peers_changed();
  engine_.handle(now, LinkUp{id, channel.peer(), channel.gen(), channel.dialled()});
  engine_.handle(now, Writable{id, channel.free()});
}

void Driver::end_turn(Now now) {
  for (LinkId id : busy_) {
    auto link = links_.find(id);
    if (link != links_.end()) end_turn(now, link);
  }
  busy_.clear();
}

void Driver::end_turn(Now now, Links::iterator it) {
  auto& [id, link] = *it;
  bool moved = false;
  const std::uint64_t before = link.channel->cover_cells();
  link.end_turn(now);
  if (const std::uint64_t fresh = link.channel->cover_cells() - before) chronicle_.count({{"cover_cells", fresh}});
  write(now, id, link, moved);
  const bool told = settle(now, id, link);
  link.watch(poller_, id);
  if (link.gone() || (stopping_ && now.mono >= stop_by_)) {
    settle(now, id, link);  // watching it may have broken it
    link_gone(id, link);
    if (!link.broken) sys::part(link.fd.get());
    remove(it);
    again_ = true;
    return;
  }
  if (moved || told) again_ = true;  // the engine heard something, and nobody asks it again this turn
  const auto timer = link.channel->next_deadline();
  if (timer == link.timer) return;
  if (link.timer) timers_.erase({*link.timer, id});
  if (timer) timers_.insert({*timer, id});
  link.timer = timer;
}

void Driver::write(Now now, LinkId id, Link& link, bool& moved) {
  if (!link.write(now)) return;
  moved = true;
  if (link.announced && !link.over) engine_.handle(now, Writable{id, link.channel->free()});
}

}  // namespace gossip::daemon
