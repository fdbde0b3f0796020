// Cells: after a whole handshake in memory a hostile friend sends cells of every make. A model of a few lines says what must come
// out: the stream up to the first fault and no byte more, the right end, and an output of which every cell verifies and is
// lawful.
#include "core/wire.h"
#include "gossip/cell.h"
#include "gossip/channel.h"
#include "gossip/check.h"
#include "gossip/handshake.h"
#include "support/cheap_crypto.h"
#include "support/fuzz_input.h"

using namespace gossip;
using namespace gossip::test;

namespace {

// gossip(7), CELLS, read naively: what a verified plaintext is.
bool lawful(View plain) {
  const std::size_t len = std::size_t{plain[1]} << 8 | plain[2];
  static constexpr std::size_t kLeast[] = {0, 5, 0, 0, 1, 0, 0}, kMost[] = {0, 5, 1005, 0, 1, 32, 32};
  if (plain[0] > 6 || len < kLeast[plain[0]] || len > kMost[plain[0]]) return false;
  for (std::size_t i = 3 + len; i < plain.size(); ++i)
    if (plain[i] != 0) return false;
  return plain[0] != 1;  // READY is the first cell of the responder, never ours
}

class Session {
 public:
  explicit Session(Feed& feed) : feed_(feed), rng_(11), pair_(cheap_pair(crypto_)), responder_(crypto_, rng_, 64) {
    responder_.set_decoy(std::make_shared<CheapKey>(std::uint8_t{9}));
    responder_.set_peers(std::span(&pair_.two, 1));
    victim_ = Channel::accept(crypto_, rng_, responder_, now_);
    Initiator dialler(crypto_, rng_, pair_.one);
    victim_->receive(now_, dialler.m1());
    GOSSIP_CHECK(victim_->wants_work());
    victim_->work(now_);
    const View answer = victim_->output();
    GOSSIP_CHECK(answer.size() == kM2);
    std::array<std::uint8_t, kM3> m3{};
    GOSSIP_CHECK(dialler.answer(answer, m3));
    victim_->consumed(now_, kM2);
    victim_->receive(now_, m3);
    GOSSIP_CHECK(victim_->open() && victim_->peer() == 2 && victim_->session_id() == dialler.keys().sid);
    sealer_.emplace(crypto_, dialler.keys().i2r, now_.mono);
    opener_.emplace(crypto_, dialler.keys().r2i);
    verified_ = now_.mono;
  }

  void run() {
    for (int i = 0; i < 300 && !feed_.done(); ++i) {
      step();
      check();
    }
    drain();
    for (int i = 0; i < 100 && !victim_->finished(); ++i) {  // left alone it comes to an end by itself
      auto deadline = victim_->next_deadline();
      GOSSIP_CHECK(deadline && *deadline > now_.mono);
      now_.mono = *deadline;
      victim_->tick(now_);
      drain();
    }
    GOSSIP_CHECK(victim_->finished() && victim_->output().empty());
    if (end_ == End::kOpenStill) end_ = End::kSilent;
    GOSSIP_CHECK(victim_->end() == end_);
    check();
    GOSSIP_CHECK(torn_ || end_ == End::kSilent || echoed_ == sent_.size());  // CLOSE comes behind what was said
  }

 private:
  void step() {
    switch (feed_.u8() % 12) {
      case 0:
      case 1: cell(CellType::kData, feed_.take(feed_.number(2) % 1006)); break;
      case 2: raw_plaintext(); break;
      case 3: foreign(); break;
      case 4: again(); break;
      case 5: cell(CellType::kPing, feed_.take(feed_.u8() % 33)); break;
      case 6: cell(CellType::kRekey, {}); break;
      case 7: pass_time(static_cast<Micros>(feed_.number(2)) * kMillisecond); break;
      case 8: say(feed_.take(feed_.number(2) % 3000)); break;
      case 9: drain(); break;
      case 10: close(); break;
      default: cell(CellType::kPong, feed_.take(feed_.u8() % 33)); break;
    }
  }

  void cell(CellType type, View data) {
    std::array<std::uint8_t, kCell> bytes{};
    write_cell(bytes, type, data);
    deliver(bytes);
  }
  void raw_plaintext() {
    std::array<std::uint8_t, kCell> bytes{};
    bytes[0] = feed_.u8() % 9;
    const std::size_t len = feed_.number(2);
    bytes[1] = static_cast<std::uint8_t>(len >> 8);
    bytes[2] = static_cast<std::uint8_t>(len);
    View data = feed_.take(std::min<std::size_t>(len, kCellData));
    std::copy(data.begin(), data.end(), bytes.begin() + 3);
    if (feed_.u8() & 1) bytes[3 + feed_.number(2) % kCellData] ^= feed_.u8();
    deliver(bytes);
  }
  // Seals and sends one plaintext, and says what must come of it.
  void deliver(std::array<std::uint8_t, kCell>& bytes) {
    const Bytes plain(bytes.begin(), bytes.begin() + kCellPlain);
    sealer_->seal(bytes, now_.mono);
    last_.assign(bytes.begin(), bytes.end());
    if (astray_) torn_ = true;  // for the victim it is a forged one
    astray_ = astray_ || (plain[0] == 3 && !lawful(plain));
    expect(plain);
    feed_in(bytes);
  }
  void expect(View plain) {
    if (end_ != End::kOpenStill) return;
    verified_ = now_.mono;
    if (!lawful(plain)) {
      end_ = End::kProtocolError;
    } else if (plain[0] == 2) {
      const std::size_t len = std::size_t{plain[1]} << 8 | plain[2];
      expected_.insert(expected_.end(), plain.begin() + 3, plain.begin() + 3 + static_cast<std::ptrdiff_t>(len));
    } else if (plain[0] == 4) {
      static constexpr End kEnds[] = {End::kClosed, End::kProtocolError, End::kReplaced, End::kShutdown, End::kBusy};
      told_ = true;
      end_ = plain[3] < 5 ? kEnds[plain[3]] : End::kProtocolError;
    }
  }
  void foreign() {
    std::array<std::uint8_t, kCell> bytes{};
    View given = feed_.take(feed_.number(2) % (kCell + 1));
    std::copy(given.begin(), given.end(), bytes.begin());
    bytes[kCell - 1] ^= 0x55;  // and never by chance a good one: the checksum of zeros is not guessed either
    forged(bytes);
  }
  void again() {
    if (!last_.empty()) forged(last_);
  }
  void forged(View bytes) {
    if (end_ == End::kOpenStill) end_ = End::kAbnormal;
    torn_ = true;
    const Bytes copy(bytes.begin(), bytes.end());
    feed_in(copy);
  }
  void feed_in(View bytes) {
    const std::size_t cut = feed_.u8() % 4 == 0 ? 1 + feed_.number(2) % (kCell - 1) : kCell;
    victim_->receive(now_, bytes.first(cut));
    if (cut < bytes.size()) victim_->receive(now_, bytes.subspan(cut));
  }

  void pass_time(Micros span) {
    now_.mono += span;
    if (end_ != End::kOpenStill) torn_ = true;  // it waits 2 s and no more
    victim_->tick(now_);
    if (end_ == End::kOpenStill && now_.mono - verified_ >= kDead) end_ = End::kSilent;
  }
  void close() {
    victim_->close(now_, CloseCode::kShutdown);
    if (end_ == End::kOpenStill) end_ = End::kShutdown;
  }
  void say(View data) {
    if (!victim_->open()) return;
    GOSSIP_CHECK(victim_->free() <= kChannelBacklog);
    if (data.size() > victim_->free()) return;
    victim_->send(data);
    sent_.insert(sent_.end(), data.begin(), data.end());
  }

  // Takes what it says, and looks at every cell of it.
  void drain() {
    victim_->end_turn(now_);
    for (View out; !(out = victim_->output()).empty();) {
      const std::size_t n = feed_.u8() % 3 == 0 ? std::min<std::size_t>(out.size(), 1 + feed_.number(2)) : out.size();
      said_.insert(said_.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
      victim_->consumed(now_, n);
    }
    std::size_t at = 0;
    for (; at + kCell <= said_.size(); at += kCell) heard(View(said_).subspan(at, kCell));
    said_.erase(said_.begin(), said_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void heard(View sealed) {
    Cell got;
    GOSSIP_CHECK(opener_->open(sealed, got) == CellOpener::Got::kFine);
    GOSSIP_CHECK(!closed_);  // no cell follows CLOSE
    GOSSIP_CHECK((got.type == CellType::kReady) == first_);
    first_ = false;
    if (got.type == CellType::kData) {
      GOSSIP_CHECK(echoed_ + got.data.size() <= sent_.size());
      GOSSIP_CHECK(std::equal(got.data.begin(), got.data.end(), sent_.begin() + static_cast<std::ptrdiff_t>(echoed_)));
      echoed_ += got.data.size();
    }
    closed_ = got.type == CellType::kClose;
    const int code = told_ ? 0 : end_ == End::kProtocolError ? 1 : end_ == End::kShutdown ? 3 : 0;
    if (closed_) GOSSIP_CHECK(got.data[0] == code);
  }

  void check() {
    const View stream = victim_->stream();
    GOSSIP_CHECK(stream.size() <= expected_.size() - taken_);
    GOSSIP_CHECK(std::equal(stream.begin(), stream.end(), expected_.begin() + static_cast<std::ptrdiff_t>(taken_)));
    GOSSIP_CHECK(stream.size() == expected_.size() - taken_);
    GOSSIP_CHECK(victim_->open() == (end_ == End::kOpenStill));
    if (stream.size() > 5000) {
      taken_ += stream.size();
      victim_->take_stream();
    }
  }

  Feed& feed_;
  CheapCrypto crypto_;
  FixedRng rng_;
  Pair pair_;
  Responder responder_;
  Now now_{kHour, 0};
  std::unique_ptr<Channel> victim_;
  std::optional<CellSealer> sealer_;
  std::optional<CellOpener> opener_;
  Bytes last_, said_, sent_, expected_;
  std::size_t taken_ = 0, echoed_ = 0;
  Micros verified_ = 0;
  End end_ = End::kOpenStill;
  bool first_ = true, closed_ = false;
  bool torn_ = false;  // what is still to be said need not be
  bool astray_ = false;  // a REKEY that was none to the victim: the keys differ from there on
  bool told_ = false;  // its CLOSE answers ours
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Feed feed(data, size);
  Session(feed).run();
  return 0;
}
