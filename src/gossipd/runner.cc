#include "gossipd/runner.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "sys/clock.h"
#include "sys/packet.h"
#include "sys/process.h"
#include "sys/program.h"

namespace gossip::daemon {
namespace {

constexpr std::size_t kMaxPacket = 64 * 1024;

}  // namespace

// SIGINT and the like go to a whole terminal and mean the worker, which then says STOP.
Runner::Runner(sys::Fd worker, std::string program, std::vector<std::string> environment, Micros limit, Micros grace)
    : worker_(std::move(worker)),
      program_(std::move(program)),
      environment_(std::move(environment)),
      limit_(limit),
      grace_(grace),
      signals_({SIGCHLD, SIGTERM, SIGINT, SIGHUP}),
      buffer_(kMaxPacket) {}

int Runner::run() {
  while (!stopping_ || running()) {
    poller_.clear();
    const std::size_t signals = poller_.add(signals_.fd(), true), worker = poller_.add(worker_.get(), true);
    const std::size_t input = poller_.add(input_ ? input_.get() : -1, false, static_cast<bool>(input_));
    poller_.wait(running() ? std::max<Micros>(0, next_step_ - sys::mono_us()) : -1);
    if (poller_.readable(signals)) signals_.take();
    if (poller_.readable(worker) && !hear(sys::mono_us())) break;
    if (input_ && poller_.writable(input)) feed();
    if (running() && sys::mono_us() >= next_step_) hurry(sys::mono_us());
    if (running() && sys::has_ended(hook_)) end();
  }
  if (running()) sys::end_group(hook_);  // the worker is gone, and nobody waits for what it does
  return 0;
}

// False when the worker is gone, or is not itself any more.
bool Runner::hear(Micros now) {
  for (;;) {
    const sys::Io io = sys::receive_packet(worker_.get(), buffer_);
    if (io.kind == sys::Io::kBlocked) return true;
    if (io.kind != sys::Io::kBytes) return false;
    switch (inbox_.take(View(buffer_).first(io.n))) {
      case Inbox::Came::kPart: break;
      case Inbox::Came::kNonsense: return false;
      case Inbox::Came::kErrand:
        if (running()) return false;
        begin(now);
        break;
      case Inbox::Came::kStop:
        stopping_ = true;
        next_step_ = std::min(next_step_, now + grace_);
        break;
    }
  }
}

// Looked at every time: it may be another file by now.
void Runner::begin(Micros now) {
  if (!sys::fault_of_program(program_).empty()) return tell({Ending::How::kUnstarted, EACCES});
  sys::Started started = sys::start_program(program_, hook_environment(inbox_.errand(), environment_));
  if (started.error != 0) return tell({Ending::How::kUnstarted, static_cast<std::uint8_t>(started.error)});
  hook_ = started.pid;
  input_ = std::move(started.input);
  fed_ = 0;
  hurried_ = overdue_ = false;
  next_step_ = now + limit_;
  feed();
}

// Who does not read it need not.
void Runner::feed() {
  const View text = as_view(inbox_.errand().text);
  while (fed_ < text.size()) {
    const sys::Io io = sys::feed_program(input_, text.subspan(fed_));
    if (io.kind == sys::Io::kBlocked) return;
    if (io.kind != sys::Io::kBytes) break;
    fed_ += io.n;
  }
  input_.reset();
}

void Runner::hurry(Micros now) {
  overdue_ = overdue_ || !stopping_;
  sys::signal_group(hook_, hurried_ ? SIGKILL : SIGTERM);
  hurried_ = true;
  next_step_ = now + grace_;
}

// What ended in time may leave something behind that goes on; what did not, may not.
void Runner::end() {
  if (hurried_) sys::signal_group(hook_, SIGKILL);
  const std::optional<sys::Ended> ended = sys::reap(hook_);
  hook_ = 0;
  input_.reset();
  const auto code = static_cast<std::uint8_t>(ended ? ended->code : 0);
  if (overdue_) tell({Ending::How::kOverdue, code});
  else tell({ended && ended->by_signal ? Ending::How::kSignal : Ending::How::kExit, code});
}

void Runner::tell(const Ending& ending) { sys::send_packet(worker_.get(), packet_of(ending)); }

}  // namespace gossip::daemon
