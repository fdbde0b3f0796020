// The store sealed at rest: what the raw file shows, and that it works as one that is not sealed.
#include "db/seal.h"

#include <set>

#include "crypto/openssl.h"
#include "db/files.h"
#include "db/messages.h"
#include "db/sealed.h"
#include "scratch.h"

namespace gossip::db::test {
namespace {

constexpr int kFriends = 40;

// A quick stand-in for scrypt: here it matters only that the key follows from passphrase and salt.
KeyMaker maker(const std::string& passphrase) {
  std::shared_ptr<Crypto> crypto = crypto::make_crypto();
  std::shared_ptr<Rng> rng = crypto::make_rng();
  return {crypto, rng, [rng] { const auto salt = rng->array<16>(); return Bytes(salt.begin(), salt.end()); },
          [crypto, passphrase](View kdf) -> Result<Secret32> { return Secret32(View(crypto->hmac(as_view(passphrase), kdf))); }};
}

std::string name_of(int i) { return "friend-with-a-long-name-" + std::to_string(1000 + i); }
std::string host_of(int i) { return "machine-" + std::to_string(1000 + i) + ".home.example"; }

class Sealed : public Scratch {
 protected:
  Sealed() : real_(crypto::make_crypto()), rng_(crypto::make_rng()) {}

  Bytes key(int i) const {
    Bytes der(1200);
    for (std::size_t at = 0; at < der.size(); ++at) der[at] = static_cast<std::uint8_t>("PRIVATE-KEY-0000-"[at % 17] + (at % 17 == 12 ? i % 50 : 0));
    for (int at = 0; at < 8; ++at) der[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(i * 31 + at);
    return der;
  }
  void make_keys(Database& db, int n) {
    for (int i = 0; i < n; ++i, ++made_) add_key(db, key(made_), real_->sha256(key(made_)));
  }
  void make_friends(Database& db) {
    make_keys(db, kFriends + 5);
    for (int i = 0; i < kFriends; ++i) {
      ASSERT_EQ(add_peer(db, name_of(i), {{host_of(i), 5000 + i}, {"10.9.8." + std::to_string(i), 7}}), Change::kDone);
      const Bytes pub(400, static_cast<std::uint8_t>(i));
      if (i % 2 != 0) continue;
      ASSERT_EQ(set_peer_key(db, name_of(i), pub, real_->sha256(pub), false), Change::kDone);
    }
    ASSERT_EQ(delete_peer(db, name_of(7)), Change::kDone);
  }
  // What must not be seen, searched for in the file and everything beside it.
  std::set<std::string> seen() const {
    std::set<std::string> out;
    for (const auto& file : std::filesystem::directory_iterator(dir_)) {
      const std::string bytes = contents(file.path());
      const auto look = [&](const std::string& needle, const char* what) {
        if (bytes.find(needle) != bytes.npos) out.insert(what);
      };
      for (int i = 0; i < kFriends; ++i) {
        look(name_of(i), "name");
        look(host_of(i), "host");
        look("10.9.8." + std::to_string(i), "number");
        look(std::string(64, static_cast<char>(i)), i == 0 ? "zeros" : "public key");
        const Hash fp = real_->sha256(Bytes(400, static_cast<std::uint8_t>(i)));
        look(std::string(fp.begin(), fp.end()), "their fingerprint");
      }
      look("PRIVATE-KEY", "private key");
      for (int i = 0; i < made_; ++i) {
        const Hash fp = real_->sha256(key(i));
        look(std::string(fp.begin(), fp.end()), "our fingerprint");
      }
    }
    out.erase("zeros");
    return out;
  }
  static const std::set<std::string>& everything() {
    static const std::set<std::string> all{"name", "host", "number", "public key", "private key", "our fingerprint", "their fingerprint"};
    return all;
  }
  std::unique_ptr<Crypto> real_;
  std::unique_ptr<Rng> rng_;
  int made_ = 0;
};

TEST_F(Sealed, NothingIsInTheFileInClearAfterSealingAndAllIsThereAgainAfterRemoving) {
  Database db = open();
  make_friends(db);
  EXPECT_EQ(seen(), everything()) << "else this test could not fail";
  const std::vector<Peer> before = list_peers(db);
  note_worked(db, before[3].id, before[3].addresses[1]);
  const std::vector<Peer> plain = list_peers(db);
  reseal(db, maker("first"));
  EXPECT_EQ(seen(), std::set<std::string>());
  EXPECT_EQ(list_peers(db), plain);
  reseal(db, maker("second"));
  EXPECT_EQ(seen(), std::set<std::string>());
  EXPECT_EQ(list_peers(db), plain);
  for (const Peer& peer : plain) EXPECT_EQ(real_->sha256(private_key(db, peer.key_id).value()), peer.key_fp);
  EXPECT_EQ(words(db, "PRAGMA journal_mode"), "wal");
  reseal(db, std::nullopt);
  EXPECT_EQ(list_peers(db), plain);
  EXPECT_EQ(seen(), everything());
  EXPECT_FALSE(seal_kdf(db));
}

TEST_F(Sealed, FromBirthNothingEverLiesOpen) {
  Database db = open();
  EXPECT_TRUE(unlock(db, maker("secret"), true));
  make_friends(db);
  ASSERT_EQ(replace_peer(db, name_of(3), Addresses{{"other.example", 1}}), Change::kDone);
  note_worked(db, find_peer(db, name_of(4))->id, find_peer(db, name_of(4))->addresses[1]);
  EXPECT_EQ(seen(), std::set<std::string>());
}

TEST_F(Sealed, FriendsWorkAsEver) {
  Database db = open();
  ASSERT_TRUE(unlock(db, maker("secret"), true));
  make_keys(db, 4);
  const Addresses two{{"a.example", 1}, {"2001:db8::7", 65535}};
  ASSERT_EQ(add_peer(db, "bob", two), Change::kDone);
  EXPECT_EQ(add_peer(db, "bob", two), Change::kExists);
  const Bytes pub(400, 7);
  ASSERT_EQ(set_peer_key(db, "bob", pub, filled(9), false), Change::kDone);
  EXPECT_EQ(set_peer_key(db, "bob", pub, filled(9), false), Change::kSame);
  ASSERT_EQ(add_peer(db, std::string(64, 'x'), {{std::string(253, 'h'), 5}}), Change::kDone);
  EXPECT_EQ(set_peer_key(db, std::string(64, 'x'), pub, filled(9), false), Change::kConflict) << "found by its sealed fingerprint";
  EXPECT_EQ(set_peer_key(db, std::string(64, 'x'), pub, find_peer(db, "bob")->key_fp, false), Change::kConflict);
  EXPECT_EQ(find_peer(db, std::string(64, 'x'))->addresses[0].host, std::string(253, 'h'));
  const Peer bob = find_peer(db, "bob").value();
  EXPECT_EQ(bob.addresses, two);
  EXPECT_EQ(bob.pub, pub);
  EXPECT_EQ(bob.pub_fp, filled(9));
  EXPECT_EQ(bob.worked, 0u);
  note_worked(db, bob.id, two[1]);
  EXPECT_EQ(find_peer(db, "bob")->worked, 1u);
  EXPECT_EQ(set_addresses(db, "bob", two), Change::kSame);
  EXPECT_EQ(set_addresses(db, "bob", {two[1], {"b", 2}}), Change::kDone);
  EXPECT_EQ(find_peer(db, "bob")->worked, 0u) << "the one that worked stands first now";
  EXPECT_EQ(number(db, "SELECT count(*) FROM peer_address WHERE worked=1"), 1);
  EXPECT_EQ(replace_peer(db, "bob"), Change::kDone);
  EXPECT_EQ(peer_names(db), (std::vector<std::string>{"bob", std::string(64, 'x')}));
  EXPECT_FALSE(find_peer(db, "eve"));
  EXPECT_TRUE(random_unassigned_key(db));
  EXPECT_EQ(delete_peer(db, "bob"), Change::kDone);
}

TEST_F(Sealed, MessagesShowWhoDeliveredThem) {
  Database db = open();
  ASSERT_TRUE(unlock(db, maker("secret"), true));
  make_keys(db, 2);
  ASSERT_EQ(add_peer(db, "bob"), Change::kDone);
  ASSERT_EQ(add_peer(db, "carol"), Change::kDone);
  const PeerId bob = find_peer(db, "bob")->id;
  Log log(db, crypto_, fixed_clock);
  const std::vector<Incoming> all{incoming(crypto_, hearsay("mine")), incoming(crypto_, hearsay("from bob"), bob)};
  ASSERT_TRUE(log.commit(all, {}, {}));
  Seq scanned = 0;
  auto shown = read_messages(db, 0, {}, kPage, true, scanned);
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].delivered_by, "self");
  EXPECT_EQ(shown[1].delivered_by, "bob");
  EXPECT_NE(shown[1].json.find("\"delivered_by\":\"bob\""), std::string::npos);
  EXPECT_EQ(read_messages(db, 0, {.from = "bob", .since_ms = {}}, kPage, false, scanned).size(), 1u);
  EXPECT_EQ(read_messages(db, 0, {.from = "self", .since_ms = {}}, kPage, false, scanned).size(), 1u);
  EXPECT_EQ(start_of_last(db, {.from = "bob", .since_ms = {}}, 0), 2u);
  ASSERT_EQ(delete_peer(db, "bob"), Change::kDone);
  EXPECT_EQ(read_messages(db, 1, {}, kPage, false, scanned)[0].delivered_by, "bob~" + std::to_string(bob));
  // Other programs see numbers, and no addresses.
  EXPECT_EQ(words(db, "SELECT group_concat(delivered_by) FROM v_messages"), "self,~" + std::to_string(bob));
  EXPECT_EQ(words(db, "SELECT name || coalesce(host, '-') || coalesce(port, '-') FROM v_peers"), "~" + std::to_string(bob + 1) + "--");
}

TEST_F(Sealed, TheWrongPassphraseOrNoneChangesNothing) {
  {
    Database db = open();
    ASSERT_TRUE(unlock(db, maker("right"), true));
    make_friends(db);
  }
  const std::string before = contents(path_), wal = contents(path_ + "-wal");
  for (const auto& key : {std::optional<KeyMaker>(), std::optional(maker("wrong")), std::optional(maker("")), std::optional(maker("right "))}) {
    Database db = open();
    EXPECT_EQ(trouble_in([&] { unlock(db, key, true); }), Trouble::kLocked);
    EXPECT_EQ(trouble_in([&] { list_peers(db); }), Trouble::kLocked);
    EXPECT_EQ(trouble_in([&] { find_peer(db, name_of(1)); }), Trouble::kLocked);
    EXPECT_EQ(trouble_in([&] { peer_names(db); }), Trouble::kLocked);
    EXPECT_EQ(trouble_in([&] { add_peer(db, "eve"); }), Trouble::kLocked);
    EXPECT_EQ(trouble_in([&] { delete_peer(db, name_of(1)); }), Trouble::kLocked);
    EXPECT_EQ(trouble_in([&] { add_key(db, Bytes(9), filled(1)); }), Trouble::kLocked);
    EXPECT_EQ(trouble_in([&] { random_unassigned_key(db); }), Trouble::kLocked);
  }
  EXPECT_EQ(contents(path_), before);
  EXPECT_EQ(contents(path_ + "-wal"), wal);
  Database db = open();
  EXPECT_TRUE(unlock(db, maker("right"), false));
  EXPECT_EQ(list_peers(db).size(), kFriends - 1u);
}

TEST_F(Sealed, APassphraseForAStoreThatLiesOpenIsRefused) {
  Database db = open();
  EXPECT_FALSE(unlock(db, std::nullopt, true));
  EXPECT_FALSE(unlock(db, maker("x"), false)) << "nothing to seal yet, and nothing to write with";
  make_keys(db, 1);
  EXPECT_EQ(trouble_in([&] { unlock(db, maker("x"), true); }), Trouble::kLocked);
  EXPECT_FALSE(seal_kdf(db));
}

TEST_F(Sealed, WhoeverHoldsAnOldKeyNoticesInsideItsTransaction) {
  Database db = open();
  ASSERT_TRUE(unlock(db, maker("first"), true));
  make_keys(db, 2);
  {
    Database other = open();
    ASSERT_TRUE(unlock(other, maker("first"), true));
    EXPECT_EQ(trouble_in([&] { reseal(db, maker("second")); }), Trouble::kBusy) << "it is open elsewhere";
    EXPECT_EQ(unassigned_keys(other), 2);
    EXPECT_EQ(add_peer(other, "bob"), Change::kDone);
  }
  Vault* old = db.vault().get();
  const std::shared_ptr<Vault> kept = db.vault();
  reseal(db, maker("second"));
  EXPECT_NE(db.vault().get(), old);
  db.set_vault(kept);
  EXPECT_EQ(trouble_in([&] { add_peer(db, "carol"); }), Trouble::kLocked);
  EXPECT_EQ(trouble_in([&] { list_peers(db); }), Trouble::kLocked);
  EXPECT_EQ(trouble_in([&] { unlock_with(db, crypto::make_crypto(), crypto::make_rng(), filled(3)); }), Trouble::kLocked);
}

// As kill -9 in the middle of the transaction.
class Deadly final : public Rng {
 public:
  Deadly(std::shared_ptr<Rng> rng, int lives) : rng_(std::move(rng)), lives_(lives) {}
  void fill(MutView out) override {
    if (--lives_ == 0) ::_exit(77);
    rng_->fill(out);
  }

 private:
  std::shared_ptr<Rng> rng_;
  int lives_;
};

TEST_F(Sealed, CutOffInTheMiddleTheOldPassphraseCounts) {
  {
    Database db = open();
    ASSERT_TRUE(unlock(db, maker("first"), true));
    make_friends(db);
  }
  for (int lives : {2, 40, 100, 200}) {
    const pid_t child = spawn([&] {
      Database db = open();
      unlock(db, maker("first"), false);
      KeyMaker deadly = maker("second");
      deadly.rng = std::make_shared<Deadly>(deadly.rng, lives);
      reseal(db, deadly);
      return 0;
    });
    ASSERT_EQ(exit_code(child), 77) << lives;
    Database db = open();
    EXPECT_TRUE(unlock(db, maker("first"), false));
    EXPECT_EQ(list_peers(db).size(), kFriends - 1u);
    EXPECT_EQ(words(db, "PRAGMA journal_mode"), "wal");
    EXPECT_EQ(seen(), std::set<std::string>());
  }
}

TEST_F(Sealed, WhatCannotBeWrittenIsSeenWithoutWriting) {
  open();
  EXPECT_NO_THROW(check_writable(path_));
  EXPECT_NO_THROW(check_writable(dir_ + "/not-there.db"));
  EXPECT_NO_THROW(check_writable(dir_ + "/nor/its/directory.db"));
  // Root may write everywhere: so as somebody else.
  ASSERT_EQ(::chmod(path_.c_str(), 0400), 0);
  const uid_t who = ::geteuid() == 0 ? 65534 : ::geteuid();
  ASSERT_EQ(::chown(dir_.c_str(), who, static_cast<gid_t>(-1)) + ::chown(path_.c_str(), who, static_cast<gid_t>(-1)), 0);
  const pid_t child = spawn([&] {
    if (::setuid(who) != 0) return 1;
    for (const std::string& path : {path_, std::string("/not-there/nor/here/gossipd.db")})
      if (trouble_in([&] { check_writable(path); }) != Trouble::kFull) return 2;
    return 0;
  });
  EXPECT_EQ(exit_code(child), 0);
}

// Who can write the file but has no key: nothing put elsewhere, put back, cut or put in clear is taken.
TEST_F(Sealed, NothingCanBeSwapped) {
  const std::vector<const char*> tricks{
      "CREATE TEMP TABLE t AS SELECT id, name FROM peers; UPDATE peers SET name=id;"
      " UPDATE peers SET name=(SELECT t.name FROM t WHERE t.id=3-peers.id)",
      "UPDATE peers SET name=(SELECT w.name FROM who w WHERE w.id=peers.id) WHERE id=1",
      "UPDATE peers SET name='eve' WHERE id=1",
      "UPDATE peers SET name=x'' WHERE id=1",
      "UPDATE peers SET name=substr(name, 1, 100) WHERE id=1",
      "UPDATE peers SET pub=(SELECT o.pub FROM peers o WHERE o.id=2) WHERE id=1",
      "UPDATE peers SET pub=(SELECT o.pub FROM peers o WHERE o.id=2), pub_fp=(SELECT o.pub_fp FROM peers o WHERE o.id=2) || x'' WHERE id=1",
      "UPDATE peers SET pub_fp=(SELECT k.fp FROM keys k WHERE k.id=peers.key) WHERE id=1",
      "UPDATE peers SET pub_fp=randomblob(32) WHERE id=1",
      "UPDATE peers SET key=(SELECT k.id FROM keys k WHERE k.id NOT IN (SELECT key FROM peers) LIMIT 1) WHERE id=1",
      "UPDATE peer_address SET host=(SELECT o.host FROM peer_address o WHERE o.peer=2 AND o.place=0) WHERE peer=1 AND place=0",
      "UPDATE peer_address SET place=2 WHERE place=0; UPDATE peer_address SET place=0 WHERE place=1",
      "UPDATE peer_address SET host='evil.example', port=1 WHERE peer=1 AND place=0",
  };
  for (const char* trick : tricks) {
    std::filesystem::remove_all(dir_);
    Database db = open();
    ASSERT_TRUE(unlock(db, maker("secret"), true));
    made_ = 0;
    make_keys(db, 4);
    for (int i = 1; i <= 2; ++i) {
      ASSERT_EQ(add_peer(db, name_of(i), {{host_of(i), 1}, {host_of(i + 10), 2}}), Change::kDone);
      ASSERT_EQ(set_peer_key(db, name_of(i), Bytes(400, static_cast<std::uint8_t>(i)), filled(static_cast<std::uint8_t>(i)), false), Change::kDone);
    }
    db.exec("PRAGMA foreign_keys=OFF");
    if (std::string_view(trick).find("|| x''") != std::string_view::npos) db.exec("UPDATE peers SET pub_fp=NULL WHERE id=2");
    EXPECT_NO_THROW(db.exec(trick)) << trick;
    EXPECT_EQ(trouble_in([&] { list_peers(db); }), Trouble::kDamaged) << trick;
  }
}

TEST_F(Sealed, AKeyPutInThePlaceOfAnotherIsNotTaken) {
  Database db = open();
  ASSERT_TRUE(unlock(db, maker("secret"), true));
  make_keys(db, 3);
  ASSERT_EQ(add_peer(db, "bob"), Change::kDone);
  const std::int64_t key = find_peer(db, "bob")->key_id;
  const std::string of_another = "(SELECT o.private FROM keys o WHERE o.id<>" + std::to_string(key) + " LIMIT 1)";
  db.exec(("UPDATE keys SET private=" + of_another + " WHERE id=" + std::to_string(key)).c_str());
  EXPECT_EQ(trouble_in([&] { private_key(db, key); }), Trouble::kDamaged);
}

TEST_F(Sealed, TheSameIsNeverSealedTwiceAlikeButFingerprints) {
  const KeyMaker with = maker("x");
  Vault vault(with.crypto, with.rng, filled(1), {});
  std::set<Bytes> texts;
  for (int i = 0; i < 1000; ++i) texts.insert(vault.seal_text({"who.name", 1}, "bob"));
  EXPECT_EQ(texts.size(), 1000u);
  EXPECT_EQ(vault.seal_fp("keys.fp", filled(5)), vault.seal_fp("keys.fp", filled(5)));
  EXPECT_NE(vault.seal_fp("keys.fp", filled(5)), vault.seal_fp("keys.fp", filled(6)));
  EXPECT_NE(vault.seal_fp("keys.fp", filled(5)), vault.seal_fp("peers.pub_fp", filled(5))) << "a table must not answer for another";
  EXPECT_EQ(vault.seal_text({"who.name", 1}, "b").size(), vault.seal_text({"who.name", 1}, std::string(64, 'b')).size());
}

// F24: what tells a spare from a decoy must not exist: not in the columns, the row ids, the order, the sizes or the times.
TEST_F(Sealed, F24_NoDecoyCanBeToldFromASpareKeyInTheRawRows) {
  for (bool sealed : {false, true}) {
    std::filesystem::remove_all(dir_);
    Database db = open();
    ASSERT_EQ(unlock(db, sealed ? std::optional(maker("secret")) : std::nullopt, true).has_value(), sealed);
    made_ = 0;
    make_keys(db, 200);
    EXPECT_EQ(words(db, "SELECT group_concat(name) FROM pragma_table_info('keys')"), "id,fp,private") << "no mark, no time";
    EXPECT_EQ(number(db, "SELECT count(DISTINCT length(private)) + count(DISTINCT length(fp)) FROM keys"), 2);
    EXPECT_EQ(number(db, "SELECT count(*) FROM sqlite_sequence WHERE name='keys'"), 0) << "nothing counts them";
    EXPECT_EQ(number(db, "SELECT count(*) FROM sqlite_master WHERE sql LIKE '%REFERENCES keys%' AND name<>'peers'"), 0);
    // The order of the rows is that of their ids, and these are random: as often as not a later key comes first.
    int earlier = 0;
    std::int64_t last = 0;
    std::set<int> top;
    for (int i = 0; i < made_; ++i) {
      const Stored fp = Columns(db).fp("keys.fp", real_->sha256(key(i)));
      Statement row = db.prepare("SELECT id FROM keys WHERE fp=?");
      ASSERT_TRUE(put(row, 1, fp).step());
      earlier += row.integer(0) < last;
      last = row.integer(0);
      top.insert(static_cast<int>(last >> 60));
    }
    EXPECT_GT(earlier, 60) << "of 200, 100 by chance; 5 sigma";
    EXPECT_LT(earlier, 140);
    EXPECT_EQ(top.size(), 8u) << "all over 63 bits";
    // Friends are given any of them, not the oldest or the lowest.
    std::set<bool> halves;
    for (int i = 0; i < 40; ++i) {
      ASSERT_EQ(add_peer(db, name_of(i)), Change::kDone);
      halves.insert(find_peer(db, name_of(i))->key_id >> 62 != 0);
    }
    EXPECT_EQ(halves.size(), 2u);
  }
}

}  // namespace
}  // namespace gossip::db::test
