// Memory runs out in one step of a worker: what a friend sent is heard, stored with the cursor, noted, and carried over. The process
// is lost, and started again: nothing is there by half, and all of it comes.
#include <gtest/gtest.h>

#include <new>

#include "db/checkpoint.h"
#include "faults.h"
#include "gossip/engine.h"
#include "gossipd/chronicle.h"
#include "starve.h"
#include "support/memory_store.h"
#include "support/test_rng.h"

namespace gossip::test {
namespace {

constexpr LinkId kLink = 1;
constexpr std::size_t kMessages = 40;

// Our own side, as a process of gossipd has it.
struct Ours {
  Ours(const std::string& path, Crypto& crypto, Rng& rng)
      : db(db::open_store(path, {})),
        log(db, crypto, db::test::fixed_clock),
        chronicle(db, 0),
        checkpointer(path),
        engine(EngineConfig{}, log, crypto, rng) {}
  db::Database db;
  db::Log log;
  daemon::Chronicle chronicle;
  db::Checkpointer checkpointer;
  Engine engine;
};

class StarvedWorker : public FaultsTest {
 protected:
  StarvedWorker() : theirs_(crypto_, Hash{}) {
    for (std::size_t i = 0; i < kMessages; ++i) theirs_.publish(db::test::hearsay(std::to_string(i) + std::string(100, 'x')));
  }

  void fresh() {
    clear();
    db::Database db = open();
    db::add_key(db, Bytes(4, 1), db::test::filled(1));
    ASSERT_EQ(db::add_peer(db, "bob"), db::Change::kDone);
    bob_ = db::find_peer(db, "bob")->id;
  }

  // What an engine has to say; the last of it that is long enough to be the messages themselves is kept apart.
  Bytes said_by(Engine& engine) {
    engine.tick(now_);
    do engine.flush(now_);
    while (engine.more());
    Bytes out;
    for (Action action; engine.poll(action);)
      if (const Send* send = std::get_if<Send>(&action)) out.insert(out.end(), send->bytes.begin(), send->bytes.end());
    return out;
  }

  // Two engines talk, until the friend sends the messages: these.
  Bytes talk(Ours& ours) {
    friend_ = std::make_unique<Engine>(EngineConfig{}, theirs_, crypto_, rng_);
    for (auto [engine, peer, dialled] : {std::tuple{&ours.engine, bob_, true}, {friend_.get(), PeerId{9}, false}}) {
      engine->handle(now_, PeersChanged{{PeerInfo{peer, 1, true, 0}}});
      engine->handle(now_, LinkUp{kLink, peer, 1, dialled});
      engine->handle(now_, Writable{kLink, 1 << 20});
    }
    for (int i = 0; i < 100; ++i) {
      if (const Bytes said = said_by(ours.engine); !said.empty()) friend_->handle(now_, BytesIn{kLink, said});
      Bytes said = said_by(*friend_);
      if (said.size() > kMessages * 64) return said;
      if (!said.empty()) ours.engine.handle(now_, BytesIn{kLink, said});
      now_.mono += kSecond / 10;
    }
    ADD_FAILURE() << "no message came";
    return {};
  }

  void step(Ours& ours, const Bytes& said) {
    ours.log.refresh();
    ours.engine.handle(now_, BytesIn{kLink, said});
    now_.mono += kSecond;
    said_by(ours.engine);
    ours.chronicle.note(now_, Note{bob_, true, Health::kUp, Why::kNone});
    ours.chronicle.count(ours.engine.stats());
    ours.chronicle.run(now_);
    ours.checkpointer.run();
  }

  // How many messages are there, all or none of what came at once, and the cursor with them.
  std::int64_t look() {
    db::Database db = open();
    EXPECT_EQ(db::test::words(db, "PRAGMA integrity_check"), "ok");
    db::Log log(db, crypto_, db::test::fixed_clock);
    EXPECT_EQ(db::test::number(db, "SELECT count(*) FROM body"), static_cast<std::int64_t>(log.size()));
    EXPECT_LE(log.cursor(bob_, 1).seq, log.size());
    return static_cast<std::int64_t>(log.size());
  }

  // False when the step has no call that late.
  bool live(std::uint64_t call, bool and_after) {
    fresh();
    rng_ = TestRng(1);
    bool struck = false;
    {
      Ours ours(path_, crypto_, rng_);
      const Bytes said = talk(ours);
      starve_at(call, and_after);
      try {
        step(ours, said);
      } catch (const std::bad_alloc&) {
        ++surfaced_;
      }
      struck = feed();
    }
    const std::int64_t there = look();
    EXPECT_TRUE(there == 0 || there == kMessages) << there;
    {
      Ours ours(path_, crypto_, rng_);
      if (there == 0) step(ours, talk(ours));
    }
    EXPECT_EQ(look(), static_cast<std::int64_t>(kMessages));
    return struck;
  }

  MemoryStore theirs_;
  TestRng rng_{1};
  std::unique_ptr<Engine> friend_;
  PeerId bob_ = 0;
  Now now_{kSecond, 0};
  std::uint64_t surfaced_ = 0;
};

TEST_F(StarvedWorker, F12_AStepIsDoneOrNot) {
  if (!can_starve()) GTEST_SKIP() << "a build with an allocator of its own";
  const std::uint64_t most = asked("GOSSIP_CALLS", 500);
  std::uint64_t n = 1;
  for (; n <= most && live(n, false); ++n) {
    if (n % 5 == 0) live(n, true);
    ASSERT_FALSE(HasFailure()) << "call " << n;
  }
  std::printf("figures: %llu calls of malloc failed in a worker's step, %llu were met by what runs it\n",
              static_cast<unsigned long long>(n - 1), static_cast<unsigned long long>(surfaced_));
  EXPECT_GT(n, 1u);
  EXPECT_GT(surfaced_, 0u);
}

}  // namespace
}  // namespace gossip::test
