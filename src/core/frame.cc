#include "gossip/frame.h"

#include "gossip/check.h"

namespace gossip {

// --- cutting the stream

constexpr std::size_t kKeepCapacity = 64 * 1024;  // what a long frame needed is given back

void FrameReader::feed(View bytes) {
  if (bad_) return;
  if (start_ > 0) {  // everything handed out is dead by now
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
    start_ = 0;
    if (buffer_.empty() && buffer_.capacity() > kKeepCapacity) buffer_ = {};
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

FrameReader::Got FrameReader::next(RawFrame& out) {
  if (bad_) return Got::kBad;
  View all = View(buffer_).subspan(start_);
  if (all.size() < 2) return Got::kMore;
  std::size_t digits = 1;
  while (digits < all.size() && digits <= 4 && all[digits] >= 0x80) ++digits;
  if (digits <= 4 && digits == all.size()) return Got::kMore;
  Reader reader(all);
  out.type = reader.u8();
  std::uint64_t length = reader.leb128();
  if (!reader.ok() || length > kMaxFrame) {
    bad_ = true;
    buffer_ = {};
    start_ = 0;
    return Got::kBad;
  }
  if (reader.left() < length) return Got::kMore;
  out.payload = reader.take(length);
  start_ += all.size() - reader.left();
  return Got::kFrame;
}

std::size_t FrameReader::body_pending() const {
  Reader r(View(buffer_).subspan(start_));
  bool body = r.u8() == static_cast<std::uint8_t>(FrameType::kBody);
  std::uint64_t length = r.leb128();
  return body && r.ok() ? length : 0;
}

// --- payloads in

template <class T>
static std::optional<T> whole(const Reader& reader, T value) {
  if (!reader.done()) return std::nullopt;
  return value;
}

std::optional<Hello> decode_hello(View payload) {
  Reader r(payload);
  std::uint8_t version = r.u8();
  r.leb128();  // caps: bits not known are ignored
  Hello out{r.array<16>()};
  if (version != 1) return std::nullopt;
  return whole(r, out);
}

std::optional<Fetch> decode_fetch(View payload) {
  Reader r(payload);
  Fetch out;
  out.cursor.log_id = r.array<16>();
  out.cursor.seq = r.leb128();
  out.cursor.tag = r.array<8>();
  out.credit = r.leb128();
  return whole(r, out);
}

std::optional<Head> decode_head(View payload) {
  Reader r(payload);
  Head out;
  std::uint8_t status = r.u8();
  out.log_id = r.array<16>();
  out.size = r.leb128();
  if (status > 2) return std::nullopt;
  out.status = static_cast<HeadStatus>(status);
  return whole(r, out);
}

// Adds a dseq (>= 1) to `seq`; false when it is 0 or the sum passes 2^64-1.
static bool advance(Seq& seq, std::uint64_t dseq) {
  if (dseq == 0 || seq + dseq < seq) return false;
  seq += dseq;
  return true;
}

std::optional<Have> decode_have(View payload, Seq base) {
  Reader r(payload);
  std::uint64_t n = r.leb128();
  if (n > kMaxBatch || n * 15 > r.left()) return std::nullopt;  // 15: the least an entry takes
  Have out;
  out.entries.reserve(n);
  Seq seq = base;
  for (std::uint64_t i = 0; i < n; ++i) {
    HaveEntry entry;
    if (!advance(seq, r.leb128())) return std::nullopt;
    entry.seq = seq;
    entry.epoch = r.leb128();
    entry.size = r.leb128();
    entry.id12 = r.array<12>();
    if (entry.size > kMaxMessage) return std::nullopt;
    out.entries.push_back(entry);
  }
  out.upto = r.leb128();
  out.tag = r.array<8>();
  if (out.upto < seq) return std::nullopt;
  return whole(r, std::move(out));
}

std::optional<Seqs> decode_seqs(View payload) {
  Reader r(payload);
  std::uint64_t n = r.leb128();
  if (n > kMaxBatch || n > r.left()) return std::nullopt;
  Seqs out;
  out.seqs.reserve(n);
  Seq seq = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    if (!advance(seq, r.leb128())) return std::nullopt;
    out.seqs.push_back(seq);
  }
  return whole(r, std::move(out));
}

std::optional<Body> decode_body(View payload) {
  Reader r(payload);
  Body out;
  out.seq = r.leb128();
  out.message = r.rest();
  if (out.seq == 0) return std::nullopt;
  return whole(r, out);
}

std::optional<Credit> decode_credit(View payload) {
  Reader r(payload);
  Credit out;
  out.ack = r.leb128();
  out.more = r.leb128();
  return whole(r, out);
}

std::optional<Err> decode_err(View payload) {
  Reader r(payload);
  Err out{r.u8()};
  return whole(r, out);
}

// --- frames out

// Writes type and payload, then slips the length between them.
template <class Payload>
static void frame(Bytes& out, FrameType type, Payload&& payload) {
  out.push_back(static_cast<std::uint8_t>(type));
  const std::size_t start = out.size();
  Writer w(out);
  payload(w);
  Bytes length;
  Writer(length).leb128(out.size() - start);
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(start), length.begin(), length.end());
}

void encode(Bytes& out, const Hello& f) {
  frame(out, FrameType::kHello, [&](Writer& w) { w.u8(1).leb128(0).bytes(f.log_id); });
}

void encode(Bytes& out, const Fetch& f) {
  frame(out, FrameType::kFetch,
        [&](Writer& w) { w.bytes(f.cursor.log_id).leb128(f.cursor.seq).bytes(f.cursor.tag).leb128(f.credit); });
}

void encode(Bytes& out, const Head& f) {
  frame(out, FrameType::kHead, [&](Writer& w) { w.u8(static_cast<std::uint8_t>(f.status)).bytes(f.log_id).leb128(f.size); });
}

void encode(Bytes& out, const Have& f, Seq base) {
  GOSSIP_CHECK(f.entries.size() <= kMaxBatch);
  frame(out, FrameType::kHave, [&](Writer& w) {
    w.leb128(f.entries.size());
    for (const HaveEntry& entry : f.entries) {
      GOSSIP_CHECK(entry.seq > base);
      w.leb128(entry.seq - base).leb128(entry.epoch).leb128(entry.size).bytes(entry.id12);
      base = entry.seq;
    }
    w.leb128(f.upto).bytes(f.tag);
  });
}

void encode(Bytes& out, FrameType type, const Seqs& f) {
  GOSSIP_CHECK(f.seqs.size() <= kMaxBatch);
  frame(out, type, [&](Writer& w) {
    w.leb128(f.seqs.size());
    Seq base = 0;
    for (Seq seq : f.seqs) {
      GOSSIP_CHECK(seq > base);
      w.leb128(seq - base);
      base = seq;
    }
  });
}

void encode(Bytes& out, const Body& f) {  // written straight: a body may be a megabyte
  Writer(out).u8(static_cast<std::uint8_t>(FrameType::kBody)).leb128(leb128_size(f.seq) + f.message.size()).leb128(f.seq).bytes(f.message);
}

void encode(Bytes& out, const Credit& f) {
  frame(out, FrameType::kCredit, [&](Writer& w) { w.leb128(f.ack).leb128(f.more); });
}

void encode(Bytes& out, const Err& f) {
  frame(out, FrameType::kErr, [&](Writer& w) { w.u8(f.code); });
}

}  // namespace gossip
