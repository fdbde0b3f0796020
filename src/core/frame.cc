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

static void frame(Bytes& out, FrameType type, const Bytes& payload) {
  Writer(out).u8(static_cast<std::uint8_t>(type)).leb128(payload.size()).bytes(payload);
}

void encode(Bytes& out, const Hello& f) {
  Bytes p;
  Writer(p).u8(1).leb128(0).bytes(f.log_id);
  frame(out, FrameType::kHello, p);
}

void encode(Bytes& out, const Fetch& f) {
  Bytes p;
  Writer(p).bytes(f.cursor.log_id).leb128(f.cursor.seq).bytes(f.cursor.tag).leb128(f.credit);
  frame(out, FrameType::kFetch, p);
}

void encode(Bytes& out, const Head& f) {
  Bytes p;
  Writer(p).u8(static_cast<std::uint8_t>(f.status)).bytes(f.log_id).leb128(f.size);
  frame(out, FrameType::kHead, p);
}

void encode(Bytes& out, const Have& f, Seq base) {
  GOSSIP_CHECK(f.entries.size() <= kMaxBatch);
  Bytes p;
  Writer w(p);
  w.leb128(f.entries.size());
  for (const HaveEntry& entry : f.entries) {
    GOSSIP_CHECK(entry.seq > base);
    w.leb128(entry.seq - base).leb128(entry.epoch).leb128(entry.size).bytes(entry.id12);
    base = entry.seq;
  }
  w.leb128(f.upto).bytes(f.tag);
  frame(out, FrameType::kHave, p);
}

void encode(Bytes& out, FrameType type, const Seqs& f) {
  GOSSIP_CHECK(f.seqs.size() <= kMaxBatch);
  Bytes p;
  Writer w(p);
  w.leb128(f.seqs.size());
  Seq base = 0;
  for (Seq seq : f.seqs) {
    GOSSIP_CHECK(seq > base);
    w.leb128(seq - base);
    base = seq;
  }
  frame(out, type, p);
}

void encode(Bytes& out, const Body& f) {  // written straight: a body may be a megabyte
  Writer(out).u8(static_cast<std::uint8_t>(FrameType::kBody)).leb128(leb128_size(f.seq) + f.message.size()).leb128(f.seq).bytes(f.message);
}

void encode(Bytes& out, const Credit& f) {
  Bytes p;
  Writer(p).leb128(f.ack).leb128(f.more);
  frame(out, FrameType::kCredit, p);
}

void encode(Bytes& out, const Err& f) { frame(out, FrameType::kErr, {f.code}); }

}  // namespace gossip
