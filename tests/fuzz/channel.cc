// Channel against Channel, one dialling and one accepting, and a man in the middle who cuts, holds, changes, repeats and invents.
// Whatever he does, what comes out of one side is a prefix of what went into the other; a session opens only where nothing of the
// handshake was touched; nobody waits past his deadlines or keeps more than his bounds.
#include <deque>

#include "gossip/channel.h"
#include "gossip/check.h"
#include "support/cheap_crypto.h"
#include "support/fuzz_input.h"

using namespace gossip;
using namespace gossip::test;

namespace {

constexpr std::size_t kMostOut = kChannelBacklog * 5 / 4 + 512 * kCell + kMaxFrame;  // cells, padding and one frame beyond the window

struct Side {
  std::unique_ptr<Channel> channel;
  Bytes wire;                    // what the other side has sent and it has not been given
  Bytes said, heard;             // of the stream
  bool touched = false;          // something that it was given had not been sent so
  bool opened = false;
};

class Wire {
 public:
  explicit Wire(Feed& feed) : feed_(feed), rng_(11), pair_(shared().pair), responder_(shared().crypto, rng_) {
    responder_.set_decoy(shared().decoy);
    if (feed.u8() % 8) responder_.set_peers(std::span(&pair_.two, 1));
    sides_[0].channel = Channel::dial(shared().crypto, rng_, pair_.one, now_);
    sides_[1].channel = Channel::accept(shared().crypto, rng_, responder_, now_);
  }

  void run() {
    if (feed_.u8() % 2) pass_all();
    for (int i = 0; i < 200 && !feed_.done(); ++i) {
      step(feed_.u8() & 1);
      for (int s : {0, 1}) look(s);
    }
    for (int s : {0, 1}) left_alone(s);
  }

 private:
  struct Shared {
    CheapCrypto crypto;
    Pair pair = cheap_pair(crypto);
    std::shared_ptr<const PublicKey> decoy = std::make_shared<CheapKey>(std::uint8_t{9});
  };
  static Shared& shared() {
    static Shared one;
    return one;
  }
  Channel& channel(int s) { return *sides_[s].channel; }

  void step(int s) {
    Side& to = sides_[s];
    switch (feed_.u8() % 12) {
      case 0: pass(s, to.wire.size()); break;
      case 1: pass(s, std::min<std::size_t>(to.wire.size(), feed_.number(2))); break;
      case 2: pass_all(); break;
      case 3: change(to); break;
      case 4: give(s, feed_.chunk()); break;
      case 5: repeat(to); break;
      case 6: to.wire.erase(to.wire.begin(), to.wire.begin() + static_cast<std::ptrdiff_t>(cut_at(to))), touch(to); break;
      case 7: say(s, feed_.number(2) % 5000); break;
      case 8: now_.mono += static_cast<Micros>(feed_.number(2)) * kMillisecond; tick(); break;
      case 9: channel(s).close(now_, static_cast<CloseCode>(feed_.u8() % 5)); break;
      case 10: channel(s).end_of_file(now_), touch(to); break;
      default: channel(s).end_turn(now_);
    }
  }
  std::size_t cut_at(const Side& to) { return std::min<std::size_t>(to.wire.size(), feed_.number(2)); }
  void touch(Side& to) { to.touched = true; }
  void change(Side& to) {
    if (to.wire.empty()) return;
    const std::uint8_t by = feed_.u8();
    to.wire[feed_.number(2) % to.wire.size()] ^= by;
    if (by != 0) touch(to);
  }
  void repeat(Side& to) {
    if (to.wire.empty()) return;
    const Bytes again(to.wire.begin(), to.wire.begin() + static_cast<std::ptrdiff_t>(cut_at(to)));
    to.wire.insert(to.wire.end(), again.begin(), again.end());
    if (!again.empty()) touch(to);
  }
  void give(int s, View bytes) {
    if (!bytes.empty()) touch(sides_[s]);
    receive(s, bytes);
  }
  void receive(int s, View bytes) {
    if (channel(s).reading()) channel(s).receive(now_, bytes);
    if (channel(s).wants_work()) channel(s).work(now_);
    collect(s);
  }
  void pass(int s, std::size_t n) {
    const Bytes part(sides_[s].wire.begin(), sides_[s].wire.begin() + static_cast<std::ptrdiff_t>(n));
    sides_[s].wire.erase(sides_[s].wire.begin(), sides_[s].wire.begin() + static_cast<std::ptrdiff_t>(n));
    if (!part.empty() && !channel(s).reading()) touch(sides_[s]);  // it is lost
    receive(s, part);
  }
  void pass_all() {
    for (int i = 0; i < 4; ++i)
      for (int s : {0, 1}) {
        collect(s);
        pass(1 - s, sides_[1 - s].wire.size());
      }
  }
  // What a side has to say goes to the wire of the other.
  void collect(int s) {
    for (View out; !(out = channel(s).output()).empty();) {
      GOSSIP_CHECK(out.size() <= kMostOut);
      sides_[1 - s].wire.insert(sides_[1 - s].wire.end(), out.begin(), out.end());
      channel(s).consumed(now_, out.size());
    }
  }
  void say(int s, std::size_t n) {
    if (!channel(s).open() || channel(s).free() < n) return;
    Bytes data(n);
    for (std::uint8_t& b : data) b = static_cast<std::uint8_t>(sides_[s].said.size() + static_cast<std::size_t>(&b - data.data()));
    channel(s).send(data);
    sides_[s].said.insert(sides_[s].said.end(), data.begin(), data.end());
  }
  void tick() {
    for (int s : {0, 1}) channel(s).tick(now_), collect(s);
  }

  void look(int s) {
    Side& one = sides_[s];
    const Side& other = sides_[1 - s];
    const View stream = channel(s).stream();
    GOSSIP_CHECK(one.heard.size() + stream.size() <= other.said.size());
    GOSSIP_CHECK(std::equal(stream.begin(), stream.end(), other.said.begin() + static_cast<std::ptrdiff_t>(one.heard.size())));
    one.heard.insert(one.heard.end(), stream.begin(), stream.end());
    channel(s).take_stream();
    if (!one.opened && channel(s).open()) {
      one.opened = true;
      GOSSIP_CHECK(channel(s).peer() == (s == 0 ? 1u : 2u));
      if (s == 0) GOSSIP_CHECK(other.opened || sides_[1].channel->end() != End::kStranger);
      if (other.opened) GOSSIP_CHECK(channel(s).session_id() == channel(1 - s).session_id());
    }
    if (!one.touched && !other.touched && now_.mono < kHour + kStep) GOSSIP_CHECK(channel(s).end() != End::kAbnormal);
    GOSSIP_CHECK(!channel(s).finished() || channel(s).output().empty());
  }
  void left_alone(int s) {
    for (int i = 0; i < 100 && !channel(s).finished(); ++i) {
      const auto deadline = channel(s).next_deadline();
      GOSSIP_CHECK(deadline && *deadline > now_.mono - kDead);
      now_.mono = std::max(now_.mono, *deadline);
      channel(s).tick(now_);
      collect(s);
    }
    GOSSIP_CHECK(channel(s).finished() && channel(s).end() != End::kOpenStill);
  }

  Feed& feed_;
  FixedRng rng_;
  const Pair& pair_;
  Responder responder_;
  Now now_{kHour, 0};
  Side sides_[2];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Feed feed(data, size);
  Wire(feed).run();
  return 0;
}
