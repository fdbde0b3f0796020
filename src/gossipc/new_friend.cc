#include "gossipc/new_friend.h"

#include <poll.h>

#include <charconv>

#include "gossip/limits.h"
#include "gossip/text.h"
#include "gossipc/exchange.h"
#include "gossipc/progress.h"
#include "gossipc/when.h"
#include "sys/clock.h"

namespace gossip::client {
namespace {

constexpr int kTries = 5;          // at keys that others take as they are made
constexpr int kLookMs = 200;       // at the database, while we wait
constexpr int kLongestWait = kLongestInvitation / 1000;

// The invitation is over, one way or the other.
int tell_outcome(const Call& call, const db::Peer& peer, std::int64_t now_ms, std::int64_t until_ms) {
  if (!peer.has_their_key())
    return fail(kTimedOut, "the invitation is over, and " + peer.name + " did not come", "gossipc invite " + peer.name + " makes another");
  if (now_ms >= until_ms)
    return fail(kTimedOut, "the invitation is over, and " + peer.name + " may not have your key",
                "gossipc peers says how it is; gossipc show-key prints the key for them");
  if (!call.quiet()) note("now friends with " + peer.name);
  note_pair_code(call, peer);
  return kDone;
}

}  // namespace

std::optional<Refusal> check_name(const std::string& name) {
  if (valid_peer_name(name)) return std::nullopt;
  return Refusal{quoted(name) + " is not a name for a peer", "1 to 64 of A-Z a-z 0-9 _ . -, not starting with - or ., not self"};
}

Result<db::Addresses> friends_addresses(const Options& options) {
  if (options.has(kPort) && !options.has(kHost))
    return Refusal{"--port without --host", "give both, or neither to wait for their call"};
  return addresses_of(options);
}

crypto::NewKey make_key(const Call& call, int bits, const std::string& why) {
  Ticker ticker(call.quiet());
  return crypto::make_key(bits, [&] {
    ticker.show([&] { return why + " of " + std::to_string(bits) + " bits: " + std::to_string(ticker.seconds()) + " s"; });
  });
}

db::Change with_a_key(Call& call, db::Database& db, int bits, const std::function<db::Change()>& attempt) {
  db::Change change = attempt();
  for (int i = 0; i < kTries && change == db::Change::kNoKey; ++i) {
    crypto::NewKey key = make_key(call, bits, "no key is ready; making one");
    db::add_key(db, key.private_der, key.fp);
    wipe(key.private_der);
    change = attempt();
  }
  return change;
}

int refuse_friend(db::Database& db, db::Change change, const std::string& name) {
  switch (change) {
    case db::Change::kExists:
      return fail(kTrouble, "there is a peer named " + quoted(name) + " already",
                  "gossipc show-key " + name + " prints its key again; --replace makes a new one on purpose");
    case db::Change::kNoSuch: return no_such_peer(db, name);
    case db::Change::kFull:
      return fail(kRefused, "there are " + std::to_string(kMaxPeers) + " peers, and no more fit",
                  "gossipc delete-peer makes room");
    default: return fail(kNoKeyYet, "other programs took every key as it was made", "try again");
  }
}

std::optional<int> seconds_to_wait(const Options& options, int otherwise) {
  if (!options.has(kWait)) return otherwise;
  const std::string& text = options.value(kWait);
  int seconds = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool fine = error == std::errc() && end == text.data() + text.size() && seconds >= 0 && seconds <= kLongestWait;
  return fine ? std::optional(seconds) : std::nullopt;
}

int wait_for_friend(Call& call, db::Database& db, const std::string& name, int seconds, bool asked) {
  const bool running = ring(call);
  if (!running && !call.quiet()) note("gossipd is not running here: until it does nothing happens");
  if (seconds == 0 || (!running && !asked)) return kDone;
  if (!running) return fail(kNoDaemon, "there is nothing to wait for", "start gossipd");
  if (!call.quiet()) note("waiting for " + name + "; an interruption ends the waiting alone");
  const std::int64_t end = sys::wall_ms() + std::int64_t{seconds} * 1000;
  std::int64_t until_ms = 0;
  for (;;) {
    const std::optional<db::Peer> peer = db::find_peer(db, name);
    const std::int64_t now_ms = sys::wall_ms();
    if (!peer) return no_such_peer(db, name);
    if (peer->until_ms == 0) return tell_outcome(call, *peer, now_ms, until_ms > 0 ? until_ms : now_ms + 1);
    until_ms = peer->until_ms;
    if (now_ms >= end) break;
    ::poll(nullptr, 0, kLookMs);
  }
  const char* hint = "gossipc peers says how it is; the daemon goes on";
  if (asked) return fail(kTimedOut, "no word from " + name + " in " + std::to_string(seconds) + " s", hint);
  if (!call.quiet()) note("no word from " + name + " yet; " + hint + " until " + format_utc(until_ms));
  return kDone;
}

}  // namespace gossip::client
