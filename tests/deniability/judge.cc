#include "deniability/judge.h"

#include <cmath>
#include <map>
#include <sstream>

#include "core/wire.h"
#include "gossip/cell.h"
#include "gossip/frame.h"
#include "gossip/message.h"
#include "support/statistics.h"

namespace gossip::test {
namespace {

struct Read {
  std::map<std::string, Bytes> named;
  std::vector<std::pair<char, Bytes>> cells;  // 'I' or 'R'
  std::string fault;
};

Read read(const std::string& transcript) {
  Read out;
  std::istringstream in(transcript);
  std::string line;
  if (!std::getline(in, line) || line != "gossipd/1 transcript") return out.fault = "no transcript", out;
  while (std::getline(in, line)) {
    const auto space = line.find(' ');
    const auto bytes = space == std::string::npos ? std::nullopt : from_hex(std::string_view(line).substr(space + 1));
    const std::string name = line.substr(0, space);
    if (!bytes) return out.fault = "a line that is none", out;
    if (name == "I" || name == "R") out.cells.emplace_back(name[0], *bytes);
    else if (!out.named.emplace(name, *bytes).second) return out.fault = name + " twice", out;
  }
  const std::pair<const char*, std::size_t> wanted[] = {{"x", 32}, {"k_I", 32}, {"M1", kM1}, {"M2", kM2}, {"M3", kM3}};
  for (const auto& [name, size] : wanted)
    if (out.named[name].size() != size) return out.fault = std::string(name) + " is missing, or of a wrong size", out;
  return out;
}

double mean_of(View bytes) {
  double sum = 0;
  for (std::uint8_t byte : bytes) sum += byte;
  return bytes.empty() ? 0 : sum / static_cast<double>(bytes.size());
}

double chi_square(View bytes) {
  ByteCounts counts;
  counts.add(bytes);
  return counts.chi_square();
}

class Look {
 public:
  Look(const Judge& judge, Read read) : j_(judge), in_(std::move(read)), t_(judge.crypto, Secret32{}, Secret32{}) {}
  Finding go() {
    out_.fault = in_.fault;
    for (auto step : {&Look::first, &Look::second, &Look::third, &Look::talk})
      if (out_.fault.empty()) (this->*step)();
    return std::move(out_);
  }

 private:
  View named(const char* name) { return in_.named[name]; }
  void fault(std::string words) { out_.fault = std::move(words); }
  void feature(const std::string& name, double value) { out_.features.emplace_back(name, value); }
  // Bytes that ought to be random, each way in which simple mistakes show.
  void random(const std::string& name, View bytes) {
    feature(name + " first", bytes.front());
    feature(name + " last", bytes.back());
    feature(name + " mean", mean_of(bytes));
    if (bytes.size() >= 1024) feature(name + " chi", chi_square(bytes));
  }

  void first() {
    const Statics s = derive_statics(j_.crypto, psk_of(j_.crypto, j_.network_key), j_.fp_hearer, j_.fp_speaker);
    t_ = Transcript(j_.crypto, s.root, s.h0);
    const View m1 = named("M1"), n_i = m1.first(32), tag = m1.subspan(32, wire::kTag);
    const Hash mac = j_.crypto.hmac(s.tag_key, n_i);
    if (!std::equal(tag.begin(), tag.end(), mac.begin())) return fault("the tag of M1 is not the pair's");
    std::array<std::uint8_t, wire::kB1> b1;
    if (!j_.crypto.open(t_.m1_key(n_i), kZeroNonce, t_.m1_ad(n_i, tag), m1.subspan(48), b1)) return fault("C1 does not open");
    if (!wire::head_fine(b1, wire::kMlKem)) return fault("the head of B1");
    const Hash e_i = j_.crypto.x25519_public(named("x"));
    if (!std::equal(e_i.begin(), e_i.end(), b1.begin() + wire::kHead)) return fault("x does not belong to e_I");
    t_.add(m1);
    random("n_I", n_i);
    random("e_I", e_i);
    random("x", named("x"));
    random("k_I", named("k_I"));
    random("ek_I", View{b1}.subspan(wire::kHead + 32));
    random("M1", m1);
    feature("M1 flags", b1[1]);
  }

  void second() {
    const View m2 = named("M2"), n_r = m2.first(32);
    std::array<std::uint8_t, wire::kB2> b2;
    if (!j_.crypto.open(t_.m2_key(n_r), kZeroNonce, t_.m2_ad(n_r), m2.subspan(32), b2)) return fault("C2 does not open");
    const View b2a = View{b2}.first(wire::kB2a), slot = View{b2}.subspan(wire::kB2a), c_r = slot.first(j_.hearer->size());
    if (!wire::head_fine(b2a, wire::kMlKem)) return fault("the head of B2a");
    Secret32 ee, ss_pq, k_r, other, ones;
    if (!j_.crypto.x25519(named("x"), b2a.subspan(wire::kHead, 32), ee.mut())) return fault("e_R is of low order");
    if (b2a[1] != 0) {
      if (named("ss_pq").size() != 32) return fault("ss_pq is missing, or of a wrong size");
      ss_pq = Secret32(named("ss_pq"));
    }
    std::fill(ones.mut().begin(), ones.mut().end(), std::uint8_t{1});
    const Hash label = t_.label_cr(n_r, b2a);
    j_.hearer->decrypt(c_r, label, Secret32{}, k_r.mut());
    j_.hearer->decrypt(c_r, label, ones, other.mut());
    if (!j_.crypto.equal(k_r, other)) return fault("c_R is not under the hearer's key and the label");
    t_.add(m2);
    t_.mix(ee, ss_pq, k_r);
    random("n_R", n_r);
    random("e_R", b2a.subspan(wire::kHead, 32));
    random("ct", b2a.subspan(wire::kHead + 32));
    random("c_R", c_r);
    random("k_R", k_r);
    if (slot.size() > c_r.size()) random("behind c_R", slot.subspan(c_r.size()));
    random("M2", m2);
    feature("M2 flags", b2a[1]);
  }

  void third() {
    const View m3 = named("M3");
    std::array<std::uint8_t, wire::kB3> b3;
    if (!j_.crypto.open(t_.m3_key(), kZeroNonce, t_.h(), m3, b3)) return fault("C3 does not open");
    if (!wire::all_zero(View{b3}.first(16))) return fault("the zeros of B3");
    t_.add(m3);
    keys_ = t_.finish(named("k_I"));
    random("c_I", View{b3}.subspan(16, j_.hearer->size()));
    if (j_.hearer->size() < wire::kSlot) random("behind c_I", View{b3}.subspan(16 + j_.hearer->size()));
    random("M3", m3);
  }

  void talk() {
    CellOpener openers[] = {{j_.crypto, keys_.i2r}, {j_.crypto, keys_.r2i}};
    Bytes streams[2], all;
    std::map<std::string, double> count;
    double order[2] = {0, 0};  // of the types of cells
    bool ready = false;
    for (const auto& [who, bytes] : in_.cells) {
      const std::size_t side = who == 'R';
      Cell cell;
      if (bytes.size() != kCell || openers[side].open(bytes, cell) != CellOpener::Got::kFine) return fault("a cell does not open");
      if (side == 1 && !ready && (cell.type != CellType::kReady || as_text(cell.data) != kReadyText)) return fault("no READY");
      ready = ready || side == 1;
      ++count[std::string(1, who) + std::to_string(static_cast<int>(cell.type))];
      if (cell.type == CellType::kData) streams[side].insert(streams[side].end(), cell.data.begin(), cell.data.end());
      order[side] = std::fmod(order[side] * 31 + static_cast<int>(cell.type) + 1, 1009);
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    for (const char* who : {"I", "R"})
      for (int type = 0; type <= 6; ++type) feature(std::string("cells ") + who + std::to_string(type), count[who + std::to_string(type)]);
    feature("order I", order[0]);
    feature("order R", order[1]);
    if (!all.empty()) random("cells", all);
    for (std::size_t side = 0; side < 2 && out_.fault.empty(); ++side) frames(side, streams[side]);
    if (out_.fault.empty() && out_.texts.empty()) fault("nothing is said");
  }

  // Ids of logs, positions, salts and times are the speaker's, or whoever's who writes in the speaker's name: of times, what
  // lies between.
  void frames(std::size_t side, View stream) {
    FrameReader reader;
    reader.feed(stream);
    RawFrame frame;
    std::map<int, double> count, size;
    while (reader.next(frame) == FrameReader::Got::kFrame) {
      ++count[frame.type];
      size[frame.type] += static_cast<double>(frame.payload.size());
      if (frame.type != static_cast<std::uint8_t>(FrameType::kBody)) continue;
      const auto body = decode_body(frame.payload);
      Message message;
      if (!body || decode_message(body->message, message) != MessageFault::kNone) return fault("a BODY that is none");
      if (side == 1) out_.texts.push_back(message.text);
    }
    if (reader.buffered() > 0) return fault("part of a frame");
    const std::string who = side == 0 ? "I" : "R";
    for (int type = 1; type <= 8; ++type) {
      feature("frames " + who + std::to_string(type), count[type]);
      feature("bytes " + who + std::to_string(type), size[type]);
    }
    feature("bytes " + who, static_cast<double>(stream.size()));
  }

  const Judge& j_;
  Read in_;
  Transcript t_;
  SessionKeys keys_;
  Finding out_;
};

}  // namespace

Finding look_at(const Judge& judge, const std::string& transcript) { return Look(judge, read(transcript)).go(); }

}  // namespace gossip::test
