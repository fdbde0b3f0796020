// Environment -> Config. Pure: `lookup` stands for getenv, so tests and the fuzzer feed their own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gossip/bytes.h"
#include "gossip/result.h"
#include "gossip/secret.h"
#include "gossip/time.h"

namespace gossip::config {

enum class Pq { kOff, kPrefer, kRequire };  // post-quantum key exchange: gossip(7), HANDSHAKE
enum class Sandbox { kOff, kOn, kKill };  // what is not needed: kept, denied, or the end of the process
enum class Cover { kOff, kLow, kOn };  // gossip(7), COVER
const char* word_for(Cover cover);

struct Config {
  std::string db_path;
  std::string listen_ip = "127.0.0.1";
  int listen_port = 5555;
  std::string username;                 // empty when not set
  int rsa_bits = 3072;
  int key_pool = 8;
  int bogus_pct = 30;
  Micros fetch_interval = 5 * kSecond;
  std::string network_key_file;         // empty: none
  std::size_t max_message = 65536;
  std::string passphrase_file;          // empty: none
  int passphrase_fd = -1;               // -1: none; at most one of the two
  std::uint64_t friend_quota = std::uint64_t{1} << 30;  // bytes a day stored from one friend; 0: no limit
  int keep = 0;                         // days a text is kept; 0: for ever
  std::uint64_t max_store = 0;          // bytes of the database above which texts are dropped; 0: no limit
  int ledger = 30;                      // days it is kept who told us of a message; 0: not at all
  std::string on_message;               // an executable run for each message; empty: none
  Pq pq = Pq::kPrefer;
  Sandbox sandbox = Sandbox::kOn;
  Cover cover = Cover::kLow;
};

struct Shown {  // for --print-config: NAME, value, and where it came from ("environment" or "default")
  std::string name, value, origin;
};

using Lookup = std::function<std::optional<std::string>(std::string_view)>;
enum class Program { kDaemon, kClient };  // the daemon needs GOSSIPD_USERNAME; the client looks only at what it uses

// A wrong value is one Refusal that names the variable, what it was and what would do.
Result<Config> read_config(const Lookup& lookup, Program program);
std::vector<Shown> describe(const Lookup& lookup, const Config& config);
std::optional<std::string> from_environment(std::string_view name);  // a Lookup on getenv

// Variables that are set, begin with GOSSIPD_ and mean nothing to us: most likely a slip of the pen. Sorted.
std::vector<std::string> unknown_variables(const std::vector<std::string>& names_set);
std::vector<std::string> names_in_environment();

// The 32 bytes of the file; empty when `path` is. The file must be regular and closed to others.
Result<Bytes> read_network_key(const std::string& path);
// 64 hex digits of either case, at most one line end.
Result<Bytes> parse_network_key(std::string_view file_contents);

// What the database is sealed with, from the file or the descriptor; nothing where neither is named. One line of 1 to 1024 bytes,
// one line end at its end left out. The file must be regular and closed to others; the descriptor is read to its end and closed.
// REQUIRES to be called before anything else is opened: a descriptor nobody passed must not be one of ours by then.
Result<std::optional<SecretBytes>> read_passphrase(const Config& config);
// The same from a file, "-" for standard input. `name`: what the words begin with.
Result<SecretBytes> read_passphrase_file(const std::string& name, const std::string& path);
Result<SecretBytes> parse_passphrase(View contents);

}  // namespace gossip::config
