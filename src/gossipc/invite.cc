#include "gossip/invite.h"

#include "crypto/keys.h"
#include "crypto/openssl.h"
#include "db/invite.h"
#include "gossip/secret.h"
#include "gossip/text.h"
#include "gossipc/new_friend.h"
#include "gossipc/when.h"
#include "sys/clock.h"
#include "sys/tcp.h"

namespace gossip::client {
namespace {

constexpr std::int64_t kGood = std::int64_t{7} * 24 * 3600 * 1000;

// The client's own configuration leaves these variables out, so that a wrong value does not stop a mere look.
Result<config::Config> listening() {
  const auto only_these = [](std::string_view name) -> std::optional<std::string> {
    if (name.starts_with("GOSSIPD_LISTEN_")) return config::from_environment(name);
    if (name == "GOSSIPD_USERNAME" || name == "GOSSIPD_DB_PATH") return "unused";
    return std::nullopt;
  };
  return config::read_config(only_these, config::Program::kDaemon);
}

bool of_this_machine(const sys::Address& address) {
  const auto bytes = address.bytes16();
  const bool zeros = std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t b) { return b == 0; });
  return (zeros && bytes.back() == 1) || (address.family() == AF_INET && bytes[12] == 127);
}

// Of this machine alone, or of all its interfaces: nothing that a friend could call.
bool no_way_in(const sys::Address& address) { return of_this_machine(address) || address.ip() == "0.0.0.0" || address.ip() == "::"; }

// The daemon's settings may be others than this shell's, and a tunnel may lead to it: so these are words only.
void note_deaf(const db::Addresses& here, const std::string& name) {
  const Result<config::Config> config = listening();
  const auto listens = config ? sys::Address::parse(config->listen_ip, config->listen_port) : std::nullopt;
  if (!listens || !of_this_machine(*listens)) return;
  for (const db::Address& place : here) {
    const auto numeric = sys::Address::parse(place.host, place.port);
    if (place.host == "localhost" || (numeric && of_this_machine(*numeric))) continue;
    note("gossipd listens at " + config->listen_ip + ", as far as this shell says: " + name + " comes through by a tunnel, or with "
         "GOSSIPD_LISTEN_IP=0.0.0.0");
    return;
  }
}

// Where we are called: --here, or where the daemon listens.
Result<db::Addresses> own_addresses(const Options& options) {
  const Result<config::Config> config = listening();
  if (!config) return config.refusal();
  const int port = config->listen_port > 0 ? config->listen_port : kDefaultPort;
  if (options.has(kHere)) return parse_addresses(options.values(kHere), port);
  const auto address = sys::Address::parse(config->listen_ip, port);
  if (!address || no_way_in(*address) || config->listen_port == 0) return db::Addresses{};
  return db::Addresses{{config->listen_ip, port}};
}

Result<std::int64_t> good_for(const Options& options) {
  if (!options.has(kExpires)) return kGood;
  const auto span = parse_span(options.value(kExpires));
  if (!span || *span <= 0 || *span > kLongestInvitation)
    return Refusal{"--expires does not understand " + quoted(options.value(kExpires)), "how long: 90m, 2h or 7d; 90d at most"};
  return *span;
}

int print_line(Call& call, db::Database& db, const db::Peer& peer, Invitation& invitation) {
  std::optional<Bytes> der = db::private_key(db, peer.key_id);
  if (!der) throw db::Error(db::Trouble::kBusy, quoted(peer.name) + " was deleted or replaced by another program just now");
  const SecretBytes ours(std::move(*der));
  invitation.modulus = crypto::modulus_of(ours);
  std::string line = format_invitation(*crypto::make_crypto(), invitation);
  call.out.put(line + "\n");
  wipe({reinterpret_cast<std::uint8_t*>(line.data()), line.size()});
  return put_out(call, quoted(peer.name) + " is invited all the same, and the line is lost: --replace makes another", true);
}

void note_next_steps(const std::string& name, const Invitation& invitation, bool called) {
  note("give this line to " + name + " and to nobody else: whoever uses it first becomes " + name + " here");
  note(name + " says gossipc join and pastes it; it works once, until " + format_utc(invitation.until_ms) + " UTC");
  note(name + " will get everything kept here, old messages too");
  if (!invitation.places.empty()) return;
  note(called ? "no address of yours is in it: you call " + name
              : "no address of yours is in it, and none of theirs is known: one is needed, see --here and --host");
}

int refused(db::Database& db, db::Change change, const std::string& name) {
  const std::optional<db::Peer> peer = change == db::Change::kExists ? db::find_peer(db, name) : std::nullopt;
  if (!peer || !peer->invited()) return refuse_friend(db, change, name);
  return fail(kTrouble, name + " is invited already, until " + format_utc(peer->until_ms) + " UTC",
              "--replace makes a new invitation, and a new key; the old one ends");
}

}  // namespace

int invite(Call& call) {
  const std::string& name = call.options.value(kName);
  if (name.empty()) return fail(kUsage, "invite needs a name", "gossipc invite bob --here alice.example");
  if (const auto refusal = check_name(name)) return fail(kUsage, *refusal);
  const Result<db::Addresses> theirs = friends_addresses(call.options), here = own_addresses(call.options);
  for (const auto* addresses : {&theirs, &here})
    if (!*addresses) return fail(kUsage, addresses->refusal());
  const Result<std::int64_t> good = good_for(call.options);
  if (!good) return fail(kUsage, good.refusal());
  const std::optional<int> seconds = seconds_to_wait(call.options, 0);
  if (!seconds) return fail(kUsage, "--wait takes a number of seconds, not " + quoted(call.options.value(kWait)));
  const Result<int> wanted = wanted_bits();
  if (!wanted) return fail(kUsage, wanted.refusal());

  db::Database db = open_to_write(call, true);
  const std::optional<db::Peer> there = db::find_peer(db, name);
  if (there && !there->pub.empty() && !call.options.has(kReplace)) return refused(db, db::Change::kExists, name);
  const int bits = network_bits(db, *wanted);
  crypto::NewKey made = make_key(call, bits, "making a one-use key");
  const SecretBytes one_use(std::move(made.private_der));
  Invitation invitation;
  invitation.until_ms = sys::wall_ms() + *good;
  if (valid_peer_name(call.config.username)) invitation.name = call.config.username;
  for (const db::Address& place : *here) invitation.places.push_back({place.host, static_cast<std::uint16_t>(place.port)});
  invitation.primes = crypto::primes_of(one_use);
  const auto host = call.options.has(kHost) ? std::optional(*theirs) : std::nullopt;
  const db::Public stands_in{crypto::public_der(one_use), made.fp};
  const db::Change change = with_a_key(call, db, bits, [&] {
    return db::invite(db, name, host, stands_in, invitation.until_ms, call.options.has(kReplace));
  });
  if (change != db::Change::kDone) return refused(db, change, name);
  const std::optional<db::Peer> peer = db::find_peer(db, name);
  if (!peer) return no_such_peer(db, name);  // deleted by somebody else since
  const int code = print_line(call, db, *peer, invitation);
  ring(call);
  if (code != kDone) return code;
  if (!call.quiet()) {
    note_next_steps(name, invitation, !peer->addresses.empty());
    note_deaf(*here, name);
  }
  return wait_for_friend(call, db, name, *seconds, *seconds > 0);
}

}  // namespace gossip::client
