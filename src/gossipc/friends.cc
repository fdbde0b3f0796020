#include "gossipc/friends.h"

#include <algorithm>

#include "db/json.h"
#include "gossip/text.h"
#include "gossipc/address.h"
#include "gossipc/exchange.h"
#include "gossipc/when.h"

namespace gossip::client {
namespace {

constexpr std::int64_t kInTurnMs = 30'000;  // a call does not take longer, unless names or several addresses are slow

const db::PeerState* side_of(const std::vector<db::PeerState>& states, PeerId peer, int side) {
  for (const db::PeerState& state : states) {
    if (state.peer == peer && state.side == side) return &state;
  }
  return nullptr;
}

bool is_up(const db::PeerState* state) { return state && state->state == "up"; }
Why why_of(const db::PeerState* state) { return state ? parse_why(state->reason) : Why::kNone; }

std::string try_words(const char* which, std::int64_t next_ms, std::int64_t now_ms) {
  if (next_ms > now_ms) return std::string("; ") + which + " try in " + span_words(next_ms - now_ms);
  return now_ms - next_ms < kInTurnMs ? "; dialled now, or within seconds" : "; due, behind others who are dialled first";
}

// The answer to a caller who is not known and to one who has a wrong key is the same, by design (gossip(7), HANDSHAKE). But keys
// that once made a session were right at both sides.
std::string dial_words(Why why, bool worked_before, bool pq_seen) {
  if (why != Why::kNotRecognised || !worked_before) return why_words(why);
  const std::string exchange =
      pq_seen ? "can do no post-quantum key exchange any more, and then both say gossipc set-peer-key --reset-pq"
              : "want a post-quantum key exchange and we can do none";
  return "not recognised any more (with these keys it has worked: they have deleted us or made a new key since, or a network key "
         "was changed, or they " + exchange + ", or somebody else answers there)";
}

std::string last_words(const FriendView& view) {
  return view.last_up_ms > 0 ? "; last up " + format_utc(view.last_up_ms) : "; never up so far";
}

void say_up(FriendView& view, const db::PeerState* ours, const db::PeerState* theirs, const db::Peer& peer) {
  const bool both = is_up(ours) && is_up(theirs);
  view.up = true;
  view.since_ms = both ? std::min(ours->since_ms, theirs->since_ms) : (is_up(ours) ? ours : theirs)->since_ms;
  const char* who = both ? " (both called)" : is_up(ours) ? " (we called)" : " (they called)";
  view.pq = (!is_up(ours) || ours->pq) && (!is_up(theirs) || theirs->pq);
  view.words = "up since " + format_utc(view.since_ms) + who + (view.pq ? ", post-quantum" : ", classical");
  view.why = why_of(is_up(ours) ? ours : theirs);
  if (view.why != Why::kNone) view.words += std::string("; ") + why_words(view.why);
  const Why own = is_up(ours) || peer.addresses.empty() ? Why::kNone : why_of(ours);
  if (own != Why::kNone) view.words += std::string("; our own calls: ") + why_words(own);
}

// Nobody is dialled there: what their calls came to is all there is to say.
void say_no_address(FriendView& view, const db::PeerState* theirs) {
  view.why = Why::kNoAddress;
  view.words = "not up: no next try, we have no address and wait for their call";
  if (theirs) view.since_ms = theirs->since_ms;
  if (why_of(theirs) != Why::kNone) view.words += std::string("; the last one: ") + why_words(why_of(theirs));
}

void say_down(FriendView& view, const db::PeerState* ours, const db::PeerState* theirs, bool pq_seen, std::int64_t now_ms) {
  view.why = why_of(ours) == Why::kNone ? Why::kNotTried : why_of(ours);
  view.words = "not up: " + dial_words(view.why, view.last_up_ms > 0, pq_seen);
  if (ours) {
    view.since_ms = ours->since_ms;
    view.next_ms = ours->next_ms;
    view.failures = ours->failures;
    view.outage = ours->state == "outage";
  }
  if (view.outage) view.words += "; our own network seems to be down";
  else if (view.failures > 1) view.words += "; " + std::to_string(view.failures) + " failures in a row";
  if (view.next_ms > 0) view.words += try_words(view.why == Why::kNotTried ? "first" : "next", view.next_ms, now_ms);
  if (why_of(theirs) != Why::kNone) view.words += std::string("; their calls: ") + why_words(why_of(theirs));
}

}  // namespace

static FriendView session_view(const db::Peer& peer, const std::vector<db::PeerState>& states, bool running, std::int64_t now_ms) {
  const db::PeerState* ours = side_of(states, peer.id, 0);
  const db::PeerState* theirs = side_of(states, peer.id, 1);
  FriendView view;
  view.last_up_ms = std::max(ours ? ours->last_up_ms : 0, theirs ? theirs->last_up_ms : 0);
  if (peer.pub.empty()) {
    view.why = Why::kNoKey;
    view.words = "not up: no key from them yet, gossipc set-peer-key " + peer.name + " takes it in";
    return view;
  }
  if (!running) {
    view.why = Why::kNoDaemon;
    view.words = "unknown, the daemon is not running: no try is due";
  } else if (is_up(ours) || is_up(theirs)) {
    view.last_up_ms = now_ms;
    say_up(view, ours, theirs, peer);
    return view;
  } else if (peer.addresses.empty()) {
    say_no_address(view, theirs);
  } else {
    say_down(view, ours, theirs, peer.pq_seen, now_ms);
  }
  view.words += last_words(view);
  return view;
}

FriendView friend_view(const db::Peer& peer, const std::vector<db::PeerState>& states, bool running, std::int64_t now_ms) {
  FriendView view = session_view(peer, states, running, now_ms);
  if (peer.until_ms == 0) return view;
  const std::string until = format_utc(peer.until_ms) + "; ";
  if (peer.joining() && view.why == Why::kNotRecognised) view.words += "; or somebody else used the invitation first";
  view.words = (peer.joining() ? "joining by their invitation, until " : "invited, waiting for them until ") + until + view.words;
  return view;
}

std::optional<std::string> outage_line(const std::vector<FriendView>& friends, std::int64_t now_ms) {
  std::optional<std::int64_t> next;
  for (const FriendView& one : friends) {
    if (one.outage) next = std::min(next.value_or(one.next_ms), one.next_ms);
  }
  if (!next) return std::nullopt;
  return "our own network seems to be down: friend after friend failed within a minute, and none is up" +
         try_words("next", *next, now_ms);
}

std::string friend_line(const db::Peer& peer, const FriendView& view) {
  return shown(peer.name + " at " + address_words(peer.addresses) + ": " + view.words);
}

const db::PeerSync* sync_of(const std::vector<db::PeerSync>& syncs, PeerId peer) {
  const auto found = std::ranges::find(syncs, peer, &db::PeerSync::peer);
  return found == syncs.end() ? nullptr : &*found;
}

std::string friend_json(db::Database& db, const db::Peer& peer, const FriendView& view, const db::PeerSync* sync) {
  db::JsonObject out(db);
  out.text("name", peer.name);
  if (peer.addresses.empty()) {
    out.null("host").null("port");
  } else {
    out.text("host", peer.addresses[0].host).integer("port", peer.addresses[0].port);
  }
  std::vector<std::string> addresses;
  for (const db::Address& one : peer.addresses) addresses.push_back(address_words(one));
  out.texts("addresses", addresses);
  out.boolean("key_set", peer.has_their_key()).boolean("up", view.up).text("state", view.words);
  view.since_ms > 0 ? out.integer("since_ms", view.since_ms) : out.null("since_ms");
  view.why == Why::kNone ? out.null("reason") : out.text("reason", why_code(view.why));
  view.next_ms > 0 ? out.integer("next_try_ms", view.next_ms) : out.null("next_try_ms");
  view.last_up_ms > 0 ? out.integer("last_up_ms", view.last_up_ms) : out.null("last_up_ms");
  out.integer("failures", view.failures).boolean("outage", view.outage);
  view.up ? out.boolean("pq", view.pq) : out.null("pq");
  out.boolean("pq_seen", peer.pq_seen);
  out.integer("cursor", sync ? db::signed_of(sync->cursor) : 0).integer("acked", sync ? db::signed_of(sync->acked) : 0);
  peer.until_ms == 0 ? out.null("invitation") : out.text("invitation", peer.joining() ? "joining" : "invited");
  peer.until_ms == 0 ? out.null("until_ms") : out.integer("until_ms", peer.until_ms);
  const std::optional<std::string> code = pair_code_of(peer);
  code ? out.text("pair_code", *code) : out.null("pair_code");
  return shown(out.take(), Show::kJson);
}

}  // namespace gossip::client
