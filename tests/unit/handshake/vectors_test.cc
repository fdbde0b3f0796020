// The known answers of tests/vectors/handshake.txt, every line of them (gossip(7) prints the same).
#include <gtest/gtest.h>

#include <fstream>

#include "core/wire.h"
#include "crypto/openssl.h"
#include "gossip/cell.h"
#include "gossip/invite.h"
#include "gossip/pair.h"
#include "support/vector_file.h"

namespace gossip::test {
namespace {

Bytes counting(std::size_t from, std::size_t n) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(from + i);
  return out;
}

Bytes body(std::uint8_t flags, const Bytes& e, const Bytes& slot, const Bytes& slot2 = {}) {
  Bytes head(16);
  head[0] = 1;
  head[1] = flags;
  return concat({head, e, slot, slot2});
}

using Lines = std::map<std::string, Bytes>;

// The whole schedule. `flags` stand in B1 and B2a.
Lines shake(Crypto& crypto, const Lines& want, std::uint8_t flags, const Bytes& ss_pq) {
  Lines got;
  auto put = [&](const char* name, View value) { got[name] = Bytes(value.begin(), value.end()); };
  for (const char* given : {"n_I", "e_I", "n_R", "e_R", "ee", "k_R", "k_I"}) put(given, want.at(given));
  put("ss_pq", ss_pq);

  EXPECT_EQ(kProto.size(), 80u);
  put("H(PROTO)", crypto.sha256(as_view(kProto)));
  const Secret32 psk = psk_of(crypto, {});
  const Hash fp_i = crypto.sha256(as_view("kat fp I")), fp_r = crypto.sha256(as_view("kat fp R"));
  const Statics statics = derive_statics(crypto, psk, fp_i, fp_r);
  put("psk", psk);
  put("fp_I", fp_i);
  put("fp_R", fp_r);
  put("root", statics.root);
  put("tagkey", statics.tag_key);
  put("h0", statics.h0);

  Transcript t(crypto, statics.root, statics.h0);
  const Bytes n_i = want.at("n_I"), n_r = want.at("n_R");
  const Hash mac = crypto.hmac(statics.tag_key, n_i);
  const View tag = View{mac}.first(wire::kTag);
  const Bytes b1 = body(flags, want.at("e_I"), counting(0, wire::kEk));
  Bytes m1 = concat({n_i, tag, b1, Hash{}});
  m1.resize(kM1);
  crypto.seal(t.m1_key(n_i), kZeroNonce, t.m1_ad(n_i, tag), b1, MutView{m1}.subspan(48));
  put("tag", tag);
  put("k1", t.m1_key(n_i));
  put("H(M1)", crypto.sha256(m1));
  t.add(m1);
  put("h1", t.h());

  const Bytes b2a = body(flags, want.at("e_R"), counting(1, wire::kCt));
  const Bytes b2 = concat({b2a, counting(2, wire::kSlot)});
  Bytes m2 = n_r;
  m2.resize(kM2);
  crypto.seal(t.m2_key(n_r), kZeroNonce, t.m2_ad(n_r), b2, MutView{m2}.subspan(32));
  put("label_cR", t.label_cr(n_r, b2a));
  put("k2", t.m2_key(n_r));
  put("H(M2)", crypto.sha256(m2));
  t.add(m2);
  put("h2", t.h());
  t.mix(want.at("ee"), ss_pq, want.at("k_R"));
  put("ck2", t.ck());

  put("label_cI", t.label_ci());
  put("k3", t.m3_key());
  Bytes m3(kM3);
  crypto.seal(t.m3_key(), kZeroNonce, t.h(), concat({Bytes(16), counting(3, wire::kSlot)}), m3);
  put("H(M3)", crypto.sha256(m3));
  t.add(m3);
  put("h3", t.h());
  const SessionKeys keys = t.finish(want.at("k_I"));
  put("ck3", t.ck());
  put("k_i2r", keys.i2r);
  put("k_r2i", keys.r2i);
  put("sid", keys.sid);

  Bytes cell0(kCell);
  write_cell(cell0, CellType::kReady, as_view(kReadyText));
  CellSealer(crypto, keys.r2i, 0).seal(cell0, 0);
  put("H(cell0)", crypto.sha256(cell0));
  put("cell0[:32]", View{cell0}.first(32));
  put("rekey(k_r2i)", expand(crypto, keys.r2i, "rekey", {}));
  return got;
}

// Lines that begin with "pq." are of the same handshake with ML-KEM, where they differ.
TEST(Vectors, EveryLine) {
  const auto crypto = crypto::make_crypto();
  const Lines want = read_vectors("tests/vectors/handshake.txt");
  const Lines classical = shake(*crypto, want, 0, want.at("ss_pq")), pq = shake(*crypto, want, 1, want.at("pq.ss_pq"));
  std::size_t with_ml_kem = 0;
  for (const auto& [name, value] : want) {
    const bool is_pq = starts_with(name, "pq.");
    const Lines& got = is_pq ? pq : classical;
    const auto line = got.find(is_pq ? name.substr(3) : name);
    ASSERT_NE(line, got.end()) << name;
    EXPECT_EQ(to_hex(line->second), to_hex(value)) << name;
    with_ml_kem += is_pq;
  }
  EXPECT_EQ(want.size() - with_ml_kem, classical.size());
  EXPECT_GE(with_ml_kem, 9u);
}

// tests/vectors/invite.txt, its comments left out, is an invitation as a friend may get it.
TEST(Vectors, Invitation) {
  const auto crypto = crypto::make_crypto();
  std::ifstream file("tests/vectors/invite.txt");
  std::string text, line;
  while (std::getline(file, line)) text += line.starts_with('#') ? "" : line + "\n";
  const auto got = parse_invitation(*crypto, text);
  ASSERT_TRUE(got.ok()) << got.refusal().what;
  EXPECT_EQ(got->until_ms, 1'769'869'135'000);
  EXPECT_EQ(got->name, "alice");
  EXPECT_EQ(got->places, (std::vector<Invitation::Place>{{"alice.example", 5555}, {"2001:db8::7", 5556}}));
  EXPECT_EQ(got->modulus, counting(1, 256));
  EXPECT_EQ(to_hex(got->primes.view()), to_hex(counting(2, 256)));
  std::erase(text, '\n');
  EXPECT_EQ(format_invitation(*crypto, *got), text);
}

// The two that gossip(7) prints in its text.
TEST(Vectors, PairCodeAndNetworkKey) {
  auto crypto = crypto::make_crypto();
  const Hash a = crypto->sha256(as_view("kat fp I")), b = crypto->sha256(as_view("kat fp R"));
  EXPECT_EQ(pair_code(*crypto, a, b), "ZDPKZ-CBM7D-XB34W-6FTR6-BZLNSO");
  EXPECT_EQ(pair_code(*crypto, b, a), pair_code(*crypto, a, b));
  EXPECT_EQ(to_hex(psk_of(*crypto, counting(0, 32))), "535431a8c684e9dd7e47b4cc37f490f439d3bcf9d6b5e783207dc0c62a43c742");
}

}  // namespace
}  // namespace gossip::test
