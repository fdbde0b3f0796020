// Frames: what the byte stream inside the DATA cells carries (gossip(7), FRAMES).
//   frame := type u8 | length LEB128 | payload
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gossip/bytes.h"
#include "gossip/limits.h"
#include "gossip/ports.h"

namespace gossip {

enum class FrameType : std::uint8_t {
  kHello = 0x01, kFetch = 0x02, kHead = 0x03, kHave = 0x04, kWant = 0x05, kBody = 0x06, kGone = 0x07, kCredit = 0x08, kKey = 0x09,
  kErr = 0x3e,
};
constexpr std::uint8_t kIgnorableFrom = 0x80;  // unknown types from here on are skipped

enum class HeadStatus : std::uint8_t { kOk = 0, kOtherLog = 1, kMismatch = 2 };

// Codes of CLOSE cells and ERR frames.
enum class CloseCode : std::uint8_t { kNormal = 0, kProtocolError = 1, kReplaced = 2, kShutdown = 3, kBusy = 4 };

struct Hello { LogId log_id{}; };
struct Fetch { Cursor cursor; std::uint64_t credit = 0; };
struct Head { HeadStatus status = HeadStatus::kOk; LogId log_id{}; Seq size = 0; };
struct HaveEntry { Seq seq = 0; std::uint64_t epoch = 0; std::uint64_t size = 0; Id12 id12{}; };
struct Have { std::vector<HaveEntry> entries; Seq upto = 0; Tag tag{}; };
struct Seqs { std::vector<Seq> seqs; };  // of WANT and GONE, strictly ascending
struct Body { Seq seq = 0; View message; };  // points into the frame
struct Credit { Seq ack = 0; std::uint64_t more = 0; };
struct Key { View key; };  // points into the frame; from the invited an SPKI DER, from the inviter its fingerprint
struct Err { std::uint8_t code = 1; };

// A whole frame as it came: the payload lives until the next call to FrameReader. Of a type that may be ignored it is left out.
struct RawFrame { std::uint8_t type = 0; View payload; };

// Cuts a byte stream into frames, holding at most one partial frame. kBad is for ever.
class FrameReader {
 public:
  enum class Got { kFrame, kMore, kBad };  // kBad: a length that is not minimal, or that no frame of its type can have
  void feed(View bytes);  // REQUIRES them to live until next() has given kMore or kBad: a whole frame is handed out where it lies
  Got next(RawFrame& out);
  std::size_t body_pending() const;         // length of the BODY frame that is partly here, or 0
  std::optional<Seq> body_begun() const;    // and its seq, as soon as that is here
  std::size_t buffered() const { return kept_ ? buffer_.size() : input_.size(); }

 private:
  void keep();
  void skip();
  Bytes buffer_;
  View input_;              // not handed out yet: in buffer_, or where the caller has it
  bool kept_ = false;       // buffer_ holds the beginning of a frame, and nothing else is here
  std::uint64_t skip_ = 0;  // of a frame that is ignored, still to come
  bool bad_ = false;
};

// Strict decoders of payloads: nothing when a byte is missing, left over or out of range. `base` is what the first dseq of a
// HAVE counts from. They allocate no more than the payload's own size allows.
std::optional<Hello> decode_hello(View payload);
std::optional<Fetch> decode_fetch(View payload);
std::optional<Head> decode_head(View payload);
std::optional<Have> decode_have(View payload, Seq base);
std::optional<Seqs> decode_seqs(View payload);
std::optional<Body> decode_body(View payload);
std::optional<Credit> decode_credit(View payload);
std::optional<Key> decode_key(View payload);
std::optional<Err> decode_err(View payload);

// Each appends one whole frame.
void encode(Bytes& out, const Hello& frame);
void encode(Bytes& out, const Fetch& frame);
void encode(Bytes& out, const Head& frame);
void encode(Bytes& out, const Have& frame, Seq base);
void encode(Bytes& out, FrameType type, const Seqs& frame);  // kWant or kGone
void encode(Bytes& out, const Body& frame);
void encode(Bytes& out, const Credit& frame);
void encode(Bytes& out, const Key& frame);
void encode(Bytes& out, const Err& frame);

}  // namespace gossip
