// Pairing by invitation, in the store: every step is whole, and may be lost, repeated or come too late.
#include "db/invite.h"

#include "scratch.h"

namespace gossip::db::test {
namespace {

constexpr std::int64_t kUntil = 1'700'000'000'000;

class Invitations : public Scratch {
 protected:
  Invitations() : db_(open()) {
    for (int i = 0; i < 6; ++i) spare();
  }
  void spare() {
    Bytes der(1200, static_cast<std::uint8_t>(++made_));
    add_key(db_, der, crypto_.sha256(der));
  }
  Public key(int n) {
    const Bytes der(420, static_cast<std::uint8_t>(n));
    return {der, crypto_.sha256(der)};
  }
  Joining joining(int n) {
    Joining out;
    out.theirs = key(100 + n);
    Bytes der(1200, static_cast<std::uint8_t>(200 + n));
    out.one_use_fp = crypto_.sha256(der);
    out.one_use = SecretBytes(std::move(der));
    out.until_ms = kUntil;
    return out;
  }
  Peer peer(const char* name) { return find_peer(db_, name).value(); }
  std::int64_t keys() { return number(db_, "SELECT count(*) FROM keys"); }
  Change invite_bob(int n, bool replace = false) { return invite(db_, "bob", {}, key(n), kUntil, replace); }
  Database db_;
  int made_ = 0;
};

TEST_F(Invitations, InviteIsAFriendWhoseKeyIsToCome) {
  ASSERT_EQ(invite(db_, "bob", Addresses{{"b", 1}}, key(1), kUntil, false), Change::kDone);
  const Peer bob = peer("bob");
  EXPECT_TRUE(bob.invited() && !bob.joining() && !bob.has_their_key());
  EXPECT_EQ(bob.until_ms, kUntil);
  EXPECT_EQ(bob.pub, key(1).spki_der);
  EXPECT_EQ(bob.addresses, (Addresses{{"b", 1}}));
  EXPECT_EQ(unassigned_keys(db_), 5);
  EXPECT_EQ(next_expiry(db_), kUntil);
  EXPECT_EQ(number(db_, "SELECT has_key FROM v_peers"), 0);
}

TEST_F(Invitations, TheirKeyEndsIt) {
  ASSERT_EQ(invite_bob(1), Change::kDone);
  const Peer before = peer("bob");
  ASSERT_EQ(store_invited_key(db_, before.id, before.gen, key(2), kUntil - 1), Change::kDone);
  const Peer bob = peer("bob");
  EXPECT_TRUE(bob.has_their_key() && !bob.invited());
  EXPECT_EQ(bob.pub, key(2).spki_der);
  EXPECT_EQ(bob.key_id, before.key_id) << "ours was in the line";
  EXPECT_EQ(bob.gen, before.gen + 1);
  EXPECT_EQ(next_expiry(db_), std::nullopt);
  EXPECT_EQ(number(db_, "SELECT has_key FROM v_peers"), 1);
  // The answer was lost: said again, it is answered again. Anybody else is too late.
  EXPECT_EQ(store_invited_key(db_, bob.id, before.gen, key(2), kUntil - 1), Change::kSame);
  EXPECT_EQ(store_invited_key(db_, bob.id, before.gen, key(3), kUntil - 1), Change::kNoSuch);
  EXPECT_EQ(store_invited_key(db_, bob.id, bob.gen, key(3), kUntil - 1), Change::kNoSuch);
  EXPECT_EQ(peer("bob").pub, key(2).spki_der);
}

TEST_F(Invitations, TheirKeyIsLookedAtAsOneSetByHand) {
  ASSERT_EQ(add_peer(db_, "cara"), Change::kDone);
  ASSERT_EQ(set_peer_key(db_, "cara", key(9).spki_der, key(9).fp, false), Change::kDone);
  ASSERT_EQ(invite_bob(1), Change::kDone);
  const Peer bob = peer("bob");
  const std::int64_t version = peers_version(db_);
  EXPECT_EQ(store_invited_key(db_, bob.id, bob.gen, key(9), 0), Change::kConflict) << "another friend's";
  EXPECT_EQ(store_invited_key(db_, bob.id, bob.gen, {key(7).spki_der, bob.key_fp}, 0), Change::kConflict) << "ours";
  EXPECT_EQ(store_invited_key(db_, bob.id, bob.gen, key(1), 0), Change::kConflict) << "the one-use key is nobody's own";
  EXPECT_EQ(store_invited_key(db_, bob.id + 7, bob.gen, key(2), 0), Change::kNoSuch);
  EXPECT_EQ(store_invited_key(db_, bob.id, bob.gen, key(2), kUntil), Change::kNoSuch) << "too late";
  EXPECT_EQ(peers_version(db_), version);
  EXPECT_TRUE(peer("bob").invited());
}

TEST_F(Invitations, ByHandOrAnewTheOldOneEnds) {
  ASSERT_EQ(invite_bob(1), Change::kDone);
  EXPECT_EQ(invite_bob(2), Change::kExists);
  const Peer first = peer("bob");
  ASSERT_EQ(invite_bob(2, true), Change::kDone);
  const Peer second = peer("bob");
  EXPECT_NE(second.key_id, first.key_id);
  EXPECT_EQ(store_invited_key(db_, first.id, first.gen, key(3), 0), Change::kNoSuch);
  ASSERT_EQ(set_peer_key(db_, "bob", key(4).spki_der, key(4).fp, false), Change::kDone);
  EXPECT_EQ(store_invited_key(db_, first.id, second.gen, key(3), 0), Change::kNoSuch);
  EXPECT_TRUE(peer("bob").has_their_key());
  EXPECT_EQ(invite_bob(5), Change::kExists) << "a friend is not invited again";
  ASSERT_EQ(invite_bob(5, true), Change::kDone);
  ASSERT_EQ(replace_peer(db_, "bob"), Change::kDone);
  EXPECT_FALSE(peer("bob").invited());
  EXPECT_EQ(next_expiry(db_), std::nullopt);
}

TEST_F(Invitations, AFriendWithoutAKeyOfTheirsIsInvitedWithTheKeyThereWas) {
  ASSERT_EQ(add_peer(db_, "bob", Addresses{{"b", 1}}), Change::kDone);
  const Peer before = peer("bob");
  ASSERT_EQ(invite_bob(1), Change::kDone);
  EXPECT_EQ(peer("bob").key_id, before.key_id);
  EXPECT_EQ(peer("bob").addresses, before.addresses);
}

TEST_F(Invitations, JoinKeepsTwoKeysUntilTheFriendHasOurs) {
  ASSERT_EQ(join(db_, "ann", Addresses{{"a", 1}}, joining(1)), Change::kDone);
  const Peer ann = peer("ann");
  EXPECT_TRUE(ann.joining() && !ann.invited() && ann.has_their_key());
  EXPECT_EQ(ann.key_fp, joining(1).one_use_fp);
  EXPECT_EQ(ann.pub, joining(1).theirs.spki_der);
  EXPECT_EQ(private_key(db_, ann.key_id), Bytes(1200, 201));
  EXPECT_EQ(crypto_.sha256(private_key(db_, ann.next_key).value()), ann.next_fp);
  EXPECT_EQ(keys(), 7);
  EXPECT_EQ(unassigned_keys(db_), 5) << "neither is a spare";
  EXPECT_EQ(assigned_keys(db_), 2);
  for (int i = 0; i < 50; ++i) EXPECT_NE(random_unassigned_key(db_), private_key(db_, ann.next_key)) << "nor a decoy";
  for (int i = 0; i < 5; ++i) ASSERT_EQ(add_peer(db_, "p" + std::to_string(i)), Change::kDone);
  EXPECT_EQ(add_peer(db_, "late"), Change::kNoKey);

  EXPECT_FALSE(finish_joining(db_, ann.id, ann.gen + 1));
  ASSERT_TRUE(finish_joining(db_, ann.id, ann.gen));
  const Peer done = peer("ann");
  EXPECT_EQ(done.key_id, ann.next_key);
  EXPECT_EQ(done.pub, ann.pub);
  EXPECT_EQ(done.gen, ann.gen + 1);
  EXPECT_FALSE(done.joining());
  EXPECT_EQ(keys(), 6) << "the one-use key is gone";
  EXPECT_FALSE(private_key(db_, ann.key_id));
  EXPECT_FALSE(finish_joining(db_, ann.id, ann.gen)) << "the other process was quicker";
  EXPECT_FALSE(finish_joining(db_, ann.id, done.gen));
}

TEST_F(Invitations, JoinRefusesWhatWasTakenOrIsOurs) {
  ASSERT_EQ(join(db_, "ann", {}, joining(1)), Change::kDone);
  EXPECT_EQ(join(db_, "again", {}, joining(1)), Change::kConflict);
  ASSERT_TRUE(finish_joining(db_, peer("ann").id, peer("ann").gen));
  EXPECT_EQ(join(db_, "again", {}, joining(1)), Change::kConflict) << "the friend's key is known";
  EXPECT_EQ(join(db_, "ann", {}, joining(2)), Change::kExists);
  ASSERT_EQ(invite_bob(1), Change::kDone);
  Joining own = joining(3);
  own.theirs.fp = peer("bob").key_fp;
  EXPECT_EQ(join(db_, "self-made", {}, own), Change::kConflict);
  EXPECT_EQ(keys(), 6) << "nothing of it stays";
}

TEST_F(Invitations, JoinUsesTheKeyOfAFriendWhoIsThere) {
  ASSERT_EQ(add_peer(db_, "ann"), Change::kDone);
  const Peer before = peer("ann");
  ASSERT_EQ(join(db_, "ann", Addresses{{"a", 1}}, joining(1)), Change::kDone);
  EXPECT_EQ(peer("ann").next_key, before.key_id);
  EXPECT_EQ(peer("ann").our_fp(), before.key_fp);
}

TEST_F(Invitations, TheEndOfAFriendIsTheEndOfBothKeys) {
  ASSERT_EQ(join(db_, "ann", {}, joining(1)), Change::kDone);
  ASSERT_EQ(delete_peer(db_, "ann"), Change::kDone);
  EXPECT_EQ(keys(), 5);
  ASSERT_EQ(join(db_, "ann", {}, joining(1)), Change::kDone);
  ASSERT_EQ(replace_peer(db_, "ann"), Change::kDone);
  EXPECT_EQ(keys(), 4);
  EXPECT_FALSE(peer("ann").joining());
  EXPECT_EQ(unassigned_keys(db_), 3);
}

TEST_F(Invitations, AnotherKeyByHandEndsJoining) {
  ASSERT_EQ(join(db_, "ann", {}, joining(1)), Change::kDone);
  const Peer before = peer("ann");
  EXPECT_EQ(set_peer_key(db_, "ann", before.pub, before.pub_fp, false), Change::kSame);
  EXPECT_TRUE(peer("ann").joining());
  EXPECT_EQ(set_peer_key(db_, "ann", key(5).spki_der, key(5).fp, false), Change::kExists);
  ASSERT_EQ(set_peer_key(db_, "ann", key(5).spki_der, key(5).fp, true), Change::kDone);
  EXPECT_FALSE(peer("ann").joining());
  EXPECT_EQ(peer("ann").key_id, before.next_key);
  EXPECT_FALSE(private_key(db_, before.key_id));
}

TEST_F(Invitations, WhatIsDueExpiresOnceAndAlone) {
  ASSERT_EQ(invite_bob(1), Change::kDone);
  ASSERT_EQ(invite(db_, "carl", {}, key(2), kUntil + 1, false), Change::kDone);
  ASSERT_EQ(join(db_, "ann", {}, joining(1)), Change::kDone);
  const Peer bob = peer("bob"), ann = peer("ann");
  EXPECT_FALSE(expire_invitations(db_, kUntil - 1));
  ASSERT_TRUE(expire_invitations(db_, kUntil));
  EXPECT_TRUE(peer("bob").pub.empty()) << "bob stays, without a key of his";
  EXPECT_EQ(peer("bob").key_id, bob.key_id);
  EXPECT_EQ(peer("bob").gen, bob.gen + 1);
  EXPECT_TRUE(peer("carl").invited());
  EXPECT_EQ(peer("ann").key_id, ann.next_key) << "she may have it";
  EXPECT_EQ(peer("ann").pub, ann.pub);
  EXPECT_EQ(next_expiry(db_), kUntil + 1);
  EXPECT_FALSE(expire_invitations(db_, kUntil));
  ASSERT_EQ(invite_bob(3), Change::kDone) << "and may be invited again";
  EXPECT_EQ(store_invited_key(db_, bob.id, bob.gen, key(5), 0), Change::kNoSuch) << "with the old line";
}

}  // namespace
}  // namespace gossip::db::test
