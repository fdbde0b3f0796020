// Talk: one engine, and a friend who is the test: every rule of the sync layer from the outside, frame by frame.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "support/network.h"

namespace gossip::test {

// A session with an engine in which the test speaks for the friend.
class Talk {
 public:
  explicit Talk(bool dialled = false, EngineConfig config = {}, Pairing pairing = Pairing::kDone, Desk* desk = nullptr)
      : store(crypto, Hash{}), rng(1), engine(config, store, crypto, rng, desk), dialled_(dialled) {
    now = Now{kSecond, 0};
    engine.handle(now, PeersChanged{{PeerInfo{7, 1, dialled, 0, 0, pairing, pairing == Pairing::kJoining ? next_key : Bytes()}}});
    if (dialled) {
      run();
      now.mono += kSecond;
      run();
    }
    up();
  }

  void up() {
    ++link;
    closed.reset();
    reader = {};
    engine.handle(now, LinkUp{link, 7, 1, dialled_});
    run();
  }
  void hello() {
    Bytes out;
    encode(out, Hello{});
    say(out);
  }
  void say(const Bytes& bytes) {
    engine.handle(now, BytesIn{link, bytes});
    run();
  }
  template <class Frame, class... More>
  void send(const Frame& frame, More... more) {
    Bytes out;
    encode(out, frame, more...);
    say(out);
  }
  void send_seqs(FrameType type, std::vector<Seq> seqs) {
    Bytes out;
    encode(out, type, Seqs{std::move(seqs)});
    say(out);
  }
  void raw(const char* hex) { say(*from_hex(hex)); }
  void pass(Micros span) {
    const Micros end = now.mono + span;
    for (int i = 0; i < 1000; ++i) {
      auto at = engine.next_deadline();
      if (!at || *at > end) break;
      now.mono = std::max(now.mono, *at);
      run();
    }
    now.mono = end;
    run();
  }
  void run() {
    engine.tick(now);
    do engine.flush(now); while (engine.more());
    engine.assert_invariants();
    Action action;
    while (engine.poll(action)) {
      if (auto* s = std::get_if<Send>(&action)) reader.feed(s->bytes), collect();
      if (auto* c = std::get_if<CloseLink>(&action)) closed = c->code;
      if (auto* k = std::get_if<KeyCame>(&action)) came.push_back(*k);
      if (auto* k = std::get_if<KeyTaken>(&action)) taken.push_back(*k);
      if (auto* d = std::get_if<Dial>(&action)) dials.push_back(d->peer);
      if (auto* n = std::get_if<Note>(&action)) notes.push_back(*n);
    }
    if (room) engine.handle(now, Writable{link, 65536});
  }
  void collect() {
    RawFrame f;
    while (reader.next(f) == FrameReader::Got::kFrame) got.emplace_back(f.type, Bytes(f.payload.begin(), f.payload.end()));
  }
  // The next frame of that type, skipping others.
  std::optional<Bytes> next(FrameType type) {
    while (!got.empty()) {
      auto [t, payload] = got.front();
      got.pop_front();
      if (t == static_cast<std::uint8_t>(type)) return payload;
    }
    return std::nullopt;
  }
  int count(FrameType type) const {
    return static_cast<int>(std::count_if(got.begin(), got.end(), [&](auto& f) { return f.first == static_cast<std::uint8_t>(type); }));
  }
  // The friend is served: FETCH from the start, past the first contact.
  void fetch(std::uint64_t credit) {
    send(Fetch{Cursor{}, credit});
    auto head = decode_head(*next(FrameType::kHead));
    EXPECT_EQ(head->status, HeadStatus::kOtherLog);
    log_id = head->log_id;
    send(Fetch{Cursor{log_id, 0, {}}, credit});
    head = decode_head(*next(FrameType::kHead));
    EXPECT_EQ(head->status, HeadStatus::kOk);
  }
  Bytes message(const std::string& text, std::uint64_t created = 0) {
    Message m;
    m.created = created;
    m.salt = rng.array<16>();
    m.sender = "friend";
    m.text = text;
    return encode_message(m);
  }
  HaveEntry entry(Seq seq, const Bytes& m) {
    HaveEntry e{seq, 0, m.size(), {}};
    const Hash id = message_id(crypto, m);
    std::copy_n(id.begin(), 12, e.id12.begin());
    return e;
  }
  // The engine fetches from us: answers its FETCH, with `size` messages to come.
  void serve(Seq size) {
    hello();
    ASSERT_TRUE(next(FrameType::kFetch));
    send(Head{HeadStatus::kOtherLog, theirs, size});
    ASSERT_TRUE(next(FrameType::kFetch));
    send(Head{HeadStatus::kOk, theirs, size});
  }
  void publish(const std::string& text) {
    Message m;
    m.salt = rng.array<16>();
    m.sender = "me";
    m.text = text;
    store.publish(m);
    engine.handle(now, Bell{});
    run();
  }

  const Bytes next_key = Bytes(420, 5);  // of one who joins
  ToyCrypto crypto;
  MemoryStore store;
  TestRng rng;
  Engine engine;
  Now now;
  LinkId link = 0;
  bool dialled_, room = true;
  std::optional<CloseCode> closed;
  std::deque<std::pair<std::uint8_t, Bytes>> got;
  FrameReader reader;
  std::vector<PeerId> dials;
  std::vector<Note> notes;
  std::vector<KeyCame> came;
  std::vector<KeyTaken> taken;
  LogId log_id{};
  LogId theirs{1, 2, 3};
};

}  // namespace gossip::test
