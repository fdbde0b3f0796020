#include "gossip/cell.h"

#include "gossip/check.h"

namespace gossip {
namespace {

std::array<std::uint8_t, 12> nonce_of(std::uint64_t seq) {
  std::array<std::uint8_t, 12> nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(seq >> (8 * i));
  return nonce;
}

bool length_fits(CellType type, std::size_t len) {
  switch (type) {
    case CellType::kPad:
    case CellType::kRekey: return len == 0;
    case CellType::kReady: return len == kReadyText.size();
    case CellType::kData: return len <= kCellData;
    case CellType::kClose: return len == 1;
    case CellType::kPing:
    case CellType::kPong: return len <= kPingData;
  }
  return false;  // a type we do not know
}

}  // namespace

void write_cell(MutView cell, CellType type, View data) {
  GOSSIP_CHECK(cell.size() == kCell && data.size() <= kCellData);
  cell[0] = static_cast<std::uint8_t>(type);
  cell[1] = static_cast<std::uint8_t>(data.size() >> 8);
  cell[2] = static_cast<std::uint8_t>(data.size());
  auto end = std::copy(data.begin(), data.end(), cell.begin() + kCellHeader);
  std::fill(end, cell.begin() + kCellPlain, std::uint8_t{0});
}

void CellSealer::seal(MutView cell, Micros now) {
  GOSSIP_CHECK(cell.size() == kCell);
  const bool rekey = cell[0] == static_cast<std::uint8_t>(CellType::kRekey);
  GOSSIP_CHECK(rekey || seq_ < kRekeySeq);
  crypto_->seal(key_, nonce_of(seq_), {}, cell.first(kCellPlain), cell);
  ++seq_;
  if (!rekey) return;
  key_ = expand(*crypto_, key_, "rekey", {});
  seq_ = 0;
  since_ = now;
}

CellOpener::Got CellOpener::open(View sealed, Cell& out) {
  GOSSIP_CHECK(sealed.size() == kCell);
  MutView plain = plain_.mut();
  if (!crypto_->open(key_, nonce_of(seq_), {}, sealed, plain)) return Got::kForged;
  const auto type = static_cast<CellType>(plain[0]);
  if (seq_ >= kRekeySeq && type != CellType::kRekey) return Got::kForged;
  ++seq_;
  const std::size_t len = std::size_t{plain[1]} << 8 | plain[2];
  if (!length_fits(type, len)) return Got::kMalformed;
  const View tail = plain.subspan(kCellHeader + len);
  std::uint8_t rest = 0;
  for (std::uint8_t byte : tail) rest |= byte;
  if (rest != 0) return Got::kMalformed;
  if (type == CellType::kRekey) {
    key_ = expand(*crypto_, key_, "rekey", {});
    seq_ = 0;
  }
  out = {type, plain.subspan(kCellHeader, len)};
  return Got::kFine;
}

}  // namespace gossip
