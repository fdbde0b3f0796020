// A friend who keeps no rule but the handshake's, against a daemon on 127.0.0.1.
//   abuse-friend break DATABASE PORT [SCENARIO]   one session of each kind (or of one); a line for each
//   abuse-friend knock DATABASE PORT COUNT PAUSE  honest sessions, with so many ms between; a line with the ms until READY for each
// The database is the false friend's own, with one friend in it.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "abuse/session.h"
#include "gossip/message.h"

namespace gossip::attack {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Seq kFar = Seq{1} << 40;

// --- what a friend is served by us, or not

LogId hello(Session& s) {
  const LogId theirs = decode_hello(s.await(FrameType::kHello).payload).value().log_id;
  s.frame(Hello{LogId{7}});
  return theirs;
}
Seq subscribe(Session& s, std::uint64_t credit) {
  s.frame(Fetch{Cursor{hello(s), 0, {}}, credit});
  return decode_head(s.await(FrameType::kHead).payload).value().size;
}
Seqs first(Seq n) {
  Seqs out;
  for (Seq seq = 1; seq <= std::min<Seq>(n, kMaxBatch); ++seq) out.seqs.push_back(seq);
  return out;
}
Seq listed(Session& s) {
  const Seq size = subscribe(s, kMaxCredit);
  Seq upto = 0;
  while (upto < size) {
    const auto have = decode_have(s.await(FrameType::kHave).payload, upto);
    if (!have) throw Over("a bad HAVE");
    upto = have->upto;
  }
  return upto;
}

void wants(Session& s) {
  const Seqs all = first(listed(s));
  Bytes out;
  encode(out, FrameType::kWant, all);
  for (int i = 0; i < 3000; ++i) s.stream(out);
}
void wants_too_far(Session& s) {
  s.frame(FrameType::kWant, Seqs{{listed(s) + 1}});
  for (;;) s.next();
}
void fetches(Session& s) {
  const LogId log = hello(s);
  Bytes out;
  for (int i = 0; i < 20'000; ++i) encode(out, Fetch{Cursor{i % 2 ? log : LogId{}, 0, {}}, kMaxCredit});
  s.stream(out);
}
void credits(Session& s) {
  subscribe(s, 1);
  Bytes out;
  for (int i = 0; i < 20'000; ++i) encode(out, Credit{0, ~std::uint64_t{0}});
  s.stream(out);
}
void acks_too_far(Session& s) {
  subscribe(s, 1);
  s.frame(Credit{kFar, 1});
  for (;;) s.next();
}
void greedy(Session& s) {
  const Seqs all = first(listed(s));
  s.frame(FrameType::kWant, all);
  s.stand(milliseconds(2000));
}
void oversize(Session& s) {
  hello(s);
  s.stream(*from_hex("06ffffffffffffffff7f"));
  for (;;) s.next();
}
void partial(Session& s) {
  hello(s);
  Bytes out = *from_hex("0680808044");  // BODY of 1 MiB and 64 KiB
  out.resize(1'000'000, 1);
  s.stream(out);
  s.stand(milliseconds(2000));
}
void ignored(Session& s) {
  hello(s);
  Bytes out = *from_hex("f0808080808001");
  out.resize(4'000'000);
  s.stream(out);
}
void unknown(Session& s) {
  hello(s);
  s.stream(*from_hex("2a00"));
  for (;;) s.next();
}
void early(Session& s) {
  s.frame(Credit{1, 1});
  for (;;) s.next();
}
void twice(Session& s) {
  hello(s);
  s.frame(Hello{});
  for (;;) s.next();
}
void mute(Session& s) { s.stand(milliseconds(2000)); }
void gone_at_once(Session& s) { s.cell(CellType::kClose, std::array<std::uint8_t, 1>{0}); }
void errs(Session& s) {
  hello(s);
  for (int i = 0; i < 5000; ++i) s.frame(Err{1});
}

// --- cells

void pings(Session& s) {
  for (int i = 0; i < 20'000; ++i) s.cell(CellType::kPing, std::array<std::uint8_t, 32>{});
}
void rekeys(Session& s) {
  for (int i = 0; i < 20'000; ++i) s.cell(CellType::kRekey);
}
void pads(Session& s) {
  for (int i = 0; i < 20'000; ++i) s.cell(CellType::kPad);
}
void second_ready(Session& s) {
  s.cell(CellType::kReady, as_view(kReadyText));
  for (;;) s.next();
}
void forged(Session& s) {
  std::array<std::uint8_t, kCell> noise;
  s.world().rng->fill(noise);
  s.raw(noise);
  s.stand(kPatience);
}
void noise(Session& s) {
  for (int i = 0; i < 2000; ++i) s.stream(s.world().rng->array<kCellData>());
}

// --- what we serve, or not: the daemon fetches over our session, for it has none of its own

// Gives where the daemon has read to.
Seq serve(Session& s) {
  s.patience = milliseconds(9000);  // after 5 s
  hello(s);
  Fetch fetch = decode_fetch(s.await(FrameType::kFetch).payload).value();
  if (fetch.cursor.log_id != LogId{7}) {
    s.frame(Head{HeadStatus::kOtherLog, {7}, kFar});
    fetch = decode_fetch(s.await(FrameType::kFetch).payload).value();
  }
  s.frame(Head{HeadStatus::kOk, {7}, kFar});
  s.patience = kPatience;
  return fetch.cursor.seq;
}
Have invented(Session& s, Seq base, std::size_t n) {
  Have have;
  for (std::size_t i = 0; i < n; ++i) {
    HaveEntry entry{++base, 20'000, 300, {}};
    s.world().rng->fill(entry.id12);
    have.entries.push_back(entry);
  }
  have.upto = base;
  have.tag = {1};
  return have;
}
void lies(Session& s) {
  const Seq base = serve(s);
  s.frame(invented(s, base, 100), base);
  const Seqs want = decode_seqs(s.await(FrameType::kWant).payload).value();
  const Bytes body(300, 1);
  for (Seq seq : want.seqs) s.frame(Body{seq, body});
}
void endless(Session& s) {
  for (Seq base = serve(s);; base += kMaxBatch) s.frame(invented(s, base, kMaxBatch), base);
}
void never_given(Session& s) {
  Seq base = serve(s);
  for (int i = 0; i < 8; ++i, base += kMaxBatch) s.frame(invented(s, base, kMaxBatch), base);
  s.stand(milliseconds(2000));
}
void unasked(Session& s) {
  serve(s);
  const Bytes body(300, 1);
  s.frame(Body{5, body});
  for (;;) s.next();
}
void gones(Session& s) {
  Seq base = serve(s);
  for (int i = 0; i < 400; ++i, base += 256) {
    s.frame(invented(s, base, 256), base);
    for (std::size_t due = 256; due > 0;) {
      const Seqs want = decode_seqs(s.await(FrameType::kWant).payload).value();
      s.frame(FrameType::kGone, want);
      due -= std::min(due, want.seqs.size());
    }
  }
}
void refused(Session& s) {
  Seq base = serve(s);
  Message m;
  m.kind = 200;
  m.payload = Bytes(200, 1);
  const Bytes body = encode_message(m);
  const Hash id = message_id(*s.world().crypto, body);
  for (int i = 0; i < 2000; ++i, ++base) {
    Have have;
    have.entries.push_back({base + 1, 0, body.size(), front_of(id)});
    have.upto = base + 1;
    have.tag = {1};
    s.frame(have, base);
    s.await(FrameType::kWant);
    s.frame(Body{base + 1, body});
  }
}
void backwards(Session& s) {
  const Seq base = serve(s);
  Have have = invented(s, base, 4);
  have.upto = kFar + 1;
  s.frame(have, base);
  for (;;) s.next();
}

struct Scenario {
  const char* name;
  void (*run)(Session&);
};
constexpr Scenario kScenarios[] = {
    {"wants", wants}, {"wants-too-far", wants_too_far}, {"fetches", fetches}, {"credits", credits}, {"acks-too-far", acks_too_far},
    {"greedy", greedy}, {"oversize", oversize}, {"partial", partial}, {"ignored", ignored}, {"unknown", unknown}, {"early", early},
    {"twice", twice}, {"mute", mute}, {"gone-at-once", gone_at_once}, {"errs", errs}, {"pings", pings}, {"rekeys", rekeys}, {"pads", pads},
    {"second-ready", second_ready}, {"forged", forged}, {"noise", noise}, {"lies", lies}, {"endless", endless},
    {"never-given", never_given}, {"unasked", unasked}, {"gones", gones}, {"refused", refused}, {"backwards", backwards},
};

int break_rules(World& world, int port, std::string_view only) {
  int admitted = 0;
  for (const Scenario& scenario : kScenarios) {
    if (!only.empty() && only != scenario.name) continue;
    std::string end = "still open";
    std::size_t cells = 0;
    try {
      Session session(world, port);
      ++admitted;
      try {
        scenario.run(session);
      } catch (const Over& over) { end = over.what(); }
      cells = session.cells;
    } catch (const Over& over) { end = std::string("not admitted: ") + over.what(); }
    std::printf("%s: %zu cells, %s\n", scenario.name, cells, end.c_str());
    std::fflush(stdout);
  }
  return admitted > 0 ? 0 : 1;
}

int knock(World& world, int port, int count, int pause_ms) {
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    std::optional<Session> session;
    while (!session) {  // put out for another caller: at once again
      try {
        session.emplace(world, port);
      } catch (const Over&) {
        if (Clock::now() - start > 4 * kPatience) throw;
      }
    }
    std::printf("%.1f\n", std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    std::fflush(stdout);
    session->cell(CellType::kClose, std::array<std::uint8_t, 1>{0});
    ::poll(nullptr, 0, pause_ms);
  }
  return 0;
}

int run(int argc, char** argv) {
  if (argc < 4) return 2;
  World world(argv[2]);
  const int port = std::atoi(argv[3]);
  if (std::string_view(argv[1]) == "knock" && argc == 6) return knock(world, port, std::atoi(argv[4]), std::atoi(argv[5]));
  return break_rules(world, port, argc > 4 ? argv[4] : "");
}

}  // namespace
}  // namespace gossip::attack

int main(int argc, char** argv) {
  try {
    return gossip::attack::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "abuse-friend: %s\n", error.what());
    return 1;
  }
}
