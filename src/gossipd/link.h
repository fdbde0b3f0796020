// Link: one connection, its socket and its channel. Whatever a channel throws concerns its own connection alone and ends it here.
#pragma once

#include <map>
#include <memory>

#include "gossip/channel.h"
#include "gossip/engine.h"
#include "sys/loop.h"
#include "sys/fd.h"

namespace gossip::daemon {

struct Link {
  sys::Fd fd;
  std::unique_ptr<Channel> channel;
  bool announced = false;  // the engine was told of it
  bool over = false;       // the engine knows of it no more, or never will
  bool ended = false;      // nothing more comes
  bool broken = false;     // nothing more goes
  bool readable = false;   // the socket said so this turn
  sys::Interest watched;   // what the poller was told
  std::optional<Micros> timer;  // when the channel wants to tick; in the driver's books

  void watch(sys::Poller& poller, LinkId id);    // after each turn that touched it
  void unwatch(sys::Poller& poller, LinkId id);  // before the descriptor is closed
  void read(Now now, MutView buffer);
  bool write(Now now);              // true when the socket took something
  void work(Now now);
  void send(View stream);
  void tick(Now now);
  void end_turn(Now now);
  void close(Now now, CloseCode code);
  bool gone() const { return broken || channel->finished(); }
  End end() const { return channel->end() != End::kOpenStill || !broken ? channel->end() : End::kAbnormal; }

 private:
  template <class Step>
  void guarded(Step step);
};

using Links = std::map<LinkId, Link>;

}  // namespace gossip::daemon
