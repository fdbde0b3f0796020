#include "gossipd/run.h"

#include <cerrno>
#include <cstdio>

#include "crypto/kdf.h"
#include "crypto/openssl.h"
#include "db/files.h"
#include "db/peers.h"
#include "db/schema.h"
#include "db/seal.h"
#include "gossip/text.h"
#include "gossipd/containment.h"
#include "gossipd/descriptors.h"
#include "gossipd/listener.h"
#include "gossipd/runner.h"
#include "gossipd/worker.h"
#include "sys/error.h"
#include "sys/files.h"
#include "sys/program.h"

namespace gossip::daemon {
namespace {

// Rationale: where the queue is full the system forgets a caller's first packet, and a friend's next one comes a second later. Who
// waits there costs us nothing, and is let in, or put out, in milliseconds.
constexpr int kBacklog = 4096;

std::string in_shell(const std::string& value) {
  const std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:%@+,-";
  if (value.find_first_not_of(plain) == std::string::npos) return value;
  std::string out = "'";
  for (char c : value) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

config::Config read_environment() {
  auto config = config::read_config(config::from_environment, config::Program::kDaemon);
  if (!config) throw Stop(kUsage, config.refusal());
  return *config;
}

void refuse_without_ml_kem(const Setup& setup) {
  if (setup.config.pq != config::Pq::kRequire || crypto::make_crypto(true)->kem()) return;
  throw Stop(kUsage, "GOSSIPD_PQ is \"require\", but " + crypto::library_name() + " has no ML-KEM-768",
             "OpenSSL 3.5 has it; without it, set prefer");
}

// It runs with the rights of the user, at the word of strangers' texts.
void refuse_bad_hook(const config::Config& config) {
  const std::string fault = config.on_message.empty() ? "" : sys::fault_of_program(config.on_message);
  if (fault.empty()) return;
  throw Stop(kUsage, "GOSSIPD_ON_MESSAGE: " + shown(config.on_message + " " + fault),
             "only you, or root, can change it and the directories on its way: chmod go-w");
}

void warn_of_doubtful(const Setup& setup) {
  if (setup.config.rsa_bits < 3072) sys::warn("GOSSIPD_RSA_BITS is 2048: too short for anything but a trial");
  for (const auto& name : config::unknown_variables(config::names_in_environment()))
    sys::warn(name + " is set, but there is no such variable");
}

using Passphrase = std::optional<SecretBytes>;

Passphrase passphrase_of(const config::Config& config) {
  auto passphrase = config::read_passphrase(config);
  if (!passphrase) throw Stop(kUsage, passphrase.refusal());
  return std::move(*passphrase);
}

// REQUIRES the passphrase to outlive it
std::optional<db::KeyMaker> key_maker(const Passphrase& passphrase) {
  if (!passphrase) return std::nullopt;
  const auto derive = [&](View kdf) { return crypto::derive_key(*passphrase, kdf); };
  return db::KeyMaker{crypto::make_crypto(), crypto::make_rng(), crypto::fresh_kdf, derive};
}

sys::LockFile take_lock(const std::string& db_path) try {
  db::check_directory(db::directory_of(db_path), true);  // before anything is put there
  std::string holder;
  auto lock = sys::LockFile::take(db_path + ".lock", holder);
  if (!lock) throw Stop(kBusy, "another gossipd" + (holder.empty() ? "" : " (process " + holder + ")") + " runs on " + db_path);
  return std::move(*lock);
} catch (const sys::Error& error) {
  const bool theirs = error.code() == EACCES || error.code() == EPERM || error.code() == ELOOP || error.code() == ENOTDIR;
  throw Stop(theirs ? kBadDatabase : kNoRoom, error.what(), "check GOSSIPD_DB_PATH");
}

sys::Fd listen_at(const config::Config& config) try {
  return sys::listen_on(sys::Address::parse(config.listen_ip, config.listen_port).value(), kBacklog);
} catch (const sys::Error& error) {
  throw Stop(kNoAddress, error.what(), "choose with GOSSIPD_LISTEN_IP and GOSSIPD_LISTEN_PORT");
}

std::optional<sys::Doorbell> hang_bell(const std::string& path) {
  std::string why;
  auto bell = sys::Doorbell::hang(path, why);
  if (!bell) sys::warn("running without the doorbell " + path + ": " + why);
  return bell;
}

// Who cannot be told goes untold.
sys::Notifier reach_manager() {
  const std::string where = sys::take_variable("NOTIFY_SOCKET");
  try {
    return sys::Notifier::to(where);
  } catch (const sys::Error& error) {
    sys::warn(error.what());
    return {};
  }
}

void look_at_descriptors() {
  const unsigned long allowed = sys::raise_descriptor_limit(kDescriptors);
  if (allowed < kLeastDescriptors)
    throw Stop(kNoRoom, "only " + std::to_string(allowed) + " open files are allowed, and " + std::to_string(kLeastDescriptors) +
                            " are the least: " + std::to_string(kFewest) + " sessions and as many callers",
               "raise the hard limit, ulimit -Hn; " + std::to_string(kDescriptors) + " is room for everybody");
  const std::string short_of = shortage(allowed);
  if (!short_of.empty()) sys::warn(short_of);
}

// gossipc goes by what stands here: keys of one network are of one size.
void store_key_size(db::Database& db, int bits) {
  const std::string now = std::to_string(bits);
  const std::string before = db::meta_get(db, "rsa_bits").value_or(now);
  if (before != now) sys::warn("GOSSIPD_RSA_BITS was " + before + " and is " + now + ": keys there are keep their size");
  db::meta_put(db, "rsa_bits", now);
}

}  // namespace

Setup read_setup() {
  config::Config config = read_environment();
  auto key = config::read_network_key(config.network_key_file);
  if (!key) throw Stop(kUsage, key.refusal());
  return {std::move(config), {std::move(*key), {}}};
}

int check(const Setup& setup) {
  refuse_without_ml_kem(setup);
  refuse_bad_hook(setup.config);
  warn_of_doubtful(setup);
  look_at_descriptors();
  const Passphrase passphrase = passphrase_of(setup.config);
  try {
    db::Database db = db::open_store(setup.config.db_path, {.create = false, .write = false});
    db::unlock(db, key_maker(passphrase), false);
    db::check_writable(setup.config.db_path);
    sys::info("the configuration and the database are fine");
  } catch (const db::Error& error) {
    if (error.trouble() != db::Trouble::kMissing) throw;
    db::check_writable(setup.config.db_path);
    sys::info("the configuration is fine; there is no database yet");
  }
  return kDone;
}

int print_config(const Setup& setup) {
  for (const auto& row : config::describe(config::from_environment, setup.config))
    std::printf("%s%s=%s  # %s\n", row.value.empty() ? "# " : "", row.name.c_str(), shown(in_shell(row.value)).c_str(),
                row.origin.c_str());
  return std::fflush(stdout) == 0 ? kDone : kNoRoom;
}

// The order is part of the design: who cannot have lock or address leaves before anything else happened.
int run_worker(Setup setup, const std::vector<std::string>& listener_arguments) {
  const config::Config& config = setup.config;
  refuse_without_ml_kem(setup);
  refuse_bad_hook(config);
  warn_of_doubtful(setup);
  look_at_descriptors();
  Passphrase passphrase = passphrase_of(config);
  sys::LockFile lock = take_lock(config.db_path);
  sys::Fd listening = listen_at(config);
  std::optional<sys::Doorbell> bell = hang_bell(config.db_path + ".bell");  // already: the first key takes seconds, and who rings then is heard
  RunnerEnd runner = config.on_message.empty() ? RunnerEnd{} : start_runner(listener_arguments, lock.fd());
  db::Database db = db::open_store(config.db_path, {});
  db::migrate(db, config.db_path);
  setup.secrets.seal_key = db::unlock(db, key_maker(passphrase), true);
  passphrase.reset();  // wiped: from here on there is only the key
  store_key_size(db, config.rsa_bits);
  db::meta_put(db, "cover", config::word_for(config.cover));  // for status
  db::meta_put(db, "keep", std::to_string(config.keep));
  db::meta_put(db, "max_store", std::to_string(config.max_store));
  ensure_first_key(db, config.rsa_bits);
  Standing standing(reach_manager());
  sys::prefer_short_turns();  // the listener too, not hooks
  contain_and_say(Process::kWorker, config);
  Supervisor supervisor(listener_arguments, lock.fd(), listening.get(), bell ? bell->fd() : -1);
  Worker worker(setup, std::move(db), std::move(supervisor), std::move(bell), std::move(standing), std::move(runner));
  sys::info("listening on " + sys::local_address(listening.get()).text() + ", database " + config.db_path);
  return worker.run();
}

int run_listener() {
  sys::name_process("gossipd");
  const Stop not_by_hand(kUsage, std::string(kListenerFlag) + " is for gossipd itself", "start gossipd without it");
  for (int fd : {kLockFd, kNotesFd, kListenFd}) {
    if (!sys::is_open(fd)) throw not_by_hand;
    sys::set_cloexec(fd);
  }
  sys::LockFile lock{sys::Fd(kLockFd)};
  sys::Fd notes(kNotesFd), listening(kListenFd);
  std::optional<sys::Doorbell> bell;
  if (sys::is_socket(kBellFd)) {
    sys::set_cloexec(kBellFd);
    bell.emplace(sys::Fd(kBellFd));
  }
  auto secrets = take_secrets(notes.get());
  if (!secrets) throw not_by_hand;
  const Setup setup{read_environment(), std::move(*secrets)};
  db::Database db = db::open_store(setup.config.db_path, {.create = false});
  if (setup.secrets.seal_key) db::unlock_with(db, crypto::make_crypto(), crypto::make_rng(), *setup.secrets.seal_key);
  contain_and_say(Process::kListener, setup.config);
  Listener listener(setup, std::move(db), std::move(notes), std::move(listening), std::move(bell));
  return listener.run();
}

int run_runner() {
  sys::name_process("gossipd");
  for (int fd : {kLockFd, kNotesFd}) {
    if (!sys::is_open(fd)) throw Stop(kUsage, std::string(kRunnerFlag) + " is for gossipd itself", "start gossipd without it");
    sys::set_cloexec(fd);
  }
  sys::LockFile lock{sys::Fd(kLockFd)};
  Runner runner{sys::Fd(kNotesFd), read_environment().on_message, sys::environment()};
  return runner.run();
}

}  // namespace gossip::daemon
