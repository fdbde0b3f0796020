// Cells: order, replay, reflection, rekeying, and every rule about their inside.
#include <gtest/gtest.h>

#include "gossip/cell.h"
#include "unit/handshake/world.h"

namespace gossip::test {
namespace {

const Secret32 kKey1{View(Hash{1})}, kKey2{View(Hash{2})};
using Got = CellOpener::Got;

Bytes sealed(CellSealer& sealer, CellType type, View data, Micros now = 0) {
  Bytes cell(kCell);
  write_cell(cell, type, data);
  sealer.seal(cell, now);
  return cell;
}

// A cell with a plaintext of the test's making.
Got open_plain(Crypto& crypto, View plain, Cell& out) {
  Bytes cell(kCell);
  const std::array<std::uint8_t, 12> nonce{};
  crypto.seal(kKey1, nonce, {}, plain, cell);
  return CellOpener(crypto, kKey1).open(cell, out);
}

// T-A32, F25: 100,000 cells over the rekey boundary, 100,000 distinct (key, nonce).
TEST(TA32, F25_HundredThousandCellsAcrossTheBoundary) {
  TracingCrypto crypto;
  CellSealer sealer(crypto, kKey1, 0);
  CellOpener opener(crypto, kKey1);
  Bytes cell(kCell), before_rekey;
  std::uint64_t cells = 0, rekeys = 0;
  while (cells < 100'000) {
    const bool rekey = sealer.rekey_due(0);
    rekeys += rekey;
    if (rekey) { EXPECT_EQ(cells, 65'536u); }
    std::uint8_t text[8];
    for (int i = 0; i < 8; ++i) text[i] = static_cast<std::uint8_t>(cells >> (8 * i));
    write_cell(cell, rekey ? CellType::kRekey : CellType::kData, rekey ? View{} : View{text});
    sealer.seal(cell, 0);
    Cell out;
    ASSERT_EQ(opener.open(cell, out), Got::kFine) << cells;
    ASSERT_EQ(out.type, rekey ? CellType::kRekey : CellType::kData);
    if (!rekey) { ASSERT_TRUE(std::equal(out.data.begin(), out.data.end(), text)); }
    ++cells;
    crypto.trace.clear();
  }
  EXPECT_EQ(rekeys, 1u);
  EXPECT_EQ(crypto.pairs.size(), 100'000u);
  EXPECT_EQ(crypto.seals, 100'000u);
}

TEST(Cells, RekeyAfterAnHour) {
  TracingCrypto crypto;
  CellSealer sealer(crypto, kKey1, 5);
  CellOpener opener(crypto, kKey1);
  Cell out;
  EXPECT_FALSE(sealer.rekey_due(5 + kHour - 1));
  EXPECT_TRUE(sealer.rekey_due(5 + kHour));
  EXPECT_EQ(opener.open(sealed(sealer, CellType::kRekey, {}, 5 + kHour), out), Got::kFine);
  EXPECT_FALSE(sealer.rekey_due(5 + kHour));
  EXPECT_EQ(opener.open(sealed(sealer, CellType::kData, as_view("x")), out), Got::kFine);
  EXPECT_EQ(as_text(out.data), "x");
}

// A sender that lets the seq run out is refused at 65,536, and REKEY taken there.
TEST(Cells, SeqRunsOut) {
  TracingCrypto crypto;
  crypto.track = false;
  CellSealer sealer(crypto, kKey1, 0);
  CellOpener opener(crypto, kKey1);
  Cell out;
  for (std::uint64_t i = 0; i < kRekeySeq; ++i) ASSERT_EQ(opener.open(sealed(sealer, CellType::kPad, {}), out), Got::kFine);
  Bytes late(kCell), plain(kCellPlain);
  std::array<std::uint8_t, 12> nonce{0, 0, 0, 0, 0, 0, 1};  // 65,536
  crypto.seal(kKey1, nonce, {}, plain, late);
  CellOpener copy = opener;
  EXPECT_EQ(copy.open(late, out), Got::kForged);
  EXPECT_EQ(opener.open(sealed(sealer, CellType::kRekey, {}), out), Got::kFine);
  EXPECT_EQ(opener.open(sealed(sealer, CellType::kPad, {}), out), Got::kFine);
}

// T-A28 for READY, T-A30.
TEST(TA28, EveryByteOfReady) {
  TracingCrypto crypto;
  CellSealer sealer(crypto, kKey1, 0);
  const Bytes good = sealed(sealer, CellType::kReady, as_view(kReadyText));
  Cell out;
  for (std::size_t i = 0; i < kCell; ++i) {
    Bytes bad = good;
    bad[i] ^= static_cast<std::uint8_t>(1 + i % 255);
    ASSERT_EQ(CellOpener(crypto, kKey1).open(bad, out), Got::kForged) << i;
  }
  EXPECT_EQ(CellOpener(crypto, kKey1).open(good, out), Got::kFine);
}

TEST(TA30, ReorderReplayDropReflect) {
  TracingCrypto crypto;
  CellSealer sealer(crypto, kKey1, 0), other(crypto, kKey2, 0);
  std::vector<Bytes> cells;
  for (int i = 0; i < 4; ++i) cells.push_back(sealed(sealer, CellType::kData, as_view("cell")));
  Cell out;
  CellOpener reorder(crypto, kKey1), replay(crypto, kKey1), drop(crypto, kKey1), reflect(crypto, kKey2);
  EXPECT_EQ(reorder.open(cells[1], out), Got::kForged);
  EXPECT_EQ(replay.open(cells[0], out), Got::kFine);
  EXPECT_EQ(CellOpener(replay).open(cells[0], out), Got::kForged);
  EXPECT_EQ(drop.open(cells[0], out), Got::kFine);
  EXPECT_EQ(drop.open(cells[2], out), Got::kForged);
  EXPECT_EQ(reflect.open(cells[0], out), Got::kForged) << "a cell of the other direction";
  EXPECT_EQ(reflect.open(sealed(other, CellType::kData, {}), out), Got::kFine);
}

TEST(Cells, RulesOfTheInside) {
  TracingCrypto crypto;
  struct {
    std::uint8_t type;
    std::size_t least, most;
  } rules[] = {{0, 0, 0}, {1, 5, 5}, {2, 0, 1005}, {3, 0, 0}, {4, 1, 1}, {5, 0, 32}, {6, 0, 32}};
  Cell out;
  for (std::size_t type = 0; type < 256; ++type)
    for (std::size_t len : {0u, 1u, 2u, 4u, 5u, 6u, 31u, 32u, 33u, 1004u, 1005u, 1006u, 1008u, 65535u}) {
      Bytes plain(kCellPlain);
      plain[0] = static_cast<std::uint8_t>(type);
      plain[1] = static_cast<std::uint8_t>(len >> 8);
      plain[2] = static_cast<std::uint8_t>(len);
      const bool fine = type < 7 && len >= rules[type].least && len <= rules[type].most;
      ASSERT_EQ(open_plain(crypto, plain, out), fine ? Got::kFine : Got::kMalformed) << type << " " << len;
      if (!fine) continue;
      ASSERT_EQ(out.data.size(), len);
      for (std::size_t at : {3 + len, kCellPlain - 1}) {
        if (at >= kCellPlain || at < 3 + len) continue;
        Bytes dirty = plain;
        dirty[at] = 1;
        ASSERT_EQ(open_plain(crypto, dirty, out), Got::kMalformed) << type << " " << len << " padding " << at;
      }
    }
}

}  // namespace
}  // namespace gossip::test
