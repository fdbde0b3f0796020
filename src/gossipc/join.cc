#include <termios.h>
#include <unistd.h>

#include <algorithm>

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "db/invite.h"
#include "gossip/invite.h"
#include "gossipc/lines.h"
#include "gossipc/new_friend.h"
#include "gossipc/taken.h"
#include "gossipc/when.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr int kWaitAtTerminal = 60;

// The secret is in what was pasted.
struct Pasted {
  std::string text;
  Pasted() { text.reserve(2 * kMaxInvite); }
  ~Pasted() { wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}); }
};

// What is pasted behind the line would be a command to the shell.
struct RestOfPaste {
  ~RestOfPaste() { ::tcflush(0, TCIFLUSH); }  // an error where there is no terminal, and nothing else
};

// At a terminal the line is enough: nobody should have to say that it ends.
Result<Invitation> read_invitation() {
  const auto crypto = crypto::make_crypto();
  const bool terminal = ::isatty(0) == 1;
  if (terminal) note("paste the invitation, and press Enter");
  Pasted pasted, piece;
  while (pasted.text.size() <= kMaxInvite && read_some(0, piece.text)) {
    pasted.text += piece.text;
    if (!terminal) continue;
    Result<Invitation> read = parse_invitation(*crypto, pasted.text);
    if (read || piece.text == "\n") return read;
  }
  return parse_invitation(*crypto, pasted.text);
}

int refused(db::Database& db, db::Change change, const std::string& name) {
  if (change == db::Change::kConflict)
    return fail(kTrouble, "this invitation was taken here already, or is your own", "gossipc peers says how its friend is");
  if (change == db::Change::kExists)
    return fail(kTrouble, "there is a peer named " + quoted(name) + " already", "gossipc join OTHER-NAME takes it under another one");
  return refuse_friend(db, change, name);
}

}  // namespace

int join(Call& call) {
  const Result<db::Addresses> typed = friends_addresses(call.options);
  if (!typed) return fail(kUsage, typed.refusal());
  const std::optional<int> seconds = seconds_to_wait(call.options, ::isatty(0) == 1 ? kWaitAtTerminal : 0);
  if (!seconds) return fail(kUsage, "--wait takes a number of seconds, not " + quoted(call.options.value(kWait)));
  const Result<int> wanted = wanted_bits();
  if (!wanted) return fail(kUsage, wanted.refusal());
  const std::string& given = call.options.value(kName);
  if (!given.empty())
    if (const auto refusal = check_name(given)) return fail(kUsage, *refusal);

  const RestOfPaste left_unread;
  const Result<Invitation> invitation = read_invitation();
  if (!invitation) return fail(kTrouble, invitation.refusal());
  const std::string name = given.empty() ? invitation->name : given;
  if (name.empty()) return fail(kUsage, "the invitation does not say whose it is", "gossipc join NAME: what you call this friend");
  if (invitation->until_ms <= sys::wall_ms())
    return fail(kTrouble, "the invitation ended at " + format_utc(invitation->until_ms) + " UTC",
                "ask for another one; or is the clock of this machine wrong?");
  db::Database db = open_to_write(call, true);
  const std::optional<db::Peer> there = db::find_peer(db, name);
  if (given.empty() && there && there->pub.empty())  // the name is a claim, and nobody becomes a friend there is by one
    return fail(kTrouble, "there is a peer named " + quoted(name) + " already", "gossipc join " + name + ", if it is the same friend; or another name");
  const int bits = network_bits(db, *wanted);
  Result<Taken> taken = take(*invitation, bits);
  if (!taken) return fail(kTrouble, taken.refusal());
  taken->joining.until_ms = std::min(invitation->until_ms, sys::wall_ms() + kLongestInvitation);  // whatever the line says
  const auto addresses = call.options.has(kHost) ? *typed : taken->addresses;
  const db::Change change = with_a_key(call, db, bits, [&] { return db::join(db, name, addresses, taken->joining); });
  if (change != db::Change::kDone) return refused(db, change, name);
  if (!call.quiet()) {
    note("joining " + name + (addresses.empty() ? ", who has to call us" : " at " + address_words(addresses)) + " ...");
    note(name + " will get everything kept here, old messages too");
  }
  return wait_for_friend(call, db, name, *seconds, call.options.has(kWait) && *seconds > 0);
}

}  // namespace gossip::client
