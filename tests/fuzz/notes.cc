// Notes of a sibling process that has been taken over: packets of every make on the pair of sockets. Nothing is heard that was not
// said, nothing is missed, and nobody's packets make the next ones unheard.
#include <algorithm>

#include "gossip/check.h"
#include "gossip/limits.h"
#include "gossipd/notes.h"
#include "support/fuzz_input.h"
#include "sys/packet.h"

using namespace gossip;
using daemon::Notes;

namespace {

struct Wire {
  std::pair<sys::Fd, sys::Fd> ends = sys::packet_pair();
  int far = ends.second.get();
  Notes notes{std::move(ends.first)};
};

void expect(Notes::Heard& want, View packet) {
  Reader in(packet.first(std::min<std::size_t>(packet.size(), 1 + 8 * kMaxPeers)));
  switch (in.u8()) {
    case 0: want.stop = true; break;
    case 1: want.reload = true; break;
    case 2:
      want.up.emplace();
      while (in.left() >= 8) want.up->push_back(in.u64());
      break;
    case 3: want.bell = true; break;
    default: break;
  }
}

// What the listener is handed first. Nothing but a note of that kind is taken, and no byte of it twice.
void secrets(View packet) {
  const auto [near, far] = sys::packet_pair();
  sys::send_packet(far.get(), packet);
  const auto got = daemon::take_secrets(near.get());
  if (!got) return;
  const Bytes& network = got->network_key;
  GOSSIP_CHECK(packet.size() >= 2 + network.size() && packet[0] == 255 && packet[1] == network.size());
  GOSSIP_CHECK(std::equal(network.begin(), network.end(), packet.begin() + 2));
  const View rest = packet.subspan(2 + network.size());
  if (got->seal_key) GOSSIP_CHECK(rest.size() >= 32 && std::equal(rest.begin(), rest.begin() + 32, got->seal_key->view().begin()));
  const auto [one, other] = sys::packet_pair();
  daemon::send_secrets(one.get(), *got);
  const auto again = daemon::take_secrets(other.get());
  GOSSIP_CHECK(again && again->network_key == network && again->seal_key.has_value() == got->seal_key.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Wire wire;
  test::Feed feed(data, size);
  if (feed.u8() % 8 == 0) {
    secrets(feed.rest());
    return 0;
  }
  Notes::Heard want;
  for (int i = 0; i < 32 && !feed.done(); ++i) {
    const View packet = feed.take(1 + feed.number(2) % 5000);
    if (packet.empty() || sys::send_packet(wire.far, packet).kind != sys::Io::kBytes) break;
    expect(want, packet);
  }
  const Notes::Heard got = wire.notes.take();
  GOSSIP_CHECK(got.bell == want.bell && got.stop == want.stop && got.reload == want.reload && got.up == want.up && !got.gone);
  return 0;
}
