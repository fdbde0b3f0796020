#include "gossipd/notes.h"

#include <algorithm>

#include "gossip/limits.h"
#include "gossip/secret.h"
#include "sys/packet.h"

namespace gossip::daemon {
namespace {

constexpr std::size_t kMaxNote = 1 + 8 * kMaxPeers;
constexpr int kAtOnce = 256;  // notes read in one turn
constexpr std::uint8_t kKeys = 255;
constexpr std::size_t kMaxKeys = 2 + 32 + 32;

}  // namespace

void send_secrets(int fd, const Secrets& secrets) {
  Bytes note;
  note.reserve(kMaxKeys);  // so that nothing of it is left in another place
  Writer(note).u8(kKeys).u8(static_cast<std::uint8_t>(secrets.network_key.size())).bytes(secrets.network_key);
  if (secrets.seal_key) Writer(note).bytes(*secrets.seal_key);
  sys::send_packet(fd, note);
  wipe(note);
}

std::optional<Secrets> take_secrets(int fd) {
  std::array<std::uint8_t, kMaxKeys> note;
  const sys::Io io = sys::receive_packet(fd, note);
  Reader in(View(note).first(io.n));
  std::optional<Secrets> out;
  if (io.kind == sys::Io::kBytes && in.u8() == kKeys) {
    const View network = in.take(in.u8()), seal = in.rest();
    if (in.ok() && (seal.empty() || seal.size() == 32)) {
      out.emplace().network_key.assign(network.begin(), network.end());
      if (!seal.empty()) out->seal_key.emplace(seal);
    }
  }
  wipe(note);
  return out;
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
