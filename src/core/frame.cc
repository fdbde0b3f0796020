#include "gossip/frame.h"

#include <algorithm>

#include "gossip/check.h"

namespace gossip {

// --- cutting the stream

constexpr std::size_t kKeepCapacity = 64 * 1024;  // what a long frame needed is given back
constexpr std::size_t kLeb = 10;                  // the longest number

// What no frame of the type can pass, so that nobody makes us hold more on a promise.
static std::size_t longest(std::uint8_t type) {
  switch (static_cast<FrameType>(type)) {
    case FrameType::kHello: return 1 + kLeb + 16;
    case FrameType::kFetch: return 16 + kLeb + 8 + kLeb;
    case FrameType::kHead: return 1 + 16 + kLeb;
    case FrameType::kHave: return 2 + kMaxBatch * (3 * kLeb + 12) + kLeb + 8;
    case FrameType::kWant:
    case FrameType::kGone: return 2 + kMaxBatch * kLeb;
    case FrameType::kBody: return kMaxFrame;
    case FrameType::kCredit: return 2 * kLeb;
    case FrameType::kKey: return kMaxKey;
    case FrameType::kErr: return 1;
  }
  return type >= kIgnorableFrom ? kMaxFrame : 0;
}

void FrameReader::feed(View bytes) {
  if (bad_) return;
  if (!kept_ && !input_.empty()) keep();
  if (!kept_) {
    buffer_.clear();
    if (buffer_.capacity() > kKeepCapacity) buffer_ = Bytes();
    input_ = bytes;
    return;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  input_ = buffer_;
  kept_ = false;
}

void FrameReader::keep() {
  const bool inside = input_.data() >= buffer_.data() && input_.data() < buffer_.data() + buffer_.size();
  if (inside) {
    buffer_.erase(buffer_.begin(), buffer_.end() - static_cast<std::ptrdiff_t>(input_.size()));
  } else {
    buffer_.assign(input_.begin(), input_.end());
  }
  kept_ = !input_.empty();
  if (!kept_ && buffer_.capacity() > kKeepCapacity) buffer_ = Bytes();
  input_ = {};
}

void FrameReader::skip() {
  const std::size_t here = std::min<std::uint64_t>(skip_, input_.size());
  skip_ -= here;
  input_ = input_.subspan(here);
}

FrameReader::Got FrameReader::next(RawFrame& out) {
  if (bad_) return Got::kBad;
  if (kept_) return Got::kMore;
  skip();
  auto more = [&] {
    keep();
    return Got::kMore;
  };
  if (input_.size() < 2) return more();
  std::size_t digits = 1;
  while (digits < input_.size() && digits <= 4 && input_[digits] >= 0x80) ++digits;
  if (digits <= 4 && digits == input_.size()) return more();
  Reader reader(input_);
  out.type = reader.u8();
  const std::uint64_t length = reader.leb128();
  if (!reader.ok() || length > longest(out.type)) {
    *this = {};
    bad_ = true;
    return Got::kBad;
  }
  const bool ignored = out.type >= kIgnorableFrom;
  if (!ignored && reader.left() < length) return more();
  out.payload = ignored ? View() : reader.take(length);
  input_ = input_.last(reader.left());
  if (ignored) skip_ = length;
  skip();
  return Got::kFrame;
}

std::size_t FrameReader::body_pending() const {
  Reader r(kept_ ? View(buffer_) : input_);
  bool body = r.u8() == static_cast<std::uint8_t>(FrameType::kBody);
  std::uint64_t length = r.leb128();
  return body && r.ok() ? length : 0;
}

std::optional<Seq> FrameReader::body_begun() const {
  Reader r(kept_ ? View(buffer_) : input_);
  if (r.u8() != static_cast<std::uint8_t>(FrameType::kBody)) return std::nullopt;
  r.leb128();
  const Seq seq = r.leb128();
  if (!r.ok()) return std::nullopt;
  return seq;
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

std::optional<Key> decode_key(View payload) {
  if (payload.empty() || payload.size() > kMaxKey) return std::nullopt;
  return Key{payload};
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
  out.push_back(0);  // the length, where it is as short as most are
  Writer w(out);
  payload(w);
  const std::size_t size = out.size() - start - 1;
  if (size < 0x80) {
    out[start] = static_cast<std::uint8_t>(size);
    return;
  }
  Bytes length;
  Writer(length).leb128(size);
  out[start] = length.front();
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(start) + 1, length.begin() + 1, length.end());
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

void encode(Bytes& out, const Key& f) {
  GOSSIP_CHECK(!f.key.empty() && f.key.size() <= kMaxKey);
  frame(out, FrameType::kKey, [&](Writer& w) { w.bytes(f.key); });
}

void encode(Bytes& out, const Err& f) {
  frame(out, FrameType::kErr, [&](Writer& w) { w.u8(f.code); });
}

}  // namespace gossip
