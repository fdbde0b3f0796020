// The environment: lines of NAME=VALUE. Accepted values lie in their ranges, and what describe() prints of them reads back the
// same; refusals are one line that names a variable. The network key file against a naive reading.
#include <map>

#include "config/config.h"
#include "gossip/check.h"
#include "support/fuzz_input.h"

using namespace gossip;
using config::Config;
using config::Program;

namespace {

std::map<std::string, std::string> parse_lines(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    std::size_t eq = line.find('=');
    if (eq == std::string_view::npos || line.find('\0') != std::string_view::npos) continue;
    out[std::string(line.substr(0, eq))] = std::string(line.substr(eq + 1));
  }
  return out;
}

config::Lookup lookup_in(const std::map<std::string, std::string>& env) {
  return [&env](std::string_view name) -> std::optional<std::string> {
    auto found = env.find(std::string(name));
    return found == env.end() ? std::nullopt : std::optional(found->second);
  };
}

bool same(const Config& a, const Config& b) {
  return a.db_path == b.db_path && a.listen_ip == b.listen_ip && a.listen_port == b.listen_port && a.username == b.username &&
         a.rsa_bits == b.rsa_bits && a.key_pool == b.key_pool && a.bogus_pct == b.bogus_pct &&
         a.fetch_interval == b.fetch_interval && a.network_key_file == b.network_key_file && a.max_message == b.max_message;
}

void check_program(const std::map<std::string, std::string>& env, Program program) {
  auto config = config::read_config(lookup_in(env), program);
  if (!config) {
    const std::string& what = config.refusal().what;
    GOSSIP_CHECK(what.find('\n') == std::string::npos);
    GOSSIP_CHECK(what.find("GOSSIPD_") != std::string::npos || what.find("HOME") != std::string::npos);
    return;
  }
  GOSSIP_CHECK(!config->db_path.empty() && config->db_path.find('\0') == std::string::npos);
  GOSSIP_CHECK(config->listen_port >= 0 && config->listen_port <= 65535);
  GOSSIP_CHECK(config->rsa_bits == 2048 || config->rsa_bits == 3072 || config->rsa_bits == 4096);
  GOSSIP_CHECK(config->key_pool > 0 && config->key_pool <= 100'000 && config->bogus_pct >= 0);
  GOSSIP_CHECK(config->fetch_interval > 0 && config->max_message >= 1 && config->max_message <= (1u << 20));
  if (program == Program::kDaemon) GOSSIP_CHECK(!config->username.empty() && config->username.size() <= 64);
  std::map<std::string, std::string> printed;
  for (const config::Shown& s : config::describe(lookup_in(env), *config)) {
    GOSSIP_CHECK(s.origin == (env.count(s.name) ? "environment" : "default") || env.count(s.name));
    if (s.origin == "environment") printed[s.name] = s.value;
  }
  for (const auto& [name, value] : env)
    if (name.rfind("GOSSIPD_", 0) != 0) printed.emplace(name, value);
  auto again = config::read_config(lookup_in(printed), program);
  GOSSIP_CHECK(again.ok() && same(*again, *config));
}

void check_network_key(std::string_view file) {
  std::string_view digits = file;
  if (!digits.empty() && digits.back() == '\n') digits.remove_suffix(1);
  if (digits.size() < file.size() && !digits.empty() && digits.back() == '\r') digits.remove_suffix(1);
  auto naive = from_hex(digits);
  auto key = config::parse_network_key(file);
  GOSSIP_CHECK(!key.ok() || (naive && *naive == *key && key->size() == 32));
  if (file.size() == 64 && naive) GOSSIP_CHECK(key.ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = as_text({data, size});
  auto env = parse_lines(text);
  check_program(env, Program::kDaemon);
  check_program(env, Program::kClient);
  check_network_key(text);
  return 0;
}
