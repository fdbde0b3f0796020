// Frames against the vectors that gossip(7) prints, and the cutting of a stream.
#include <gtest/gtest.h>

#include "gossip/frame.h"
#include "support/vector_file.h"

namespace gossip::test {
namespace {

// Decodes one whole frame of the named kind and encodes it again. Nothing when it is refused.
std::optional<Bytes> round_trip(const std::string& kind, View frame, Seq base) {
  FrameReader reader;
  reader.feed(frame);
  RawFrame raw;
  if (reader.next(raw) != FrameReader::Got::kFrame || reader.buffered() != 0) return std::nullopt;
  Bytes out;
  auto with = [&](const auto& decoded) -> std::optional<Bytes> {
    if (!decoded) return std::nullopt;
    encode(out, *decoded);
    return out;
  };
  switch (static_cast<FrameType>(raw.type)) {
    case FrameType::kHello: return with(decode_hello(raw.payload));
    case FrameType::kFetch: return with(decode_fetch(raw.payload));
    case FrameType::kHead: return with(decode_head(raw.payload));
    case FrameType::kBody: return with(decode_body(raw.payload));
    case FrameType::kCredit: return with(decode_credit(raw.payload));
    case FrameType::kKey: return with(decode_key(raw.payload));
    case FrameType::kErr: return with(decode_err(raw.payload));
    case FrameType::kHave: {
      auto have = decode_have(raw.payload, base);
      if (!have) return std::nullopt;
      encode(out, *have, base);
      return out;
    }
    case FrameType::kWant:
    case FrameType::kGone: {
      auto seqs = decode_seqs(raw.payload);
      if (!seqs) return std::nullopt;
      encode(out, static_cast<FrameType>(raw.type), *seqs);
      return out;
    }
  }
  return kind == "unknown" && raw.type >= kIgnorableFrom ? std::optional(Bytes(frame.begin(), frame.end())) : std::nullopt;
}

TEST(Frame, VectorsOfTheManual) {
  int accepted = 0, refused = 0;
  for (const auto& [name, bytes] : read_vectors("tests/vectors/frames.txt")) {
    if (name.find("LEB128") != name.npos) continue;
    const Seq base = name == "HAVE.later" ? 150 : name == "refused.HAVE_seq_past_2_64" ? 1 : 0;
    const auto again = round_trip(name.substr(0, name.find('.')), bytes, base);
    if (starts_with(name, "refused.")) {
      EXPECT_FALSE(again) << name;
      ++refused;
    } else {
      ASSERT_TRUE(again) << name;
      EXPECT_EQ(to_hex(*again), to_hex(bytes)) << name;
      ++accepted;
    }
  }
  EXPECT_GE(accepted, 18);
  EXPECT_GT(refused, accepted);
}

TEST(Frame, MeaningOfTheVectors) {
  auto v = read_vectors("tests/vectors/frames.txt");
  auto payload = [&](const char* name) { return View(v.at(name)).subspan(2); };
  auto have = decode_have(payload("HAVE.later"), 150);
  ASSERT_TRUE(have);
  ASSERT_EQ(have->entries.size(), 2u);
  EXPECT_EQ(have->entries[0].seq, 153u);
  EXPECT_EQ(have->entries[1].seq, 200u);
  EXPECT_EQ(have->upto, 200u);
  auto fetch = decode_fetch(payload("FETCH.resume"));
  ASSERT_TRUE(fetch);
  EXPECT_EQ(fetch->cursor.seq, 200u);
  EXPECT_EQ(fetch->credit, 4096u);
  auto want = decode_seqs(payload("WANT.later"));
  ASSERT_TRUE(want);
  EXPECT_EQ(want->seqs, (std::vector<Seq>{153, 200}));
  auto credit = decode_credit(payload("CREDIT.more"));
  ASSERT_TRUE(credit);
  EXPECT_EQ(credit->more, 2048u);
}

TEST(Frame, Leb128) {
  for (const auto& [name, bytes] : read_vectors("tests/vectors/frames.txt")) {
    if (name.find("LEB128") == name.npos) continue;
    Reader r(bytes);
    const std::uint64_t value = r.leb128();
    EXPECT_EQ(r.done(), !starts_with(name, "refused.")) << name;
    if (!r.done()) continue;
    Bytes again;
    Writer(again).leb128(value);
    EXPECT_EQ(again, bytes) << name;
    EXPECT_EQ(leb128_size(value), bytes.size()) << name;
  }
}

TEST(Frame, AnyCutOfTheStreamGivesTheSameFrames) {
  Bytes stream;
  encode(stream, Hello{});
  encode(stream, Fetch{Cursor{}, 4096});
  Bytes long_message(70'000, 7);
  encode(stream, Body{9, long_message});
  encode(stream, Credit{1, 2});
  for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1005}, stream.size()}) {
    FrameReader reader;
    std::vector<std::pair<int, std::size_t>> seen;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      reader.feed(View(stream).subspan(at, std::min(step, stream.size() - at)));
      RawFrame frame;
      while (reader.next(frame) == FrameReader::Got::kFrame) seen.emplace_back(frame.type, frame.payload.size());
    }
    EXPECT_EQ(seen, (std::vector<std::pair<int, std::size_t>>{{1, 18}, {2, 27}, {6, 70'001}, {8, 2}})) << "step " << step;
    EXPECT_EQ(reader.buffered(), 0u);
  }
}

TEST(Frame, TA20_OversizeLengthIsRefusedBeforeItIsBuffered) {
  for (const char* hex : {"06814044", "06c18044", "06ffffffffffffffffff01", "068000", "06808080808000"}) {
    FrameReader reader;
    const Bytes start = *from_hex(hex);
    reader.feed(start);
    RawFrame frame;
    auto got = reader.next(frame);
    if (std::string(hex) == "06814044") {
      EXPECT_EQ(got, FrameReader::Got::kMore) << hex;  // 8193 bytes: fine
      continue;
    }
    EXPECT_EQ(got, FrameReader::Got::kBad) << hex;
    const Bytes rest(100, 1);
    reader.feed(rest);
    EXPECT_EQ(reader.next(frame), FrameReader::Got::kBad);
    EXPECT_EQ(reader.buffered(), 0u);
  }
}

TEST(Frame, NoTypeMayPromiseMoreThanItCanHold) {
  struct Case {
    const char* hex;
    bool fine;
  };
  for (const Case& one : {Case{"011b", true}, {"011c", false}, {"022c", true}, {"022d", false}, {"031b", true}, {"031c", false},
                          {"0494a801", true}, {"0495a801", false}, {"058228", true}, {"058328", false}, {"078228", true},
                          {"078328", false}, {"0814", true}, {"0815", false}, {"3e01", true}, {"3e02", false}, {"1001", false}}) {
    FrameReader reader;
    const Bytes start = *from_hex(one.hex);
    reader.feed(start);
    RawFrame frame;
    EXPECT_EQ(reader.next(frame), one.fine ? FrameReader::Got::kMore : FrameReader::Got::kBad) << one.hex;
  }
}

TEST(Frame, WhatIsIgnoredIsNotHeld) {
  Bytes stream = *from_hex("90808040");  // 1 MiB of a type to come, and
  stream.resize(4 + (1 << 20), 7);
  encode(stream, Credit{1, 2});
  FrameReader reader;
  std::vector<int> seen;
  for (std::size_t at = 0; at < stream.size(); at += 1000) {
    reader.feed(View(stream).subspan(at, std::min<std::size_t>(1000, stream.size() - at)));
    RawFrame frame;
    while (reader.next(frame) == FrameReader::Got::kFrame) seen.push_back(frame.type);
    EXPECT_LE(reader.buffered(), 10u);
  }
  EXPECT_EQ(seen, (std::vector<int>{0x90, 8}));
}

TEST(Frame, TheSeqOfABodyIsKnownBeforeItIsHere) {
  Bytes stream;
  encode(stream, Body{300, Bytes(5000, 7)});
  FrameReader reader;
  RawFrame frame;
  reader.feed(View(stream).first(4));
  EXPECT_EQ(reader.next(frame), FrameReader::Got::kMore);
  EXPECT_FALSE(reader.body_begun());
  reader.feed(View(stream).subspan(4, 1));
  EXPECT_EQ(reader.next(frame), FrameReader::Got::kMore);
  EXPECT_EQ(reader.body_begun(), 300u);
  EXPECT_EQ(reader.body_pending(), 5002u);
}

}  // namespace
}  // namespace gossip::test
