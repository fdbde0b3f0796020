#include "gossipd/roster.h"

#include "crypto/keys.h"
#include "gossip/secret.h"
#include "gossipd/crashes.h"
#include "sys/log.h"

namespace gossip::daemon {
namespace {

Hash stamp_of(Crypto& crypto, const db::Peer& peer, View psk) {
  Bytes all;
  Writer(all).u64(peer.id).u64(peer.gen).bytes(peer.key_fp).bytes(peer.next_fp).bytes(peer.pub_fp).u8(peer.pub.empty() ? 0 : peer.invited() ? 2 : 1).bytes(psk);
  Hash stamp = crypto.sha256(all);
  wipe(all);
  return stamp;
}

std::uint64_t address_stamp(Crypto& crypto, const db::Peer& peer, std::uint32_t pq_resets) {
  Bytes all;
  for (const db::Address& one : peer.addresses)
    Writer(all).bytes(as_view(one.host)).u8(0).u32(static_cast<std::uint32_t>(one.port));
  Writer(all).bytes(peer.key_fp).bytes(peer.pub_fp).u32(pq_resets);
  return Reader(crypto.sha256(all)).u64();
}

// One of our keypairs for the friend.
struct Ours {
  std::uint64_t gen;
  std::int64_t key;
  const Hash& fp;
};

std::shared_ptr<const PairKeys> parse_keys(Crypto& crypto, const db::Peer& peer, const Ours& ours, View private_der, View psk) {
  auto pair = std::make_shared<PairKeys>();
  pair->peer = peer.id;
  pair->gen = ours.gen;
  pair->ours = crypto::load_private(private_der);
  pair->theirs = crypto::load_public(peer.pub);
  pair->fp_ours = ours.fp;
  pair->fp_theirs = peer.pub_fp;
  pair->out = derive_statics(crypto, psk, ours.fp, peer.pub_fp);
  pair->in = derive_statics(crypto, psk, peer.pub_fp, ours.fp);
  return pair;
}

// A friend whose keys do not parse is left without; the others have nothing to do with it. Said once: the stamp stays the same.
std::shared_ptr<const PairKeys> make_keys(db::Database& db, Crypto& crypto, const db::Peer& peer, const Ours& ours, View psk,
                                          Bytes* public_half = nullptr) {
  if (peer.pub.empty()) return nullptr;
  std::optional<Bytes> der;
  std::shared_ptr<const PairKeys> pair;
  try {
    der = db::private_key(db, ours.key);
    if (!der) throw std::runtime_error("a private key is not in the database: it is damaged");
    pair = parse_keys(crypto, peer, ours, *der, psk);
    if (public_half) *public_half = crypto::public_der(*der);
  } catch (const std::runtime_error& error) {
    const auto* trouble = dynamic_cast<const db::Error*>(&error);
    if (trouble && trouble->trouble() != db::Trouble::kDamaged) throw;
    sys::error(std::string("one friend is left out, -v says who: ") + error.what());
    sys::debug("left out: " + peer.name);
  }
  if (der) wipe(*der);
  return pair;
}

std::shared_ptr<const PairKeys> with_pq(std::shared_ptr<const PairKeys> keys, bool need) {
  if (!keys || keys->need_pq == need) return keys;
  auto changed = std::make_shared<PairKeys>(*keys);
  changed->need_pq = need;
  return changed;
}

}  // namespace

void Roster::load_keys(Friend& one, const Friend* known, const db::Peer& peer, View psk) {
  if (known) {
    one.keys = known->keys;
    one.next = known->next;
    one.info = known->info;
    return;
  }
  one.keys = make_keys(db_, crypto_, peer, {peer.gen, peer.key_id, peer.key_fp}, psk);
  if (peer.invited()) one.info.pairing = Pairing::kInvited;
  if (!peer.joining()) return;
  one.info.pairing = Pairing::kJoining;
  one.next = make_keys(db_, crypto_, peer, {peer.gen + 1, peer.next_key, peer.next_fp}, psk, &one.info.next_key);
  if (!one.next) one.keys.reset();
}

void Roster::load(View network_key, bool require_pq, std::int64_t wall_ms) {
  const db::Snapshot snapshot(db_);  // a friend deleted in the middle is here whole, and gone in the next load
  version_ = db::peers_version(db_);
  const Secret32 psk = psk_of(crypto_, network_key);
  const std::vector<db::Crash> crashes = db::crashes(db_);
  quarantine_ = quarantine_of(crashes);
  std::map<PeerId, Friend> fresh;
  for (const db::Peer& peer : db::list_peers(db_)) {
    Friend one;
    one.name = peer.name;
    one.addresses = peer.addresses;
    one.worked = peer.worked;
    one.stamp = stamp_of(crypto_, peer, psk);
    const Friend* known = find(peer.id);
    load_keys(one, known && known->stamp == one.stamp ? known : nullptr, peer, psk);
    for (auto* keys : {&one.keys, &one.next}) *keys = with_pq(*keys, require_pq || peer.pq_seen);
    one.pq_seen = peer.pq_seen;
    if (known) one.pq_resets = known->pq_resets + (known->pq_seen && !peer.pq_seen ? 1 : 0);
    one.info.peer = peer.id;
    one.info.gen = peer.gen;
    one.info.dialable = one.keys && !peer.addresses.empty();
    one.info.address_stamp = address_stamp(crypto_, peer, one.pq_resets);
    one.info.crashes = 0, one.info.put_off = 0;
    put_off(one.info, crashes, wall_ms);
    fresh.emplace(peer.id, std::move(one));
  }
  friends_ = std::move(fresh);
}

const Friend* Roster::find(PeerId peer) const {
  auto found = friends_.find(peer);
  return found == friends_.end() ? nullptr : &found->second;
}

std::vector<PeerInfo> Roster::infos() const {
  std::vector<PeerInfo> out;
  for (const auto& [id, one] : friends_) out.push_back(one.info);
  return out;
}

std::vector<std::shared_ptr<const PairKeys>> Roster::keys() const {
  std::vector<std::shared_ptr<const PairKeys>> out;
  for (const auto& [id, one] : friends_)
    for (const auto* keys : {&one.keys, &one.next})
      if (*keys) out.push_back(*keys);
  return out;
}

}  // namespace gossip::daemon
