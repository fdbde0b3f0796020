#include "config/config.h"

#include <algorithm>
#include <cstdlib>

#include "config/variables.h"
#include "gossip/secret.h"
#include "gossip/text.h"
#include "sys/error.h"
#include "sys/files.h"

extern char** environ;

namespace gossip::config {
namespace {

constexpr std::size_t kMaxKeyFile = 128;
constexpr std::string_view kPrefix = "GOSSIPD_";

}  // namespace

Result<Config> read_config(const Lookup& lookup, Program program) {
  Config config;
  for (const Variable& variable : variables()) {
    if (program == Program::kClient && !variable.for_client) continue;
    std::optional<std::string> value = lookup(variable.name);
    const bool blank = value && value->empty() && variable.name == "GOSSIPD_USERNAME";
    if (blank && program == Program::kClient) value.reset();  // --source may do without, and looking needs none
    std::optional<Refusal> refusal =
        value ? variable.read(*value, config) : variable.absent(lookup, program, config);
    if (!refusal) continue;
    return Refusal{std::string(variable.name) + " " + refusal->what, refusal->hint};
  }
  return config;
}

std::vector<Shown> describe(const Lookup& lookup, const Config& config) {
  std::vector<Shown> out;
  for (const Variable& variable : variables()) {
    std::optional<std::string> set = lookup(variable.name);
    out.push_back({std::string(variable.name), set ? *set : variable.show(config), set ? "environment" : "default"});
  }
  return out;
}

std::optional<std::string> from_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::string> names_in_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; entry && *entry; ++entry) {
    std::string_view text = *entry;
    out.emplace_back(text.substr(0, text.find('=')));
  }
  return out;
}

std::vector<std::string> unknown_variables(const std::vector<std::string>& names_set) {
  std::vector<std::string> out;
  for (const auto& name : names_set) {
    bool known = std::any_of(variables().begin(), variables().end(), [&](const Variable& one) { return one.name == name; });
    if (name.starts_with(kPrefix) && !known) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<Bytes> parse_network_key(std::string_view file_contents) {
  std::string_view digits = file_contents;
  if (digits.ends_with('\n')) digits.remove_suffix(1);
  if (digits.size() < file_contents.size() && digits.ends_with('\r')) digits.remove_suffix(1);
  std::optional<Bytes> key = digits.size() == 64 ? from_hex(digits) : std::nullopt;
  if (!key) return Refusal{"is not 64 hex digits and at most one line end", "make one with: openssl rand -hex 32"};
  return *key;
}

Result<Bytes> read_network_key(const std::string& path) {
  if (path.empty()) return Bytes{};
  const std::string what = "GOSSIPD_NETWORK_KEY_FILE: " + shown(path) + " ";
  try {
    sys::SmallFile file = sys::read_small_file(path, kMaxKeyFile, true);
    if (!file.fault.empty()) return Refusal{what + file.fault, "it holds 64 hex digits and is for you alone (chmod 600)"};
    Result<Bytes> key = parse_network_key(file.contents);
    wipe({reinterpret_cast<std::uint8_t*>(file.contents.data()), file.contents.size()});
    if (!key) return Refusal{what + key.refusal().what, key.refusal().hint};
    return key;
  } catch (const sys::Error& error) {
    return Refusal{"GOSSIPD_NETWORK_KEY_FILE: " + shown(error.what()), "make one with: openssl rand -hex 32"};
  }
}

}  // namespace gossip::config
