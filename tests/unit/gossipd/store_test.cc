// Roster, chronicle and keysmith, on a database of their own.
#include <gtest/gtest.h>


#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "db/peers.h"
#include "db/schema.h"
#include "gossipd/chronicle.h"
#include "gossipd/driver.h"
#include "gossipd/keysmith.h"
#include "gossipd/roster.h"
#include "support/folder.h"
#include "support/test_keys.h"
#include "support/test_rng.h"
#include "support/toy_crypto.h"

namespace gossip::daemon {
namespace {

class OnStore : public testing::Test {
 protected:
  OnStore() { db_.emplace(db::open_store(folder_ / "g.db", {})); }
  void add_key(View der) { db::add_key(*db_, der, crypto::import_public(crypto::public_pem(der), 2048)->fp); }
  PeerId befriend(const std::string& name, View theirs) {
    auto key = crypto::import_public(crypto::public_pem(theirs), 2048);
    EXPECT_EQ(db::add_peer(*db_, name, {{"127.0.0.1", 5555}}), db::Change::kDone);
    EXPECT_EQ(db::set_peer_key(*db_, name, key->spki_der, key->fp, false), db::Change::kDone);
    return db::find_peer(*db_, name)->id;
  }
  test::Folder folder_;
  std::optional<db::Database> db_;
  std::unique_ptr<Crypto> crypto_ = crypto::make_crypto();
};

TEST_F(OnStore, TheRosterParsesOnlyWhatIsNew) {
  add_key(test::ann_key());
  ASSERT_EQ(db::add_peer(*db_, "bob", {{"127.0.0.1", 5555}}), db::Change::kDone);
  Roster roster(*db_, *crypto_);
  roster.load({});
  ASSERT_EQ(roster.friends().size(), 1u);
  const PeerId bob = roster.infos()[0].peer;
  EXPECT_FALSE(roster.infos()[0].dialable) << "no key from him yet";
  EXPECT_TRUE(roster.keys().empty());

  auto key = crypto::import_public(crypto::public_pem(test::bob_key()), 2048);
  ASSERT_EQ(db::set_peer_key(*db_, "bob", key->spki_der, key->fp, false), db::Change::kDone);
  EXPECT_NE(db::peers_version(*db_), roster.version());
  const auto stamp = roster.infos()[0].address_stamp;
  roster.load({});
  EXPECT_EQ(db::peers_version(*db_), roster.version());
  EXPECT_TRUE(roster.find(bob)->info.dialable);
  EXPECT_NE(roster.find(bob)->info.address_stamp, stamp);
  auto pair = roster.find(bob)->keys;
  ASSERT_NE(pair, nullptr);
  EXPECT_EQ(pair->fp_theirs, key->fp);
  EXPECT_FALSE(crypto_->equal(pair->in.root, pair->out.root)) << "each direction has its own";

  roster.load({});
  EXPECT_EQ(roster.find(bob)->keys, pair) << "unchanged: not parsed again";
  roster.load(Bytes(32, 7));
  EXPECT_FALSE(crypto_->equal(roster.find(bob)->keys->in.root, pair->in.root)) << "another network";
  ASSERT_EQ(db::delete_peer(*db_, "bob"), db::Change::kDone);
  roster.load({});
  EXPECT_EQ(roster.find(bob), nullptr);
}

// Deletes bob behind the back of whoever asks for a hash.
class Meddler : public test::ToyCrypto {
 public:
  explicit Meddler(db::Database& db) : db_(db) {}
  Hash sha256(View data) override {
    if (!std::exchange(done_, true)) { EXPECT_EQ(db::delete_peer(db_, "bob"), db::Change::kDone); }
    return ToyCrypto::sha256(data);
  }

 private:
  db::Database& db_;
  bool done_ = false;
};

TEST_F(OnStore, AFriendDeletedInTheMiddleOfALoadIsThereWhole) {
  add_key(test::ann_key());
  const PeerId bob = befriend("bob", test::bob_key());
  db::Database other = db::open_store(folder_ / "g.db", {});
  Meddler crypto(other);
  Roster roster(*db_, crypto);
  roster.load({});
  ASSERT_NE(roster.find(bob), nullptr);
  EXPECT_NE(roster.find(bob)->keys, nullptr);
  EXPECT_NE(db::peers_version(*db_), roster.version()) << "so that the next look loads again";
  roster.load({});
  EXPECT_TRUE(roster.friends().empty());
}

// T-A17: the pin comes with the friend, parses nothing anew, and is worth a call at once when it is taken back.
TEST_F(OnStore, TheRosterKnowsWhoNeedsPostQuantum) {
  add_key(test::ann_key());
  const PeerId bob = befriend("bob", test::bob_key());
  Roster roster(*db_, *crypto_);
  roster.load({});
  const auto keys = roster.keys()[0];
  const auto stamp = roster.infos()[0].address_stamp;
  EXPECT_FALSE(keys->need_pq);
  ASSERT_TRUE(db::note_pq_seen(*db_, bob, 1));
  roster.load({});
  EXPECT_TRUE(roster.keys()[0]->need_pq);
  EXPECT_FALSE(keys->need_pq) << "who shakes hands meanwhile keeps what it has";
  EXPECT_EQ(roster.keys()[0]->theirs, keys->theirs);
  EXPECT_EQ(roster.infos()[0].address_stamp, stamp) << "no reason to call";
  ASSERT_EQ(db::reset_pq(*db_, "bob"), db::Change::kDone);
  roster.load({});
  EXPECT_FALSE(roster.keys()[0]->need_pq);
  const auto reset = roster.infos()[0].address_stamp;
  EXPECT_NE(reset, stamp);
  roster.load({}, true);
  EXPECT_TRUE(roster.keys()[0]->need_pq) << "everybody, where it is required";
  EXPECT_EQ(roster.infos()[0].address_stamp, reset);
}

TEST_F(OnStore, AFriendWhoseKeysDoNotParseIsLeftOutAlone) {
  db::add_key(*db_, Bytes{1, 2, 3}, Hash{});
  const PeerId eve = befriend("eve", test::bob_key());
  add_key(test::bob_key());
  const PeerId bob = befriend("bob", test::ann_key());
  Roster roster(*db_, *crypto_);
  testing::internal::CaptureStderr();
  roster.load({});
  roster.load({});
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_EQ(said.find("eve"), std::string::npos) << said;
  ASSERT_NE(roster.find(eve), nullptr);
  EXPECT_EQ(roster.find(eve)->keys, nullptr);
  EXPECT_FALSE(roster.find(eve)->info.dialable);
  EXPECT_NE(roster.find(bob)->keys, nullptr);
  EXPECT_EQ(roster.keys().size(), 1u);
}

TEST_F(OnStore, TheChronicleWritesCountersOnceAMinute) {
  Chronicle chronicle(*db_, 0);
  Now now{1'000'000, 5000};
  chronicle.count({{"strangers", 2}, {"nothing", 0}});
  chronicle.run(now);
  EXPECT_EQ(db::counters(*db_), (std::vector<std::pair<std::string, std::int64_t>>{{"strangers", 2}}));

  EngineStats stats;
  stats.bodies_stored = 3;
  chronicle.count(stats);
  chronicle.count(stats);
  EXPECT_EQ(chronicle.next_deadline(), now.mono + kMinute) << "and then without anybody's call";
  now.mono += kMinute - 1;
  chronicle.run(now);
  EXPECT_EQ(db::counters(*db_).size(), 1u);
  now.mono += 1;
  chronicle.run(now);
  EXPECT_EQ(db::counters(*db_)[0], (std::pair<std::string, std::int64_t>{"messages_stored", 3}));
  EXPECT_EQ(chronicle.next_deadline(), std::nullopt) << "nothing waits: no wake-up";
}

TEST_F(OnStore, TheChronicleWritesStatesSeldomAndSessionsAtOnce) {
  add_key(test::ann_key());
  const PeerId bob = befriend("bob", test::bob_key());
  db::note_states(*db_, {{bob, 0, "up", "", 1, 0, 0, 0}});
  Chronicle chronicle(*db_, 0);
  EXPECT_TRUE(db::peer_states(*db_).empty()) << "what an earlier process left";
  auto state = [&] {
    auto all = db::peer_states(*db_);
    return all.size() == 1 ? all[0] : db::PeerState{};
  };
  const auto changes = [&] {
    db::Statement row = db_->prepare("SELECT total_changes()");
    row.step();
    return row.integer(0);
  };
  const std::int64_t before = changes();

  Now now{10'000'000, 5000};
  chronicle.note(now, Note{bob, true, Health::kWaiting, Why::kRefused, now.mono + 12 * kSecond, 1});
  chronicle.run(now);
  EXPECT_EQ(state().state + "/" + state().reason, "waiting/refused");
  EXPECT_EQ(state().since_ms, 5000);
  EXPECT_EQ(state().next_ms, 17'000);
  EXPECT_EQ(state().failures, 1u);
  EXPECT_EQ(changes(), before + 1);

  for (int i = 0; i < 10; ++i) {  // a storm of retries is one write, two seconds later
    now = {now.mono + kSecond / 10, now.wall_ms + 100};
    chronicle.note(now, Note{bob, true, Health::kWaiting, Why::kRefused, now.mono + 30 * kSecond, 2});
    chronicle.run(now);
  }
  EXPECT_EQ(changes(), before + 1);
  ASSERT_EQ(chronicle.next_deadline(), 10'000'000 + 2 * kSecond);
  now = {*chronicle.next_deadline(), 7000};
  chronicle.run(now);
  EXPECT_EQ(changes(), before + 2);
  EXPECT_EQ(state().since_ms, 5000) << "a next try that moved is no new state";
  EXPECT_EQ(state().next_ms, 36'000);
  EXPECT_EQ(state().last_up_ms, 0);
  EXPECT_EQ(chronicle.next_deadline(), std::nullopt);

  chronicle.note(now, Note{bob, true, Health::kUp, Why::kNone});
  chronicle.note_attempt(now, bob, Why::kBadProof);
  chronicle.run(now);
  EXPECT_EQ(state().state, "up") << "a failed attempt beside a session is no news";
  EXPECT_EQ(state().last_up_ms, 7000);
  EXPECT_EQ(changes(), before + 3);
  now.wall_ms = 9000;
  chronicle.close(now);
  EXPECT_EQ(state().state, "");
  EXPECT_EQ(state().last_up_ms, 9000) << "when it was up last outlives the daemon";
}

TEST_F(OnStore, A17_TheChronicleRemembersTheFirstPostQuantumSession) {
  add_key(test::ann_key());
  const PeerId bob = befriend("bob", test::bob_key());
  Chronicle chronicle(*db_, 0);
  Now now{10'000'000, 5000};
  auto said_pq = [&](bool pq) {
    const bool first = chronicle.opened(bob, 1, pq);
    chronicle.note(now, Note{bob, true, Health::kUp, Why::kNone});
    now.mono += kMinute;
    chronicle.run(now);
    EXPECT_EQ(db::peer_states(*db_)[0].pq, pq);
    return first;
  };
  EXPECT_FALSE(said_pq(false));
  EXPECT_FALSE(db::find_peer(*db_, "bob")->pq_seen);
  EXPECT_TRUE(said_pq(true));
  EXPECT_TRUE(db::find_peer(*db_, "bob")->pq_seen);
  EXPECT_FALSE(said_pq(true)) << "known already";
  chronicle.opened(bob, 1, false);  // in the place of the one before: the engine has nothing to note
  now.mono += kMinute;
  chronicle.run(now);
  EXPECT_FALSE(db::peer_states(*db_)[0].pq);
  chronicle.note(now, Note{bob, true, Health::kWaiting, Why::kPqPolicy});
  chronicle.run(now);
  EXPECT_EQ(db::peer_states(*db_)[0].reason, "pq_policy");
}

TEST_F(OnStore, TheChronicleKnowsWhoWasUpLastUntilTheKeyChanges) {
  add_key(test::ann_key());
  const PeerId bob = befriend("bob", test::bob_key());
  db::note_states(*db_, {{bob, 1, "up", "", 1, 0, 77, 0}});
  Chronicle chronicle(*db_, 0);
  std::vector<PeerInfo> friends{{bob, 1, true, 0}};
  chronicle.meet(friends);
  EXPECT_EQ(friends[0].last_up, 77u) << "over whoever's call";
  Now now{1'000'000, 5000};
  chronicle.note(now, Note{bob, true, Health::kUp, Why::kNone});
  friends = {{bob, 2, true, 0}};
  chronicle.meet(friends);  // and only then the engine ends the session
  chronicle.note(now, Note{bob, true, Health::kWaiting, Why::kChanged});
  chronicle.run(now);
  EXPECT_EQ(db::peer_states(*db_)[0].side, 0);
  EXPECT_EQ(db::peer_states(*db_)[0].last_up_ms, 0) << "with these keys it never was";
  friends = {{bob, 2, true, 0}};
  chronicle.meet(friends);
  EXPECT_EQ(friends[0].last_up, 0u);
}

// F8: a bounded pool, filled beside the loop.
TEST_F(OnStore, F8TheKeysmithFillsThePoolAndStops) {
  EXPECT_EQ(pool_size(3072, 8, 30).target, 11);
  EXPECT_EQ(pool_size(3072, 1, 0).target, 1);
  EXPECT_EQ(pool_size(3072, 10, 1).target, 11);
  test::TestRng rng(1);
  Keysmith keysmith(*db_, rng, {2048, 2, 3});
  Now now = clock_now();
  Micros skipped = 0;  // pauses are not waited for
  sys::Poller poller;
  for (Micros end = now.mono + 60 * kSecond; now.mono < end; now = clock_now()) {
    keysmith.run({now.mono + skipped, now.wall_ms});
    if (db::unassigned_keys(*db_) == 3) break;
    if (keysmith.next_deadline()) {
      skipped = std::max(skipped, *keysmith.next_deadline() - now.mono);
      continue;
    }
    poller.clear();
    poller.add(keysmith.fd(), true);
    poller.wait(end - now.mono);
  }
  EXPECT_EQ(db::unassigned_keys(*db_), 3);
  keysmith.recount();
  keysmith.run({now.mono + kHour, 0});
  EXPECT_FALSE(keysmith.next_deadline().has_value()) << "full";
}

TEST_F(OnStore, AKeyThatCouldNotBeKeptIsFollowedByAPauseThatNothingShortens) {
  db::Database mine = db::open_store(folder_ / "g.db", {.busy_timeout_ms = 1});
  test::TestRng rng(1);
  Keysmith keysmith(mine, rng, {2048, 2, 3});
  const Now now = clock_now();
  keysmith.run(now);
  ASSERT_FALSE(keysmith.next_deadline().has_value()) << "one is being made";
  {
    const db::Transaction writer(*db_);
    sys::Poller poller;
    poller.add(keysmith.fd(), true);
    poller.wait(60 * kSecond);
    keysmith.run(now);
  }
  EXPECT_EQ(keysmith.next_deadline(), now.mono + 5 * kMinute);
  keysmith.recount();
  keysmith.run(now);
  EXPECT_EQ(keysmith.next_deadline(), now.mono + 5 * kMinute) << "a change of the store is no reason";
  keysmith.run({now.mono + 5 * kMinute, 0});
  EXPECT_FALSE(keysmith.next_deadline().has_value()) << "and now the next";
}

}  // namespace
}  // namespace gossip::daemon
