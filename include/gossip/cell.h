// Cells: everything after the handshake is cells of exactly 1024 bytes (gossip(7), CELLS).
//   plaintext := type u8 | len u16 | data[len <= 1005] | zeros        1008 bytes
//   cell      := ChaCha20-Poly1305(key of the direction, nonce = 00000000 | LE64(seq), no associated data)
#pragma once

#include "gossip/derive.h"
#include "gossip/time.h"

namespace gossip {

enum class CellType : std::uint8_t { kPad = 0, kReady = 1, kData = 2, kRekey = 3, kClose = 4, kPing = 5, kPong = 6 };

constexpr std::size_t kCell = 1024;
constexpr std::size_t kCellPlain = kCell - 16;
constexpr std::size_t kCellHeader = 3;
constexpr std::size_t kCellData = kCellPlain - kCellHeader;
constexpr std::size_t kPingData = 32;                 // at most, in PING and PONG
constexpr std::uint64_t kRekeySeq = 65'536;           // the cell with this seq is REKEY at the latest
constexpr Micros kRekeyAge = kHour;
constexpr std::string_view kReadyText = "READY";

// Lays out the plaintext at the front of `cell` (kCell bytes). REQUIRES data.size() <= kCellData
void write_cell(MutView cell, CellType type, View data);

// The sending side of one direction. Each (key, seq) seals one cell.
class CellSealer {
 public:
  CellSealer(Crypto& crypto, const Secret32& key, Micros now) : crypto_(&crypto), key_(key), since_(now) {}
  bool rekey_due(Micros now) const { return seq_ >= kRekeySeq || now - since_ >= kRekeyAge; }
  // In place, a cell laid out as write_cell does. A REKEY cell goes out under the old key and brings the next.
  // REQUIRES REKEY where the seq has run out
  void seal(MutView cell, Micros now);

 private:
  Crypto* crypto_;
  Secret32 key_;
  std::uint64_t seq_ = 0;
  Micros since_;
};

struct Cell {
  CellType type = CellType::kPad;
  View data;  // lives until the next call to the opener
};

// The receiving side of one direction. Anything but kFine is for the caller to end the session with.
class CellOpener {
 public:
  enum class Got {
    kFine,
    kForged,     // does not verify, or the sender let the seq run out: drop the connection
    kMalformed,  // verified, but type, length or padding is against the rules: protocol error
  };
  CellOpener(Crypto& crypto, const Secret32& key) : crypto_(&crypto), key_(key) {}
  Got open(View sealed, Cell& out);  // REQUIRES sealed.size() == kCell; takes REKEY by itself and shows it

 private:
  Crypto* crypto_;
  Secret32 key_;
  std::uint64_t seq_ = 0;
  Secret<kCellPlain> plain_;
};

}  // namespace gossip
