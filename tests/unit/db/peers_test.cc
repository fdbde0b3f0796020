// Friends and keys.
#include <sqlite3.h>

#include "scratch.h"

namespace gossip::db::test {
namespace {

Addresses at(const std::string& host, int port) { return {{host, port}}; }

class Peers : public Scratch {
 protected:
  Peers() : db_(open()) {}
  void keys(int n) {
    for (int i = 0; i < n; ++i) {
      ++made_;
      Bytes der(1200, static_cast<std::uint8_t>(made_));
      der[0] = static_cast<std::uint8_t>(made_ >> 8);
      add_key(db_, der, crypto_.sha256(der));
    }
  }
  std::int64_t rows(const char* table) { return number(db_, std::string("SELECT count(*) FROM ") + table); }
  bool exists(const Hash& fp) {
    Statement row = db_.prepare("SELECT 1 FROM keys WHERE fp=?");
    return row.bind(1, fp).step();
  }
  Database db_;
  int made_ = 0;
};

TEST_F(Peers, AddTakesASpareKey) {
  EXPECT_EQ(add_peer(db_, "bob", at("127.0.0.1", 5556)), Change::kNoKey);
  EXPECT_EQ(rows("who"), 1) << "nothing changed";
  keys(3);
  EXPECT_EQ(unassigned_keys(db_), 3);
  EXPECT_EQ(add_peer(db_, "bob", at("127.0.0.1", 5556)), Change::kDone);
  EXPECT_EQ(unassigned_keys(db_), 2);
  EXPECT_EQ(assigned_keys(db_), 1);
  Peer bob = find_peer(db_, "bob").value();
  EXPECT_EQ(bob.name, "bob");
  EXPECT_EQ(bob.addresses, at("127.0.0.1", 5556));
  EXPECT_EQ(bob.gen, 1u);
  EXPECT_GT(bob.id, 0u);
  EXPECT_TRUE(bob.pub.empty());
  EXPECT_EQ(crypto_.sha256(private_key(db_, bob.key_id).value()), bob.key_fp);
  EXPECT_FALSE(find_peer(db_, "alice").has_value());
}

TEST_F(Peers, F27_AddingAgainIsRefusedAndHarmsNothing) {
  keys(3);
  ASSERT_EQ(add_peer(db_, "bob", at("a", 1)), Change::kDone);
  const Peer before = find_peer(db_, "bob").value();
  const std::int64_t version = peers_version(db_);
  EXPECT_EQ(add_peer(db_, "bob", at("b", 2)), Change::kExists);
  const Peer after = find_peer(db_, "bob").value();
  EXPECT_EQ(after.key_id, before.key_id);
  EXPECT_EQ(after.addresses, at("a", 1));
  EXPECT_EQ(unassigned_keys(db_), 2);
  EXPECT_EQ(peers_version(db_), version);
}

TEST_F(Peers, F27_ReplaceIsOneTransactionAndLeavesNoRetiredKey) {
  keys(2);
  ASSERT_EQ(add_peer(db_, "bob", at("a", 1)), Change::kDone);
  ASSERT_EQ(set_peer_key(db_, "bob", Bytes(30, 1), filled(201), false), Change::kDone);
  const Peer before = find_peer(db_, "bob").value();
  note_states(db_, {{before.id, 0, "up", "", 1}});
  EXPECT_EQ(replace_peer(db_, "alice", Addresses{}), Change::kNoSuch);
  EXPECT_EQ(replace_peer(db_, "bob", at("b", 2)), Change::kDone);
  const Peer after = find_peer(db_, "bob").value();
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.gen, before.gen + 1);
  EXPECT_EQ(after.addresses, at("b", 2));
  EXPECT_NE(after.key_fp, before.key_fp);
  EXPECT_TRUE(after.pub.empty());
  EXPECT_EQ(after.pub_fp, Hash{});
  EXPECT_FALSE(exists(before.key_fp));
  EXPECT_TRUE(peer_states(db_).empty());
  EXPECT_EQ(rows("keys"), 1);
  EXPECT_EQ(private_key(db_, before.key_id), std::nullopt);
  EXPECT_EQ(replace_peer(db_, "bob", at("c", 3)), Change::kNoKey);
  EXPECT_EQ(find_peer(db_, "bob")->addresses, at("b", 2)) << "nothing changed";
}

TEST_F(Peers, F27_DeleteLeavesNoRetiredKeyAndKeepsTheName) {
  keys(4);
  ASSERT_EQ(add_peer(db_, "bob", {{"a", 1}, {"b", 2}}), Change::kDone);
  const Peer first = find_peer(db_, "bob").value();
  Log log(db_, crypto_, fixed_clock);
  Incoming in = incoming(crypto_, hearsay("hello"), first.id);
  ASSERT_TRUE(log.commit({&in, 1}, {}, {}));
  note_states(db_, {{first.id, 1, "up", "", 1}});
  EXPECT_EQ(delete_peer(db_, "bob"), Change::kDone);
  EXPECT_EQ(delete_peer(db_, "bob"), Change::kNoSuch);
  EXPECT_FALSE(exists(first.key_fp));
  EXPECT_EQ(rows("peers") + rows("peer_address") + rows("peer_sync") + rows("peer_state"), 0);
  EXPECT_EQ(words(db_, "SELECT delivered_by FROM v_messages"), "bob~" + std::to_string(first.id));
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  EXPECT_GT(find_peer(db_, "bob")->id, first.id) << "ids are never used again";
  ASSERT_EQ(delete_peer(db_, "bob"), Change::kDone);
  ASSERT_EQ(add_peer(db_, "carol"), Change::kDone);
  EXPECT_EQ(find_peer(db_, "carol")->id, first.id + 2);
}

// Secure delete: the bytes of a retired key are nowhere in the file once the WAL is carried over.
TEST_F(Peers, ADeletedKeyIsWipedFromTheFile) {
  Bytes der(600, 0);
  for (std::size_t i = 0; i < der.size(); ++i) der[i] = static_cast<std::uint8_t>("never to be found "[i % 18] ^ (i & 1));
  add_key(db_, der, filled(5));
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  Statement checkpoint = db_.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  checkpoint.step();
  checkpoint.reset();
  const std::string needle(der.begin() + 18, der.begin() + 90);
  ASSERT_NE(contents(path_).find(needle), std::string::npos);
  ASSERT_EQ(delete_peer(db_, "bob"), Change::kDone);
  checkpoint.step();
  EXPECT_EQ(contents(path_).find(needle), std::string::npos);
}

TEST_F(Peers, SettingKeys) {
  keys(4);
  ASSERT_EQ(add_peer(db_, "alice"), Change::kDone);
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  const Bytes der(400, 7), other(400, 8);
  EXPECT_EQ(set_peer_key(db_, "eve", der, filled(101), false), Change::kNoSuch);
  EXPECT_EQ(set_peer_key(db_, "bob", der, filled(101), false), Change::kDone);
  Peer bob = find_peer(db_, "bob").value();
  EXPECT_EQ(bob.pub, der);
  EXPECT_EQ(bob.pub_fp, filled(101));
  EXPECT_EQ(bob.gen, 1u) << "the first key begins nothing anew";
  const std::int64_t version = peers_version(db_);
  EXPECT_EQ(set_peer_key(db_, "bob", der, filled(101), false), Change::kSame);
  EXPECT_EQ(set_peer_key(db_, "bob", der, filled(101), true), Change::kSame);
  EXPECT_EQ(set_peer_key(db_, "bob", other, filled(102), false), Change::kExists);
  EXPECT_EQ(set_peer_key(db_, "alice", der, filled(101), true), Change::kConflict) << "another friend's";
  EXPECT_EQ(set_peer_key(db_, "alice", der, bob.key_fp, true), Change::kConflict) << "our own, given to a friend";
  Bytes spare = random_unassigned_key(db_).value();
  EXPECT_EQ(set_peer_key(db_, "alice", der, crypto_.sha256(spare), true), Change::kConflict) << "our own, given to nobody";
  EXPECT_EQ(peers_version(db_), version);
  Log log(db_, crypto_, fixed_clock);
  CursorUpdate adopt{bob.id, 1, Cursor{{}, 5, {}}, true};
  ASSERT_TRUE(log.commit({}, {&adopt, 1}, {}));
  note_states(db_, {{bob.id, 0, "up", "", 1}});
  EXPECT_EQ(set_peer_key(db_, "bob", other, filled(102), true), Change::kDone);
  EXPECT_EQ(find_peer(db_, "bob")->gen, 2u);
  EXPECT_EQ(find_peer(db_, "bob")->pub, other);
  EXPECT_TRUE(peer_syncs(db_).empty());
  EXPECT_TRUE(peer_states(db_).empty());
  EXPECT_EQ(log.cursor(bob.id, 2).seq, 0u);
}

// With the keys of one gen: seen once, and taken back on purpose or with the key alone.
TEST_F(Peers, A17_PostQuantumOnceSeenStays) {
  keys(4);
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  ASSERT_EQ(set_peer_key(db_, "bob", Bytes(400, 7), filled(101), false), Change::kDone);
  const PeerId bob = find_peer(db_, "bob")->id;
  auto seen = [&] { return find_peer(db_, "bob")->pq_seen; };
  std::int64_t version = peers_version(db_);
  EXPECT_FALSE(seen());
  EXPECT_EQ(reset_pq(db_, "bob"), Change::kSame);
  EXPECT_EQ(reset_pq(db_, "eve"), Change::kNoSuch);
  EXPECT_FALSE(note_pq_seen(db_, bob, 2) || note_pq_seen(db_, bob + 1, 1));
  EXPECT_FALSE(seen()) << "keys of another gen, another friend";
  EXPECT_EQ(peers_version(db_), version);
  EXPECT_TRUE(note_pq_seen(db_, bob, 1));
  EXPECT_TRUE(seen());
  EXPECT_NE(peers_version(db_), version) << "the other process has to know";
  version = peers_version(db_);
  EXPECT_FALSE(note_pq_seen(db_, bob, 1)) << "known already";
  EXPECT_EQ(set_peer_key(db_, "bob", Bytes(400, 7), filled(101), false), Change::kSame);
  EXPECT_TRUE(seen());
  EXPECT_EQ(peers_version(db_), version);
  EXPECT_EQ(reset_pq(db_, "bob"), Change::kDone);
  EXPECT_FALSE(seen());
  EXPECT_NE(peers_version(db_), version);
  note_pq_seen(db_, bob, 1);
  ASSERT_EQ(set_peer_key(db_, "bob", Bytes(400, 8), filled(102), true), Change::kDone);
  EXPECT_FALSE(seen());
  note_pq_seen(db_, bob, 2);
  EXPECT_TRUE(seen());
  ASSERT_EQ(replace_peer(db_, "bob"), Change::kDone);
  EXPECT_FALSE(seen());
}

TEST_F(Peers, EveryChangeIsNoticed) {
  std::int64_t version = peers_version(db_);
  auto noticed = [&] {
    std::int64_t before = version;
    version = peers_version(db_);
    return version != before;
  };
  keys(3);
  EXPECT_TRUE(noticed());
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  EXPECT_TRUE(noticed());
  ASSERT_EQ(set_peer_key(db_, "bob", Bytes(9, 1), filled(100), false), Change::kDone);
  EXPECT_TRUE(noticed());
  note_states(db_, {{find_peer(db_, "bob")->id, 0, "up", "", 1}});
  meta_put(db_, "rsa_bits", "3072");
  add_counters(db_, {{"strangers", 3}});
  EXPECT_FALSE(noticed()) << "notes are not changes";
  ASSERT_EQ(replace_peer(db_, "bob", Addresses{}), Change::kDone);
  EXPECT_TRUE(noticed());
  ASSERT_EQ(delete_peer(db_, "bob"), Change::kDone);
  EXPECT_TRUE(noticed());
}

// F24: nothing in the file tells a decoy from a spare, or when a key was made.
TEST_F(Peers, F24_DecoyAndSpareAreOneShape) {
  keys(12);
  EXPECT_EQ(words(db_, "SELECT group_concat(name) FROM pragma_table_info('keys')"), "id,fp,private");
  std::vector<std::int64_t> by_making, by_id;
  Statement row = db_.prepare("SELECT id FROM keys WHERE fp=?");
  for (int i = 1; i <= 12; ++i) {
    Bytes der(1200, static_cast<std::uint8_t>(i));
    der[0] = 0;
    Hash fp = crypto_.sha256(der);
    ASSERT_TRUE(row.bind(1, fp).step());
    by_making.push_back(row.integer(0));
    row.reset();
  }
  for (std::int64_t id : by_making) EXPECT_GT(id, 0);
  EXPECT_FALSE(std::is_sorted(by_making.begin(), by_making.end())) << "1 in 479,001,600 by chance";
  EXPECT_GT(*std::max_element(by_making.begin(), by_making.end()), std::int64_t{1} << 50);
}

TEST_F(Peers, TheKeyTakenIsARandomOne) {
  keys(10);
  std::vector<Hash> taken;
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(add_peer(db_, "p" + std::to_string(i)), Change::kDone);
    taken.push_back(find_peer(db_, "p" + std::to_string(i))->key_fp);
  }
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(std::unique(taken.begin(), taken.end()), taken.end()) << "no key serves two friends";
  std::vector<Bytes> decoys;
  for (int i = 0; i < 200; ++i) decoys.push_back(random_unassigned_key(db_).value());
  std::sort(decoys.begin(), decoys.end());
  decoys.erase(std::unique(decoys.begin(), decoys.end()), decoys.end());
  EXPECT_EQ(decoys.size(), 4u) << "every spare serves as a decoy, and no friend's key does";
  for (const Bytes& decoy : decoys) EXPECT_FALSE(std::binary_search(taken.begin(), taken.end(), crypto_.sha256(decoy)));
}

TEST_F(Peers, NotMoreThanTheLimit) {
  keys(2);
  db_.exec(
      "BEGIN IMMEDIATE;"  // as add_peer leaves them, in one go
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<511)"
      " INSERT INTO keys(id, fp, private) SELECT i, CAST('fp' || i AS BLOB), x'00' FROM n;"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<511) INSERT INTO who(id, name) SELECT i, 'p' || i "
      "FROM n;"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<511)"
      " INSERT INTO peers(id, name, key, gen) SELECT i, 'p' || i, i, 1 FROM n; COMMIT");
  EXPECT_EQ(add_peer(db_, "the-last"), Change::kDone);
  EXPECT_EQ(add_peer(db_, "one-more"), Change::kFull);
  EXPECT_EQ(list_peers(db_).size(), kMaxPeers);
  ASSERT_EQ(delete_peer(db_, "p7"), Change::kDone);
  EXPECT_EQ(add_peer(db_, "one-more"), Change::kDone);
}

TEST_F(Peers, ListsAreByName) {
  keys(3);
  for (const char* name : {"carol", "alice", "bob"}) ASSERT_EQ(add_peer(db_, name), Change::kDone);
  EXPECT_EQ(peer_names(db_), (std::vector<std::string>{"alice", "bob", "carol"}));
  EXPECT_EQ(list_peers(db_)[2].name, "carol");
}

TEST_F(Peers, StatesAndCounters) {
  keys(1);
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  PeerId bob = find_peer(db_, "bob")->id;
  note_states(db_, {{bob, 0, "up", "", 10}});
  note_states(db_, {{bob, 0, "waiting", "refused", 20}, {bob + 1, 0, "up", "", 40}, {bob, 1, "up", "", 30}});  // one is gone
  auto states = peer_states(db_);
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].state + "/" + states[0].reason, "waiting/refused");
  EXPECT_EQ(states[0].since_ms, 20);
  EXPECT_EQ(states[1].side, 1);
  EXPECT_EQ(words(db_, "SELECT name || host IS NULL || has_key || cursor || acked || dial_state || call_state FROM v_peers"),
            "1");
  EXPECT_EQ(words(db_, "SELECT dial_state || ' ' || dial_reason || ' ' || call_state FROM v_peers"), "waiting refused up");
  note_states(db_, {{bob, 0, "waiting", "refused", 20, 99, 0, 3}, {bob, 1, "up", "", 30, 0, 66, 0}});
  EXPECT_EQ(words(db_, "SELECT dial_next_ms || ' ' || dial_failures || ' ' || last_up_ms FROM v_peers"), "99 3 66");
  note_states(db_, {{bob, 1, "waiting", "closed", 31, 0, 0, 0}});
  EXPECT_EQ(peer_states(db_)[1].last_up_ms, 66) << "no news of it";
  clear_states(db_, 0);
  clear_states(db_, 1);
  ASSERT_EQ(peer_states(db_).size(), 1u);
  EXPECT_EQ(peer_states(db_)[0].side, 1);
  EXPECT_EQ(peer_states(db_)[0].last_up_ms, 66) << "who was never up leaves no row";
  EXPECT_EQ(words(db_, "SELECT dial_state IS NULL AND call_state IS NULL AND call_reason IS NULL AND last_up_ms = 66 FROM v_peers"), "1");
  add_counters(db_, {{"strangers", 3}, {"refused", 1}});
  add_counters(db_, {{"strangers", 4}});
  EXPECT_EQ(counters(db_), (std::vector<std::pair<std::string, std::int64_t>>{{"refused", 1}, {"strangers", 7}}));
  EXPECT_EQ(meta_get(db_, "none"), std::nullopt);
  meta_put(db_, "rsa_bits", "3072");
  const std::int64_t changes = sqlite3_total_changes64(db_.raw());
  meta_put(db_, "rsa_bits", "3072");
  EXPECT_EQ(sqlite3_total_changes64(db_.raw()), changes);
  meta_put(db_, "rsa_bits", "4096");
  EXPECT_EQ(meta_get(db_, "rsa_bits"), "4096");
}

TEST_F(Peers, ASnapshotIsOfOneMoment) {
  keys(1);
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  const Peer bob = *find_peer(db_, "bob");
  Database other = open();
  {
    const Snapshot snapshot(db_);
    const std::int64_t version = peers_version(db_);
    ASSERT_EQ(delete_peer(other, "bob"), Change::kDone);
    EXPECT_TRUE(private_key(db_, bob.key_id).has_value());
    EXPECT_EQ(list_peers(db_).size(), 1u);
    EXPECT_EQ(peers_version(db_), version);
  }
  EXPECT_EQ(private_key(db_, bob.key_id), std::nullopt);
  EXPECT_TRUE(list_peers(db_).empty());
}

TEST_F(Peers, ManyStatesAreOneTransaction) {
  keys(1);
  ASSERT_EQ(add_peer(db_, "bob"), Change::kDone);
  const PeerId bob = find_peer(db_, "bob")->id;
  int commits = 0;
  sqlite3_commit_hook(db_.raw(), [](void* n) { return ++*static_cast<int*>(n), 0; }, &commits);
  note_states(db_, {});
  EXPECT_EQ(commits, 0);
  note_states(db_, {{bob, 0, "waiting", "", 1}, {bob, 1, "up", "", 1}});
  EXPECT_EQ(commits, 1);
  sqlite3_commit_hook(db_.raw(), nullptr, nullptr);
  EXPECT_EQ(peer_states(db_).size(), 2u);
}

TEST_F(Peers, TheViewShowsNoKey) {
  keys(1);
  ASSERT_EQ(add_peer(db_, "bob", at("::1", 7)), Change::kDone);
  EXPECT_EQ(words(db_, "SELECT group_concat(name) FROM pragma_table_info('v_peers')"),
            "id,name,host,port,has_key,cursor,acked,dial_state,dial_reason,call_state,call_reason,"
            "dial_next_ms,dial_failures,last_up_ms,addresses");
  EXPECT_EQ(words(db_, "SELECT name || ' ' || host || ' ' || port || ' ' || has_key || ' ' || cursor FROM v_peers"),
            "bob ::1 7 0 0");
  EXPECT_EQ(words(db_, "SELECT addresses FROM v_peers"), R"(["[::1]:7"])");
}

TEST_F(Peers, AddressesStayInTheOrderGiven) {
  keys(3);
  Addresses many;
  for (int i = 0; i < static_cast<int>(kMaxAddresses); ++i) many.push_back({"host" + std::to_string(i * 5 % 8), i + 1});
  ASSERT_EQ(add_peer(db_, "bob", many), Change::kDone);
  ASSERT_EQ(add_peer(db_, "alice", at("::1", 9)), Change::kDone);
  ASSERT_EQ(add_peer(db_, "carol"), Change::kDone);
  EXPECT_EQ(find_peer(db_, "bob")->addresses, many);
  EXPECT_EQ(find_peer(db_, "bob")->worked, 0u);
  const std::vector<Peer> all = list_peers(db_);
  EXPECT_EQ(all[0].addresses, at("::1", 9));
  EXPECT_EQ(all[1].addresses, many);
  EXPECT_TRUE(all[2].addresses.empty());
  EXPECT_EQ(words(db_, "SELECT json_extract(addresses, '$[7]') || ' ' || json_array_length(addresses) FROM v_peers WHERE id=1"),
            "host3:8 8");
  EXPECT_EQ(words(db_, "SELECT addresses || (host IS NULL) || (port IS NULL) FROM v_peers WHERE name='carol'"), "[]11");
}

TEST_F(Peers, NewAddressesKeepKeyAndCursor) {
  keys(1);
  ASSERT_EQ(add_peer(db_, "bob", at("a", 1)), Change::kDone);
  ASSERT_EQ(set_peer_key(db_, "bob", Bytes(9, 1), filled(100), false), Change::kDone);
  const Peer before = *find_peer(db_, "bob");
  Log log(db_, crypto_, fixed_clock);
  CursorUpdate adopt{before.id, before.gen, Cursor{{}, 5, {}}, true};
  ASSERT_TRUE(log.commit({}, {&adopt, 1}, {}));
  note_states(db_, {{before.id, 0, "waiting", "refused", 1}});
  std::int64_t version = peers_version(db_);
  EXPECT_EQ(set_addresses(db_, "eve", at("b", 2)), Change::kNoSuch);
  EXPECT_EQ(set_addresses(db_, "bob", at("a", 1)), Change::kSame);
  EXPECT_EQ(peers_version(db_), version);
  EXPECT_EQ(set_addresses(db_, "bob", {{"b", 2}, {"a", 1}}), Change::kDone);
  EXPECT_NE(peers_version(db_), std::exchange(version, peers_version(db_)));
  EXPECT_EQ(set_addresses(db_, "bob", {{"a", 1}, {"b", 2}}), Change::kDone) << "the order counts";
  EXPECT_NE(peers_version(db_), std::exchange(version, peers_version(db_)));
  EXPECT_EQ(set_addresses(db_, "bob", {}), Change::kDone);
  EXPECT_NE(peers_version(db_), version);
  const Peer after = *find_peer(db_, "bob");
  EXPECT_TRUE(after.addresses.empty());
  EXPECT_EQ(after.key_id, before.key_id);
  EXPECT_EQ(after.pub, before.pub);
  EXPECT_EQ(after.gen, before.gen);
  EXPECT_EQ(log.cursor(before.id, before.gen).seq, 5u);
  EXPECT_EQ(peer_states(db_).size(), 1u);
}

TEST_F(Peers, TheAddressThatWorkedLastIsRemembered) {
  keys(2);
  ASSERT_EQ(add_peer(db_, "bob", {{"a", 1}, {"b", 2}, {"c", 3}}), Change::kDone);
  const PeerId bob = find_peer(db_, "bob")->id;
  const std::int64_t version = peers_version(db_);
  note_worked(db_, bob, {"b", 2});
  EXPECT_EQ(find_peer(db_, "bob")->worked, 1u);
  std::int64_t changes = sqlite3_total_changes64(db_.raw());
  note_worked(db_, bob, {"b", 2});
  note_worked(db_, bob, {"b", 3});
  note_worked(db_, bob + 1, {"a", 1});
  EXPECT_EQ(sqlite3_total_changes64(db_.raw()), changes) << "nothing new: nothing written";
  note_worked(db_, bob, {"c", 3});
  EXPECT_EQ(list_peers(db_)[0].worked, 2u);
  EXPECT_EQ(peers_version(db_), version) << "a note is no change";
  ASSERT_EQ(set_addresses(db_, "bob", {{"d", 4}, {"c", 3}}), Change::kDone);
  EXPECT_EQ(find_peer(db_, "bob")->worked, 1u) << "it is still there";
  ASSERT_EQ(replace_peer(db_, "bob"), Change::kDone);
  EXPECT_EQ(find_peer(db_, "bob")->addresses, (Addresses{{"d", 4}, {"c", 3}})) << "a new key, the same place";
  ASSERT_EQ(set_addresses(db_, "bob", {{"e", 5}, {"d", 4}}), Change::kDone);
  EXPECT_EQ(find_peer(db_, "bob")->worked, 0u);
  EXPECT_EQ(number(db_, "SELECT count(*) FROM peer_address WHERE worked=1"), 0);
}

}  // namespace
}  // namespace gossip::db::test
