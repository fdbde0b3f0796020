#include "gossipd/notes.h"

#include <algorithm>

#include "gossip/limits.h"
#include "gossip/secret.h"
#include "sys/packet.h"

namespace gossip::daemon {
namespace {

constexpr std::size_t kMaxNote = 1 + 8 * kMaxPeers;
constexpr int kAtOnce = 256;  // notes read in one turn
constexpr std::uint8_t kKey = 255;

}  // namespace

void send_network_key(int fd, View key) {
  Bytes note;
  Writer(note).u8(kKey).bytes(key);
  sys::send_packet(fd, note);
  wipe(note);
}

std::optional<Bytes> take_network_key(int fd) {
  std::array<std::uint8_t, 1 + 32> note;
  const sys::Io io = sys::receive_packet(fd, note);
  const View got = View(note).first(io.n);
  std::optional<Bytes> key;
  if (io.kind == sys::Io::kBytes && got[0] == kKey) key.emplace(got.begin() + 1, got.end());
  wipe(note);
  return key;
}

void Notes::up(std::vector<PeerId> peers) {
  peers_ = std::move(peers);
  waiting_[kUp] = true;
}

bool Notes::blocked() const { return fd_ && std::find(waiting_.begin(), waiting_.end(), true) != waiting_.end(); }

void Notes::flush() {
  for (int kind = 0; kind < kKinds && fd_; ++kind) {
    if (!waiting_[static_cast<std::size_t>(kind)]) continue;
    Bytes note;
    Writer out(note);
    out.u8(static_cast<std::uint8_t>(kind));
    if (kind == kUp)
      for (PeerId peer : peers_) out.u64(peer);
    if (sys::send_packet(fd_.get(), note).kind == sys::Io::kBlocked) return;
    waiting_[static_cast<std::size_t>(kind)] = false;  // a broken pair shows when reading
  }
}

Notes::Heard Notes::take() {
  Heard heard;
  std::array<std::uint8_t, kMaxNote> packet;
  for (int i = 0; i < kAtOnce; ++i) {
    sys::Io io = sys::receive_packet(fd_.get(), packet);
    heard.gone = io.kind == sys::Io::kEnd;
    if (io.kind != sys::Io::kBytes) break;
    Reader in(View(packet).first(io.n));
    std::uint8_t kind = in.u8();
    if (kind == kBell) heard.bell = true;
    if (kind == kStop) heard.stop = true;
    if (kind == kReload) heard.reload = true;
    if (kind != kUp) continue;
    heard.up.emplace();
    while (in.left() >= 8) heard.up->push_back(in.u64());
  }
  return heard;
}

}  // namespace gossip::daemon
