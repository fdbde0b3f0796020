#include "attack/live.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "gossip/cell.h"

namespace gossip::attack {
namespace {

sockaddr_in address(const char* ip, int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, ip, &out.sin_addr);
  return out;
}

}  // namespace

std::vector<std::shared_ptr<const PairKeys>> make_friends(std::size_t n) {
  const Tools tools;
  std::vector<crypto::NewKey> ours;
  for (std::size_t i = 0; i < n; ++i) {
    ours.push_back(crypto::make_key(2048));
    std::fputs(crypto::public_pem(ours.back().private_der).c_str(), stdout);
  }
  std::fflush(stdout);
  std::vector<std::shared_ptr<const PairKeys>> out;
  std::string line, pem;
  while (out.size() < n && std::getline(std::cin, line)) {
    pem += line + "\n";
    if (line.rfind("-----END", 0) != 0) continue;
    const auto theirs = crypto::import_public(pem, 2048);
    if (!theirs.ok()) throw std::runtime_error(theirs.refusal().what);
    const crypto::NewKey& own = ours[out.size()];
    const Secret32 psk = psk_of(*tools.crypto, {});
    out.push_back(std::make_shared<PairKeys>(PairKeys{
        out.size() + 1, 1, crypto::load_private(own.private_der), crypto::load_public(theirs->spki_der), own.fp, theirs->fp,
        derive_statics(*tools.crypto, psk, own.fp, theirs->fp), derive_statics(*tools.crypto, psk, theirs->fp, own.fp)}));
    pem.clear();
  }
  if (out.size() < n) throw std::runtime_error("fewer keys on stdin than were printed");
  return out;
}

Wire::Wire(int port, const std::string& from) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{10, 0};
  const linger reset{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  const sockaddr_in here = address(from.c_str(), 0), there = address("127.0.0.1", port);
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
      ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0)
    fd_.reset();
}

bool Wire::send(View bytes) {
  return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool Wire::receive(MutView bytes) {
  return ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_WAITALL) == static_cast<ssize_t>(bytes.size());
}

bool shake(Tools& tools, const std::shared_ptr<const PairKeys>& pair, int port, const std::string& from) {
  Initiator caller(*tools.crypto, *tools.rng, pair);
  std::array<std::uint8_t, kM2> m2;
  std::array<std::uint8_t, kM3> m3;
  std::array<std::uint8_t, kCell> ready;
  Wire wire(port, from);
  if (!wire.send(caller.m1()) || !wire.receive(m2) || !caller.answer(m2, m3) || !wire.send(m3) || !wire.receive(ready)) return false;
  Cell cell;
  CellOpener opener(*tools.crypto, caller.keys().r2i);
  return opener.open(ready, cell) == CellOpener::Got::kFine && cell.type == CellType::kReady;
}

}  // namespace gossip::attack
