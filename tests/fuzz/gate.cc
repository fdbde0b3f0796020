// The gate, told of callers from anywhere at any time: its places are never exceeded, friends' places are theirs, nobody is put out
// for a stranger of a fuller prefix, and its books agree with a list of who is in.
#include <map>

#include "gossip/check.h"
#include "gossip/gate.h"
#include "support/fuzz_input.h"

using namespace gossip;

namespace {

constexpr std::size_t kPlaces = 12;

struct In {
  Address from;
  bool known = false, waiting = false;
};

class Door {
 public:
  explicit Door(test::Feed& feed) : feed_(feed), gate_(kPlaces) {}
  void run() {
    for (int i = 0; i < 500 && !feed_.done(); ++i) {
      step();
      GOSSIP_CHECK(gate_.callers() == in_.size() && in_.size() <= kPlaces);
      std::size_t strangers = 0;
      for (const auto& [id, one] : in_) strangers += !one.known;
      GOSSIP_CHECK(strangers < kPlaces);  // one at least is for friends
    }
  }

 private:
  Address address() {
    const std::uint8_t which = feed_.u8();
    if (which & 0x80) {
      std::array<std::uint8_t, 16> six{0x20, 0x01, 0x0d, 0xb8};
      six[7] = which & 3;
      six[15] = which >> 2 & 7;
      return Address::v6(six);
    }
    return Address::v4({10, 0, static_cast<std::uint8_t>(which & 3), static_cast<std::uint8_t>(which >> 2 & 7)});
  }
  std::size_t load(const Address& prefix) const {
    return static_cast<std::size_t>(std::count_if(in_.begin(), in_.end(), [&](auto& one) { return one.second.from.prefix() == prefix; }));
  }
  void step() {
    switch (feed_.u8() % 8) {
      case 0: now_.mono += static_cast<Micros>(feed_.number(2)) * 100; break;
      case 1: {
        friends_.assign(feed_.u8() % 3, {});
        for (Address& one : friends_) one = address();
        gate_.set_known(friends_);
        break;
      }
      case 2: if (auto it = any(); it != in_.end()) gate_.draining(it->first); break;
      case 3: if (auto it = any(); it != in_.end()) gate_.leave(it->first), in_.erase(it); break;
      case 4: if (auto it = any(); it != in_.end()) gate_.wait(it->first), it->second.waiting = true; break;
      case 5: next(); break;
      default: enter();
    }
  }
  std::map<CallerId, In>::iterator any() {
    auto it = in_.begin();
    if (!in_.empty()) std::advance(it, feed_.u8() % in_.size());
    return it;
  }
  void enter() {
    const Address from = address();
    const bool known = std::find(friends_.begin(), friends_.end(), from) != friends_.end();
    const bool was_full = in_.size() == kPlaces;
    const std::size_t own = load(from.prefix());
    const Gate::Verdict verdict = gate_.enter(now_, ++last_, from);
    GOSSIP_CHECK(verdict.in);
    if (verdict.evict) {
      auto out = in_.find(*verdict.evict);
      GOSSIP_CHECK(out != in_.end() && (known || !was_full || !out->second.known || load(out->second.from.prefix()) >= own));
      in_.erase(out);
    }
    if (verdict.in) in_[last_] = In{from, known};
  }
  void next() {
    const auto due = gate_.next_deadline(now_);
    const auto id = gate_.next(now_);
    if (id && in_.contains(*id)) GOSSIP_CHECK(in_[*id].waiting);
    if (!id && due) GOSSIP_CHECK(*due > now_.mono);
  }

  test::Feed& feed_;
  Gate gate_;
  Now now_{kHour, 0};
  CallerId last_ = 0;
  std::map<CallerId, In> in_;
  std::vector<Address> friends_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::Feed feed(data, size);
  Door(feed).run();
  return 0;
}
