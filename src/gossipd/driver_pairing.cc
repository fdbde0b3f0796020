// What the driver does for keys that come by invitation (gossip(7), INVITATIONS): checks them, and stores what became of them before
// anybody is told.
#include "crypto/keys.h"
#include "db/invite.h"
#include "gossipd/driver.h"

namespace gossip::daemon {

void Driver::on(Now now, const KeyCame& action) {
  KeyJudged judged{action.link, {}, false};
  if (const auto key = crypto::import_der(action.spki_der, setup_.config.rsa_bits)) {
    db::Change change = db::Change::kNoSuch;
    judged.later = !db::done([&] {
      change = db::store_invited_key(db_, action.peer, action.gen, {key->spki_der, key->fp}, now.wall_ms);
    });
    if (change == db::Change::kDone || change == db::Change::kSame) judged.fp = key->fp;
  }
  if (judged.fp) sys::info("a friend came by invitation");
  peers_changed();
  engine_.handle(now, judged);
}

// Where it cannot be stored now, the next session with the new keys says it again.
void Driver::on(Now, const KeyTaken& action) { db::done([&] { finish_joining(action.peer, action.gen); }); }

// A session with the keys that an invitation was for proves that the friend has ours: they are the ones from now on. False: that
// could not be stored.
bool Driver::joined(Now now, const Channel& channel) {
  const Friend* who = roster_.find(channel.peer());
  if (!who || !who->next || who->next->gen != channel.gen()) return true;
  const std::uint64_t gen = who->info.gen;
  if (!db::done([&] { finish_joining(channel.peer(), gen); })) return false;
  load_peers(now);
  return true;
}

void Driver::finish_joining(PeerId peer, std::uint64_t gen) {
  if (!db::finish_joining(db_, peer, gen)) return;
  sys::info("a friend whose invitation we took has our key");
  peers_changed();
}

}  // namespace gossip::daemon
