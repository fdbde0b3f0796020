// A false friend's side of a session with a daemon on 127.0.0.1: the handshake is kept, and what follows is said as it is given.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "crypto/openssl.h"
#include "db/schema.h"
#include "gossip/cell.h"
#include "gossip/frame.h"
#include "gossip/handshake.h"
#include "gossipd/roster.h"
#include "sys/fd.h"
#include "sys/tcp.h"

namespace gossip::attack {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{5000};  // for one read or write

struct Over : std::runtime_error {  // the daemon ended it, or does not answer
  using std::runtime_error::runtime_error;
};

struct World {
  explicit World(const std::string& path)
      : db(db::open_store(path, {})), crypto(crypto::make_crypto()), rng(crypto::make_rng()), roster(db, *crypto) {
    roster.load({});
    if (roster.keys().size() != 1) throw std::runtime_error("the database needs one friend, with a key");
    pair = roster.keys()[0];
  }
  db::Database db;
  std::unique_ptr<Crypto> crypto;
  std::unique_ptr<Rng> rng;
  daemon::Roster roster;
  std::shared_ptr<const PairKeys> pair;
};

// An open session, cell by cell.
class Session {
 public:
  Session(World& world, int port) : world_(world), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there.sin_port = htons(static_cast<std::uint16_t>(port));
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&there), sizeof there) != 0) throw Over("refused");
    sys::set_nonblocking(fd_.get());
    Initiator initiator(*world.crypto, *world.rng, world.pair);
    write(initiator.m1());
    std::array<std::uint8_t, kM2> m2;
    std::array<std::uint8_t, kM3> m3;
    read(m2);
    if (!initiator.answer(m2, m3)) throw Over("not recognised");
    write(m3);
    sealer_.emplace(*world.crypto, initiator.keys().i2r, 0);
    opener_.emplace(*world.crypto, initiator.keys().r2i);
    if (next().type != CellType::kReady) throw Over("no READY");
  }

  void cell(CellType type, View data = {}) {
    std::array<std::uint8_t, kCell> bytes{};
    write_cell(bytes, type, data);
    sealer_->seal(bytes, 0);
    write(bytes);
    ++cells;
  }
  void raw(View bytes) { write(bytes); }
  void stream(View bytes) {
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), kCellData)))
      cell(CellType::kData, bytes.first(std::min(bytes.size(), kCellData)));
  }
  template <class... Frame>
  void frame(const Frame&... one) {
    Bytes out;
    encode(out, one...);
    stream(out);
  }
  Cell next() {
    read(sealed_);
    Cell out;
    if (opener_->open(sealed_, out) != CellOpener::Got::kFine) throw Over("a cell that does not verify");
    if (out.type == CellType::kClose) throw Over("closed with " + std::to_string(out.data[0]));
    return out;
  }
  // The next frame of this type; others are passed over.
  RawFrame await(FrameType type) {
    for (;;) {
      RawFrame got;
      for (FrameReader::Got what; (what = reader_.next(got)) != FrameReader::Got::kMore;) {
        if (what == FrameReader::Got::kBad) throw Over("a bad frame");
        if (got.type == static_cast<std::uint8_t>(type)) return got;
      }
      Cell cell;
      do cell = next(); while (cell.type != CellType::kData);
      kept_.assign(cell.data.begin(), cell.data.end());
      reader_.feed(kept_);
    }
  }
  // Says nothing and reads nothing, until the daemon ends it or the time is over.
  void stand(milliseconds span) {
    pollfd slot{fd_.get(), POLLRDHUP, 0};
    if (::poll(&slot, 1, static_cast<int>(span.count())) > 0) throw Over("ended");
  }
  std::size_t cells = 0;
  World& world() { return world_; }

 private:
  void wait(short events) {
    pollfd slot{fd_.get(), events, 0};
    if (::poll(&slot, 1, static_cast<int>(patience.count())) <= 0) throw Over("no answer");
  }
  // Until all of it has gone, or come.
  template <class Span, class Some>
  void move(Span bytes, short events, Some some) {
    while (!bytes.empty()) {
      const sys::Io io = some(fd_.get(), bytes);
      if (io.kind == sys::Io::kEnd) throw Over("ended");
      if (io.kind == sys::Io::kBlocked) wait(events);
      bytes = bytes.subspan(io.n);
    }
  }
  void write(View bytes) { move(bytes, POLLOUT, sys::write_some); }
  void read(MutView bytes) { move(bytes, POLLIN, sys::read_some); }

 public:
  milliseconds patience = kPatience;

 private:
  World& world_;
  sys::Fd fd_;
  std::optional<CellSealer> sealer_;
  std::optional<CellOpener> opener_;
  FrameReader reader_;
  Bytes kept_;
  std::array<std::uint8_t, kCell> sealed_{};
};

}  // namespace gossip::attack
