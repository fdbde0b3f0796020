#include "gossipd/link.h"

#include <stdexcept>
#include <utility>

#include "sys/log.h"
#include "sys/tcp.h"

namespace gossip::daemon {
namespace {

constexpr std::size_t kWriteAtOnce = 1 << 20;  // then it is the others' turn

}  // namespace

template <class Step>
void Link::guarded(Step step) {
  if (broken) return;
  try {
    step();
  } catch (const std::runtime_error& error) {
    broken = true;
    sys::debug(std::string("a connection was given up: ") + error.what());
  }
}

void Link::watch(sys::Poller& poller, LinkId id) {
  guarded([&] {
    const sys::Interest wanted{!ended && channel->reading(), !channel->output().empty()};
    poller.change(fd.get(), id, watched, wanted);
    watched = wanted;
  });
}

// A descriptor that epoll never took, or takes no more, is not worth the process: closing it takes it out.
void Link::unwatch(sys::Poller& poller, LinkId id) {
  try {
    poller.change(fd.get(), id, std::exchange(watched, {}), {});
  } catch (const std::runtime_error& error) {
    sys::debug(std::string("a connection that was not watched: ") + error.what());
  }
}

void Link::read(Now now, MutView buffer) {
  if (ended || !channel->reading()) return;
  guarded([&] {
    sys::Io io = sys::read_some(fd.get(), buffer);
    if (io.kind == sys::Io::kBytes) channel->receive(now, buffer.first(io.n));
    ended = io.kind == sys::Io::kEnd;
    if (ended) channel->end_of_file(now);
  });
}

bool Link::write(Now now) {
  std::size_t total = 0;
  guarded([&] {
    for (View out = channel->output(); !out.empty() && total < kWriteAtOnce; out = channel->output()) {
      sys::Io io = sys::write_some(fd.get(), out);
      if (io.kind == sys::Io::kBlocked) return;
      if (io.kind == sys::Io::kEnd) {
        channel->end_of_file(now);
        broken = true;
        return;
      }
      channel->consumed(now, io.n);
      total += io.n;
    }
  });
  return total > 0;
}

void Link::work(Now now) {
  guarded([&] { channel->work(now); });
}
void Link::send(View stream) {
  guarded([&] { channel->send(stream); });
}
void Link::tick(Now now) {
  guarded([&] { channel->tick(now); });
}
void Link::end_turn(Now now) {
  guarded([&] { channel->end_turn(now); });
}
void Link::close(Now now, CloseCode code) {
  guarded([&] { channel->close(now, code); });
}

}  // namespace gossip::daemon
