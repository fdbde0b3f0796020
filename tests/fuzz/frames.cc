// Frames: what is accepted is canonical (encoding it again gives the very bytes), what we encode is accepted, and how the stream
// was cut makes no difference.
#include "gossip/check.h"
#include "gossip/frame.h"
#include "support/fuzz_input.h"

using namespace gossip;

namespace {

Bytes frame_bytes(std::uint8_t type, View payload) {
  Bytes out;
  Writer(out).u8(type).leb128(payload.size()).bytes(payload);
  return out;
}

template <class T, class... More>
void same_again(const Bytes& frame, const std::optional<T>& decoded, More... more) {
  if (!decoded) return;
  Bytes again;
  encode(again, *decoded, more...);
  GOSSIP_CHECK(again == frame);
}

// Decodes one payload as every type; whatever is accepted must encode to what it was.
void as_every_type(View payload, Seq base) {
  auto frame = [&](FrameType type) { return frame_bytes(static_cast<std::uint8_t>(type), payload); };
  if (auto hello = decode_hello(payload)) {  // caps may hold bits not known, which are ignored
    Bytes ours;
    encode(ours, *hello);
    GOSSIP_CHECK(decode_hello(View(ours).subspan(2))->log_id == hello->log_id);
  }
  same_again(frame(FrameType::kFetch), decode_fetch(payload));
  same_again(frame(FrameType::kHead), decode_head(payload));
  auto have = decode_have(payload, base);
  if (have) {
    GOSSIP_CHECK(have->entries.size() <= kMaxBatch && have->upto >= base);
    Seq last = base;
    for (const HaveEntry& e : have->entries) {
      GOSSIP_CHECK(e.seq > last && e.seq <= have->upto && e.size <= kMaxMessage);
      last = e.seq;
    }
  }
  same_again(frame(FrameType::kHave), have, base);
  if (auto seqs = decode_seqs(payload)) {
    GOSSIP_CHECK(seqs->seqs.size() <= kMaxBatch);
    Bytes again;
    encode(again, FrameType::kWant, *seqs);
    GOSSIP_CHECK(again == frame(FrameType::kWant));
  }
  same_again(frame(FrameType::kBody), decode_body(payload));
  same_again(frame(FrameType::kCredit), decode_credit(payload));
  same_again(frame(FrameType::kKey), decode_key(payload));
  same_again(frame(FrameType::kErr), decode_err(payload));
}

// Every frame of a stream that is fed in pieces of `cut` bytes (0: whole), then a mark for how it ended.
Bytes read_all(View stream, std::size_t cut) {
  FrameReader reader;
  Bytes seen;
  if (cut == 0) cut = stream.size() + 1;
  for (std::size_t at = 0;; at += cut) {
    if (at < stream.size()) reader.feed(stream.subspan(at, std::min(cut, stream.size() - at)));
    RawFrame frame;
    FrameReader::Got got;
    while ((got = reader.next(frame)) == FrameReader::Got::kFrame) {
      GOSSIP_CHECK(frame.payload.size() <= kMaxFrame);
      Bytes one = frame_bytes(frame.type, frame.payload);
      seen.insert(seen.end(), one.begin(), one.end());
    }
    if (got == FrameReader::Got::kBad || at >= stream.size()) {
      seen.push_back(static_cast<std::uint8_t>(got));
      return seen;
    }
  }
}

void our_own(test::Feed& feed) {
  Seq base = feed.number(4);
  Have have;
  have.upto = base;
  for (std::size_t n = feed.u8(), i = 0; i < n && !feed.done(); ++i) {
    have.upto += 1 + feed.number(2);
    have.entries.push_back({have.upto, feed.any_size(), 1 + feed.number(3) % kMaxMessage, feed.array<12>()});
  }
  have.upto += feed.number(2);
  have.tag = feed.array<8>();
  Bytes frame;
  encode(frame, have, base);
  FrameReader reader;
  reader.feed(frame);
  RawFrame raw;
  GOSSIP_CHECK(reader.next(raw) == FrameReader::Got::kFrame && raw.type == static_cast<std::uint8_t>(FrameType::kHave));
  auto back = decode_have(raw.payload, base);
  GOSSIP_CHECK(back && back->upto == have.upto && back->tag == have.tag && back->entries.size() == have.entries.size());
  for (std::size_t i = 0; i < have.entries.size(); ++i) {
    const HaveEntry &a = have.entries[i], &b = back->entries[i];
    GOSSIP_CHECK(a.seq == b.seq && a.epoch == b.epoch && a.size == b.size && a.id12 == b.id12);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::Feed feed(data, size);
  std::uint8_t mode = feed.u8();
  if (mode % 3 == 0) {
    Seq base = feed.any_size();
    as_every_type(feed.rest(), base);
  } else if (mode % 3 == 1) {
    std::size_t cut = 1 + feed.u8();
    View stream = feed.rest();
    GOSSIP_CHECK(read_all(stream, cut) == read_all(stream, 0));
  } else {
    our_own(feed);
  }
  return 0;
}
