#include "config/variables.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "gossip/limits.h"
#include "gossip/message.h"
#include "gossip/text.h"
#include "sys/tcp.h"

namespace gossip::config {
namespace {

constexpr std::size_t kLongestPath = 4000;  // leaves room for "-wal" and the like below PATH_MAX

std::string quoted(const std::string& value) { return "\"" + shown(value) + "\""; }
Fault wrong(const std::string& value, const std::string& wanted, const std::string& hint = "unset it for the default") {
  return Refusal{"is " + quoted(value) + ", not " + wanted, hint};
}

// A whole number in decimal digits, nothing else around it.
std::optional<long> number(const std::string& value) {
  long n = 0;
  auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), n);
  bool whole = fault == std::errc() && end == value.data() + value.size() && value[0] != '-';
  return whole ? std::optional<long>(n) : std::nullopt;
}

template <class T>
Fault read_number(const std::string& value, long least, long most, const std::string& unit, T& out) {
  std::optional<long> n = number(value);
  if (!n || *n < least || *n > most)
    return wrong(value, "a whole number" + unit + " from " + std::to_string(least) + " to " + std::to_string(most));
  out = static_cast<T>(*n);
  return std::nullopt;
}

using Words = std::array<const char*, 3>;  // the n-th is the n-th value of an enum

template <class E>
Fault read_choice(const std::string& value, const Words& words, E& out) {
  const auto found = std::find(words.begin(), words.end(), value);
  if (found == words.end()) return wrong(value, std::string(words[0]) + ", " + words[1] + " or " + words[2]);
  out = static_cast<E>(found - words.begin());
  return std::nullopt;
}

template <class E>
std::string chosen(const Words& words, E value) { return words[static_cast<std::size_t>(value)]; }

Fault read_path(const std::string& value, std::string& out) {
  if (value.empty()) return Refusal{"is set but empty", "name a file, or unset it"};
  if (value[0] == '~')
    return Refusal{"begins with \"~\", which only a shell expands", "write $HOME/..., outside single quotes"};
  if (value.size() > kLongestPath) return Refusal{"is longer than " + std::to_string(kLongestPath) + " bytes", "choose a shorter one"};
  out = value;
  return std::nullopt;
}

Fault fine(const Lookup&, Program, Config&) { return std::nullopt; }

// --- GOSSIPD_DB_PATH
Fault read_db_path(const std::string& value, Config& config) {
  if (value.ends_with('/')) return wrong(value, "the path of a file", "name the file itself: " + value + "gossipd.db");
  return read_path(value, config.db_path);
}
Fault default_db_path(const Lookup& lookup, Program, Config& config) {
  std::string base = lookup("XDG_DATA_HOME").value_or("");
  if (!base.starts_with('/')) {  // the XDG base directory specification: a relative path is to be ignored
    base = lookup("HOME").value_or("");
    if (!base.starts_with('/')) return Refusal{"is not set, and there is no HOME to put the database under", "name the file"};
    base += "/.local/share";
  }
  return read_path(base + "/gossipd/gossipd.db", config.db_path);
}

// --- where to listen, and as whom
Fault read_listen_ip(const std::string& value, Config& config) {
  if (!sys::Address::parse(value, 0)) return wrong(value, "an IPv4 or IPv6 address", "127.0.0.1 is this machine only, 0.0.0.0 or :: is everybody");
  config.listen_ip = value;
  return std::nullopt;
}
Fault read_listen_port(const std::string& value, Config& config) { return read_number(value, 0, 65535, "", config.listen_port); }
constexpr const char* kUsernameHint = "it is the name your messages claim: export GOSSIPD_USERNAME=alice";

Fault read_username(const std::string& value, Config& config) {
  if (value.empty()) return Refusal{"is set but empty", kUsernameHint};
  if (auto refusal = check_sender(value)) return Refusal{"will not do: " + refusal->words.what, refusal->words.hint};
  config.username = value;
  return std::nullopt;
}
Fault no_username(const Lookup&, Program program, Config&) {
  if (program == Program::kClient) return std::nullopt;
  return Refusal{"is not set", kUsernameHint};
}

// --- keys
Fault read_rsa_bits(const std::string& value, Config& config) {
  if (value != "3072" && value != "4096" && value != "2048") return wrong(value, "3072 or 4096");
  config.rsa_bits = static_cast<int>(*number(value));
  return std::nullopt;
}
Fault read_key_pool(const std::string& value, Config& config) { return read_number(value, 1, 1000, "", config.key_pool); }
Fault read_bogus_pct(const std::string& value, Config& config) { return read_number(value, 0, 1000, "", config.bogus_pct); }
Fault read_network_key_file(const std::string& value, Config& config) { return read_path(value, config.network_key_file); }

constexpr Words kPqModes{"off", "prefer", "require"};  // by Pq
Fault read_pq(const std::string& value, Config& config) { return read_choice(value, kPqModes, config.pq); }

// --- messages
Fault read_fetch_interval(const std::string& value, Config& config) {
  long seconds = 0;
  Fault fault = read_number(value, 1, 60, " of seconds", seconds);
  if (!fault) config.fetch_interval = seconds * kSecond;
  return fault;
}
Fault read_max_message(const std::string& value, Config& config) {
  return read_number(value, 1, static_cast<long>(kMaxText), " of bytes", config.max_message);
}

Fault read_friend_quota(const std::string& value, Config& config) {
  return read_number(value, 0, std::numeric_limits<long>::max(), " of bytes", config.friend_quota);
}

// --- what is dropped
constexpr long kLeastStore = 1 << 20;  // of which names, keys and tables take a tenth

Fault read_keep(const std::string& value, Config& config) { return read_number(value, 0, 36500, " of days", config.keep); }
Fault read_max_store(const std::string& value, Config& config) {
  Fault fault = read_number(value, 0, std::numeric_limits<long>::max(), " of bytes", config.max_store);
  if (fault || config.max_store == 0 || config.max_store >= kLeastStore) return fault;
  return wrong(value, "0 or a whole number of bytes from " + std::to_string(kLeastStore));
}
Fault read_ledger(const std::string& value, Config& config) { return read_number(value, 0, 36500, " of days", config.ledger); }

// --- hooks
Fault read_on_message(const std::string& value, Config& config) {
  Fault fault = read_path(value, config.on_message);
  if (fault || value[0] == '/') return fault;
  return wrong(value, "the whole path of a program", "begin with /; no shell looks at it, and it takes no arguments");
}

// --- containment
constexpr Words kSandboxes{"off", "on", "kill"};  // by Sandbox
Fault read_sandbox(const std::string& value, Config& config) { return read_choice(value, kSandboxes, config.sandbox); }

// --- cover traffic
constexpr Words kCoverNames{"off", "low", "on"};  // by Cover
Fault read_cover(const std::string& value, Config& config) { return read_choice(value, kCoverNames, config.cover); }

// --- the passphrase: where it is, never itself
Fault read_passphrase_file(const std::string& value, Config& config) { return read_path(value, config.passphrase_file); }
Fault read_passphrase_fd(const std::string& value, Config& config) {
  const std::optional<long> fd = number(value);
  if (!fd || *fd == 1 || *fd == 2 || *fd > 65535)
    return Refusal{"is " + quoted(value) + ", not the number of an open descriptor", "0, or from 3: GOSSIPD_PASSPHRASE_FD=3 gossipd 3< FILE"};
  if (!config.passphrase_file.empty()) return Refusal{"is set, and GOSSIPD_PASSPHRASE_FILE too", "unset one of them"};
  config.passphrase_fd = static_cast<int>(*fd);
  return std::nullopt;
}
std::string show_passphrase_fd(const Config& c) { return c.passphrase_fd < 0 ? "" : std::to_string(c.passphrase_fd); }

std::string seconds(const Config& c) { return std::to_string(c.fetch_interval / kSecond); }

const std::array<Variable, 20> kVariables{{
    {"GOSSIPD_DB_PATH", true, read_db_path, default_db_path, [](const Config& c) { return c.db_path; }},
    {"GOSSIPD_LISTEN_IP", false, read_listen_ip, fine, [](const Config& c) { return c.listen_ip; }},
    {"GOSSIPD_LISTEN_PORT", false, read_listen_port, fine, [](const Config& c) { return std::to_string(c.listen_port); }},
    {"GOSSIPD_USERNAME", true, read_username, no_username, [](const Config& c) { return c.username; }},
    {"GOSSIPD_RSA_BITS", false, read_rsa_bits, fine, [](const Config& c) { return std::to_string(c.rsa_bits); }},
    {"GOSSIPD_KEY_POOL", false, read_key_pool, fine, [](const Config& c) { return std::to_string(c.key_pool); }},
    {"GOSSIPD_BOGUS_PCT", false, read_bogus_pct, fine, [](const Config& c) { return std::to_string(c.bogus_pct); }},
    {"GOSSIPD_FETCH_INTERVAL", false, read_fetch_interval, fine, seconds},
    {"GOSSIPD_NETWORK_KEY_FILE", true, read_network_key_file, fine, [](const Config& c) { return c.network_key_file; }},
    {"GOSSIPD_MAX_MESSAGE", true, read_max_message, fine, [](const Config& c) { return std::to_string(c.max_message); }},
    {"GOSSIPD_FRIEND_QUOTA", false, read_friend_quota, fine, [](const Config& c) { return std::to_string(c.friend_quota); }},
    {"GOSSIPD_KEEP", false, read_keep, fine, [](const Config& c) { return std::to_string(c.keep); }},
    {"GOSSIPD_MAX_STORE", false, read_max_store, fine, [](const Config& c) { return std::to_string(c.max_store); }},
    {"GOSSIPD_LEDGER", false, read_ledger, fine, [](const Config& c) { return std::to_string(c.ledger); }},
    {"GOSSIPD_ON_MESSAGE", false, read_on_message, fine, [](const Config& c) { return c.on_message; }},
    {"GOSSIPD_SANDBOX", false, read_sandbox, fine, [](const Config& c) { return chosen(kSandboxes, c.sandbox); }},
    {"GOSSIPD_COVER", false, read_cover, fine, [](const Config& c) { return chosen(kCoverNames, c.cover); }},
    {"GOSSIPD_PQ", false, read_pq, fine, [](const Config& c) { return chosen(kPqModes, c.pq); }},
    {"GOSSIPD_PASSPHRASE_FILE", true, read_passphrase_file, fine, [](const Config& c) { return c.passphrase_file; }},
    {"GOSSIPD_PASSPHRASE_FD", true, read_passphrase_fd, fine, show_passphrase_fd},
}};

}  // namespace

std::span<const Variable> variables() { return kVariables; }

const char* word_for(Cover cover) { return kCoverNames[static_cast<std::size_t>(cover)]; }

}  // namespace gossip::config
