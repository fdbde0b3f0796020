// The engine and a hostile friend, who is authenticated and says what he likes: the engine keeps its books, answers only what was
// asked, lists only within credit, never stores what does not hash right, and each byte costs it a bounded amount of work.
#include <malloc.h>

#include <cstdlib>
#include <map>
#include <new>
#include <set>

#include "gossip/check.h"
#include "gossip/engine.h"
#include "gossip/frame.h"
#include "gossip/pair.h"
#include "support/fuzz_input.h"
#include "support/memory_store.h"
#include "support/toy_crypto.h"

using namespace gossip;
using namespace gossip::test;

namespace {

// What one event and turn may cost: for each byte that came or went, and besides. Far above what honest friends need, and no
// more than a small multiple of what a hostile one has to send for it.
constexpr std::uint64_t kReadsPerByte = 2, kReadsPerTurn = 64 + 2 * kMaxBatch;  // of the store: calls, and rows given, which come in pages
constexpr std::uint64_t kAllocationsPerByte = 8, kAllocationsPerTurn = 512;
constexpr std::uint64_t kHeldPerByte = 16, kHeldBesides = 256 * 1024;        // memory, of all that ever came; the tail of our log

struct Memory {
  std::uint64_t made = 0, held = 0;  // allocations so far; bytes not freed
};
Memory memory;

class CountingStore : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  std::uint64_t reads = 0;
  bool held(std::uint64_t epoch, const Id12& id12) override { return ++reads, MemoryStore::held(epoch, id12); }
  std::size_t rows(Seq after, std::span<LogRow> out) override {
    const std::size_t n = MemoryStore::rows(after, out);
    reads += 1 + n;
    return n;
  }
  bool body(Seq seq, Bytes& message) override { return ++reads, MemoryStore::body(seq, message); }
  Hash chain(Seq seq) override { return ++reads, MemoryStore::chain(seq); }
  Cursor cursor(PeerId peer, std::uint64_t gen) override { return ++reads, MemoryStore::cursor(peer, gen); }
};

class Hostile {
 public:
  explicit Hostile(Feed& feed) : feed_(feed), rng_(3), store_(crypto_, Hash{1}), engine_(EngineConfig{}, store_, crypto_, rng_) {
    const std::uint8_t begin = feed_.u8();
    if (begin >= 240) pairing_ = begin % 2 ? Pairing::kInvited : Pairing::kJoining;
    for (int i = begin % 40; i > 0; --i) publish(static_cast<std::size_t>(i));
    const Bytes next_key(pairing_ == Pairing::kJoining ? 420 : 0, 5);
    if (!next_key.empty()) next_fp_ = fingerprint(crypto_, next_key);
    engine_.handle(now_, PeersChanged{{{kFriend, 1, true, 0, 0, pairing_, next_key}, {kOther, 1, false, 0}}});
    up();
  }

  void run() {
    for (int i = 0; i < 400 && !feed_.done(); ++i) {
      step();
      if (feed_.u8() % 8) turn();  // else several things at once, or the end in the middle of one
      account();
    }
    for (const LogRow& row : store_.disk.rows) {
      Bytes body;
      GOSSIP_CHECK(store_.body(row.seq, body) && message_id(crypto_, body) == row.id);
    }
  }

 private:
  static constexpr PeerId kFriend = 1, kOther = 2;

  void publish(std::size_t n) {
    Message m;
    m.created = created_at(1'700'000'000'000, static_cast<std::uint16_t>(n));
    m.salt = rng_.array<16>();
    m.sender = "me";
    m.text = std::string(1 + n % 300, 'm');
    store_.publish(m);
  }
  void up() {
    ++link_;
    linked_ = true;
    keys_ = 0;
    reader_ = FrameReader();
    wanted_.clear();
    credit_ = 0;
    base_ = listed_ = 0;
    asked_.clear();
    said_ = FrameReader();
    engine_.handle(now_, LinkUp{link_, kFriend, 1, feed_.u8() % 2 == 0});
    LogId id{7};
    Bytes hello;
    encode(hello, Hello{id});
    give(hello);
  }
  void give(View bytes) {
    if (!linked_) return;
    moved_ += bytes.size();
    in_ += bytes.size();
    const std::uint64_t before = memory.held;
    said_.feed(bytes);
    for (RawFrame frame; said_.next(frame) == FrameReader::Got::kFrame;) note(frame);
    held_at_start_ += memory.held - before;  // our books are not the engine's
    engine_.handle(now_, BytesIn{link_, bytes});
  }
  // What the engine may do now. Bytes at random can be frames as well, so it is read off what was said.
  void note(const RawFrame& frame) {
    const auto type = static_cast<FrameType>(frame.type);
    if (const auto f = decode_fetch(frame.payload); f && type == FrameType::kFetch) {
      credit_ = std::min(f->credit, kMaxCredit);
      wanted_.clear();
      listed_ = f->cursor.seq;
    } else if (const auto c = decode_credit(frame.payload); c && type == FrameType::kCredit) {
      credit_ = c->more > kMaxCredit - credit_ ? kMaxCredit : credit_ + c->more;
    } else if (const auto w = decode_seqs(frame.payload); w && type == FrameType::kWant) {
      wanted_.insert(w->seqs.begin(), w->seqs.end());
    } else if (const auto h = decode_have(frame.payload, base_); h && type == FrameType::kHave) {
      for (const HaveEntry& e : h->entries) mine_.try_emplace(e.seq);
      base_ = h->upto;
    }
  }
  template <class... Frame>
  void give_frame(const Frame&... frame) {
    Bytes out;
    encode(out, frame...);
    give(out);
  }

  void step() {
    switch (feed_.u8() % 14) {
      case 0: pairing_ == Pairing::kDone ? give(feed_.chunk()) : key(); break;
      case 1: fetch(); break;
      case 2: give_frame(Head{static_cast<HeadStatus>(feed_.u8() % 3), {7}, feed_.any_size()}); break;
      case 3: have(); break;
      case 4: body(); break;
      case 5: gone(); break;
      case 6: want(); break;
      case 7: {
        const std::uint64_t more = feed_.any_size();
        give_frame(Credit{feed_.number(1), more});
        break;
      }
      case 8: now_.mono += static_cast<Micros>(feed_.number(2)) * 10 * kMillisecond; break;
      case 9: engine_.handle(now_, Writable{link_, feed_.number(2)}); break;
      case 10: {
        const std::uint64_t before = memory.held;
        publish(store_.disk.rows.size());
        held_at_start_ += memory.held - before;  // the store's
        engine_.handle(now_, Bell{});
        break;
      }
      case 11: store_.fail_commits = feed_.u8() % 3; break;
      case 12: down(); break;
      default: engine_.handle(now_, Sibling{kFriend, feed_.u8() % 2 == 0});
    }
    if (!linked_ && feed_.u8() % 2) up();
  }
  void down() {
    if (linked_) engine_.handle(now_, LinkDown{link_, End::kAbnormal});
    linked_ = false;
  }
  void fetch() {
    Fetch f;
    f.cursor.log_id = feed_.u8() % 4 ? served_log_ : LogId{};
    f.cursor.seq = feed_.u8() % 4 ? 0 : feed_.number(1);
    f.credit = feed_.any_size();
    give_frame(f);
  }
  void have() {
    Have h;
    Seq at = base_;
    for (int n = feed_.u8() % 8; n > 0; --n) {
      Message m;
      m.kind = feed_.u8() % 4 ? 0 : feed_.u8();
      m.created = feed_.any_size();
      m.salt[0] = feed_.u8();
      m.sender = "him";
      m.text = std::string(1 + feed_.u8(), 'h');
      if (m.kind) m.payload = {1, 2, 3};
      Bytes bytes = encode_message(m);
      const Hash id = message_id(crypto_, bytes);
      HaveEntry e{at += 1 + feed_.u8() % 3, epoch_of(m.created), bytes.size(), {}};
      e.epoch += feed_.u8() % 16 == 0;
      e.size += feed_.u8() % 16 == 0;
      std::copy_n(id.begin(), e.id12.size(), e.id12.begin());
      h.entries.push_back(e);
      mine_[e.seq] = std::move(bytes);
    }
    h.upto = at + feed_.u8() % 3;
    h.tag = {1};
    give_frame(h, base_);
  }
  void body() {
    Seq seq = asked_.empty() || feed_.u8() % 8 == 0 ? feed_.number(1) : *asked_.begin();
    if (seq == 0) seq = 1;
    asked_.erase(seq);
    Bytes bytes = mine_[seq];
    if (feed_.u8() % 8 == 0 && !bytes.empty()) bytes[feed_.number(2) % bytes.size()] ^= feed_.u8();
    give_frame(Body{seq, bytes});
  }
  void gone() {
    Seqs g;
    if (!asked_.empty() && feed_.u8() % 4) g.seqs.push_back(*asked_.begin());
    else g.seqs.push_back(1 + feed_.u8());
    asked_.erase(g.seqs[0]);
    give_frame(FrameType::kGone, g);
  }
  void key() {
    const View any = feed_.chunk();
    const bool right = feed_.u8() % 2;
    if (right || any.empty() || any.size() > kMaxKey) give_frame(Key{next_fp_});
    else give_frame(Key{any});
  }
  // Whether and how it is stored is the driver's word.
  void judge(const KeyCame& came) {
    GOSSIP_CHECK(pairing_ == Pairing::kInvited && came.peer == kFriend && came.gen == 1 && ++keys_ == 1);
    const std::uint8_t how = feed_.u8() % 4;
    if (how == 3) return;  // not yet
    engine_.handle(now_, KeyJudged{came.link, how == 0 ? std::optional(next_fp_) : std::nullopt, how == 1});
  }
  void want() {
    Seqs w;
    for (Seq seq = 0, n = feed_.u8() % 5; n > 0; --n) w.seqs.push_back(seq += 1 + feed_.u8() % 4);
    give_frame(FrameType::kWant, w);
  }

  void turn() {
    engine_.tick(now_);
    do engine_.flush(now_); while (engine_.more());
    engine_.assert_invariants();
    for (Action action; engine_.poll(action);) {
      if (auto* send = std::get_if<Send>(&action)) heard(*send);
      if (auto* came = std::get_if<KeyCame>(&action)) judge(*came);
      if (auto* taken = std::get_if<KeyTaken>(&action)) GOSSIP_CHECK(pairing_ == Pairing::kJoining && taken->peer == kFriend);
      if (auto* closed = std::get_if<CloseLink>(&action); closed && closed->link == link_) linked_ = false;
      if (auto* dial = std::get_if<Dial>(&action)) engine_.handle(now_, DialFailed{dial->peer, Why::kRefused});
    }
    if (auto deadline = engine_.next_deadline(); deadline && store_.fail_commits == 0) {
      engine_.tick(now_);
      do engine_.flush(now_); while (engine_.more());
      Action more;
      while (engine_.poll(more)) if (auto* send = std::get_if<Send>(&more)) heard(*send);
    }
  }
  // Work since the last time, against what came and went since then.
  void account() {
    GOSSIP_CHECK(store_.reads <= kReadsPerByte * moved_ + kReadsPerTurn);
    GOSSIP_CHECK(memory.made - made_ <= kAllocationsPerByte * moved_ + kAllocationsPerTurn);
    GOSSIP_CHECK(memory.held <= held_at_start_ + kHeldPerByte * in_ + kHeldBesides);
    store_.reads = moved_ = 0;
    made_ = memory.made;
  }
  // What the engine says must be lawful too.
  void heard(const Send& send) {
    moved_ += send.bytes.size();
    if (send.link != link_) return;
    reader_.feed(send.bytes);
    RawFrame frame;
    FrameReader::Got got;
    while ((got = reader_.next(frame)) == FrameReader::Got::kFrame) lawful(frame);
    GOSSIP_CHECK(got == FrameReader::Got::kMore);
  }
  void lawful(const RawFrame& frame) {
    const auto type = static_cast<FrameType>(frame.type);
    const bool first = type == FrameType::kHello || type == FrameType::kErr;
    GOSSIP_CHECK(first || (type == FrameType::kKey) == (pairing_ != Pairing::kDone));  // by invitation nothing else is said
    switch (type) {
      case FrameType::kHello: served_log_ = decode_hello(frame.payload).value().log_id; break;
      case FrameType::kFetch: base_ = decode_fetch(frame.payload).value().cursor.seq; asked_.clear(); break;
      case FrameType::kHead: GOSSIP_CHECK(decode_head(frame.payload).value().size <= store_.size()); break;
      case FrameType::kHave: {
        const Have h = decode_have(frame.payload, listed_).value();
        GOSSIP_CHECK(h.entries.size() <= credit_ && h.upto <= store_.size());  // I5, I7
        credit_ -= h.entries.size();
        listed_ = h.upto;
        break;
      }
      case FrameType::kWant: {
        const Seqs w = decode_seqs(frame.payload).value();
        for (Seq seq : w.seqs) GOSSIP_CHECK(mine_.count(seq));
        asked_.insert(w.seqs.begin(), w.seqs.end());
        break;
      }
      case FrameType::kBody: {
        const Body b = decode_body(frame.payload).value();
        GOSSIP_CHECK(wanted_.count(b.seq));  // I6
        Bytes held;
        GOSSIP_CHECK(store_.body(b.seq, held) && std::equal(held.begin(), held.end(), b.message.begin(), b.message.end()));
        break;
      }
      case FrameType::kGone: GOSSIP_CHECK(decode_seqs(frame.payload).has_value()); break;
      case FrameType::kCredit: GOSSIP_CHECK(decode_credit(frame.payload).has_value()); break;
      case FrameType::kKey: GOSSIP_CHECK(decode_key(frame.payload).has_value()); break;
      case FrameType::kErr: GOSSIP_CHECK(decode_err(frame.payload).has_value()); break;
      default: GOSSIP_CHECK(false);
    }
  }

  Feed& feed_;
  ToyCrypto crypto_;
  FixedRng rng_;
  CountingStore store_;
  Engine engine_;
  Now now_{kHour, 1'700'000'000'000};
  LinkId link_ = 0;
  Pairing pairing_ = Pairing::kDone;
  Hash next_fp_{6};
  int keys_ = 0;  // of this link, that came
  bool linked_ = false;
  FrameReader reader_, said_;      // what it says, and what is said to it
  LogId served_log_{};
  std::set<Seq> wanted_, asked_;   // asked of the engine; by the engine
  std::uint64_t credit_ = 0;
  Seq base_ = 0, listed_ = 0;
  std::map<Seq, Bytes> mine_;      // what the friend pretends to have
  std::uint64_t moved_ = 0, in_ = 0;  // bytes either way since account(), and all that came
  std::uint64_t made_ = memory.made, held_at_start_ = memory.held;
};

}  // namespace

// A sanitizer has an allocator of its own: there only the store is counted.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GOSSIP_OWN_ALLOCATOR 0
#endif
#endif
#if !defined(GOSSIP_OWN_ALLOCATOR) && !defined(__SANITIZE_ADDRESS__)
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* at = std::malloc(size);
  if (at == nullptr) throw std::bad_alloc();
  ++memory.made;
  memory.held += malloc_usable_size(at);
  return at;
}
[[gnu::noinline]] void operator delete(void* at) noexcept {
  memory.held -= malloc_usable_size(at);
  std::free(at);
}
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { operator delete(at); }
#endif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Feed feed(data, size);
  Hostile(feed).run();
  return 0;
}
