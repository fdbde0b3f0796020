#include "gossipc/store.h"

#include <sys/stat.h>

#include <charconv>

#include "crypto/kdf.h"
#include "crypto/openssl.h"
#include "sys/clock.h"
#include "sys/doorbell.h"
#include "sys/error.h"

namespace gossip::client {
namespace {

constexpr int kPatienceMs = 15'000;  // a daemon that stores a large batch is waited for

}  // namespace

Passphrase read_passphrase(const Call& call) {
  auto passphrase = config::read_passphrase(call.config);
  if (!passphrase) throw Unusable{passphrase.refusal()};
  return std::move(*passphrase);
}

std::optional<Refusal> input_taken(const Call& call) {
  const std::string& file = call.config.passphrase_file;
  struct stat there {}, input {};
  const bool same = !file.empty() && ::stat(file.c_str(), &there) == 0 && ::fstat(0, &input) == 0 && there.st_dev == input.st_dev &&
                    there.st_ino == input.st_ino;
  if (!same && file != "-" && call.config.passphrase_fd != 0) return std::nullopt;
  return Refusal{"the passphrase comes from standard input, and so would the text", "put one of them elsewhere: -m TEXT"};
}

std::optional<db::KeyMaker> key_maker(const Passphrase& passphrase) {
  if (!passphrase) return std::nullopt;
  const auto derive = [&](View kdf) { return crypto::derive_key(*passphrase, kdf); };
  return db::KeyMaker{crypto::make_crypto(), crypto::make_rng(), crypto::fresh_kdf, derive};
}

db::Database open_as_it_is(const Call& call, bool write, bool create) {
  db::Database db = db::open_store(call.config.db_path, {.busy_timeout_ms = kPatienceMs, .create = create, .write = write});
  db::check_version(db);  // an older one is for gossipd to bring up to date
  return db;
}

// The passphrase first: a descriptor nobody passed must not turn out to be the database.
static db::Database open_unlocked(const Call& call, bool write, bool create) {
  const Passphrase passphrase = read_passphrase(call);
  db::Database db = open_as_it_is(call, write, create);
  db::unlock(db, key_maker(passphrase), write);
  return db;
}

db::Database open_to_read(const Call& call) { return open_unlocked(call, false, false); }
db::Database open_to_write(const Call& call, bool create) { return open_unlocked(call, true, create); }

// The client's own configuration leaves this variable out, so that a wrong value does not stop a mere look.
Result<int> wanted_bits() {
  const auto only_bits = [](std::string_view name) -> std::optional<std::string> {
    if (name == "GOSSIPD_RSA_BITS") return config::from_environment(name);
    if (name == "GOSSIPD_USERNAME" || name == "GOSSIPD_DB_PATH") return "unused";
    return std::nullopt;
  };
  const Result<config::Config> config = config::read_config(only_bits, config::Program::kDaemon);
  if (!config) return config.refusal();
  return config->rsa_bits;
}

int network_bits(db::Database& db, int wanted) {
  const std::optional<std::string> stored = db::meta_get(db, "rsa_bits");
  int bits = 0;
  if (stored) std::from_chars(stored->data(), stored->data() + stored->size(), bits);
  return bits > 0 ? bits : wanted;
}

bool ring(const Call& call) { return sys::ring(call.config.db_path + ".bell"); }

int put_out(Call& call, const std::string& stands, bool needed) try {
  if (call.out.flush() || !needed) return kDone;
  return fail(kIo, "nobody reads what is printed", stands);
} catch (const sys::Error& error) {
  return fail(kIo, error.what(), stands);
}

void append_all(db::Database& db, db::Log& log, const std::vector<Incoming>& messages) {
  db::Transaction transaction(db);
  db::check_version(db);
  log.append(messages, sys::wall_ms());
  transaction.commit();
}

int no_such_peer(db::Database& db, std::string_view name) {
  return fail(kNoSuch, "no peer named " + quoted(name), did_you_mean(name, db::peer_names(db), "gossipc peers lists them"));
}

int fail_for(const db::Error& error, const Call& call) {
  const std::string& path = call.config.db_path;
  switch (error.trouble()) {
    case db::Trouble::kMissing:
      return fail(kNoSuch, "no database at " + path, "gossipd makes it when it starts; GOSSIPD_DB_PATH says where it is");
    case db::Trouble::kBusy: return fail(kBusy, error.what(), error.hint());
    case db::Trouble::kLocked: return fail(kTrouble, error.what(), error.hint());
    case db::Trouble::kDamaged:
    case db::Trouble::kNotOurs:
    case db::Trouble::kNewer: return fail(kDamaged, error.what(), error.hint());
    case db::Trouble::kFull:
    case db::Trouble::kIo: return fail(kIo, error.what(), error.hint());
    case db::Trouble::kOther: break;
  }
  return fail(kOurBug, error.what(), error.hint());
}

}  // namespace gossip::client
