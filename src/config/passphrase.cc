// The passphrase: where it is read, and what may stand there.
#include <algorithm>

#include "config/config.h"
#include "gossip/text.h"
#include "sys/error.h"
#include "sys/fd.h"
#include "sys/files.h"

namespace gossip::config {
namespace {

constexpr std::size_t kMaxPassphrase = 1024;
constexpr std::size_t kMaxRead = kMaxPassphrase + 2;  // with a line end
constexpr const char* kHint = "it holds the passphrase on one line, and is for you alone (chmod 600)";

Refusal too_long() { return {"is longer than " + std::to_string(kMaxPassphrase) + " bytes", "a shorter one will do"}; }

Result<SecretBytes> take(const std::string& what, sys::SmallFile file) {
  if (!file.fault.empty() && !file.longer) return Refusal{what + " " + file.fault, kHint};
  Result<SecretBytes> passphrase = file.longer ? too_long() : parse_passphrase(as_view(file.contents));
  wipe({reinterpret_cast<std::uint8_t*>(file.contents.data()), file.contents.size()});
  if (!passphrase) return Refusal{what + " " + passphrase.refusal().what, passphrase.refusal().hint};
  return passphrase;
}

Result<SecretBytes> read_descriptor(const std::string& what, int fd) {
  if (!sys::is_open(fd)) return Refusal{what + " is not open", "pass it: GOSSIPD_PASSPHRASE_FD=3 gossipd 3< FILE"};
  sys::SmallFile file = sys::read_small_descriptor(sys::Fd(fd), kMaxRead, what);
  sys::keep_stdio_open();  // where it was standard input
  return take(what, std::move(file));
}

}  // namespace

Result<SecretBytes> parse_passphrase(View contents) {
  std::string_view line = as_text(contents);
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.size() < contents.size() && line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return Refusal{"holds no passphrase", "write one into it, on one line"};
  if (line.size() > kMaxPassphrase) return too_long();
  if (line.find_first_of("\r\n") != line.npos) return Refusal{"holds more than one line", "the passphrase is one line"};
  return SecretBytes(Bytes(line.begin(), line.end()));
}

Result<SecretBytes> read_passphrase_file(const std::string& name, const std::string& path) {
  try {
    if (path == "-") return read_descriptor("standard input", 0);
    return take(name + ": " + shown(path), sys::read_small_file(path, kMaxRead, true));
  } catch (const sys::Error& error) {
    return Refusal{name + ": " + shown(error.what()), kHint};
  }
}

Result<std::optional<SecretBytes>> read_passphrase(const Config& config) {
  if (config.passphrase_file.empty() && config.passphrase_fd < 0) return std::optional<SecretBytes>();
  try {
    Result<SecretBytes> got = config.passphrase_file.empty()
                                  ? read_descriptor("GOSSIPD_PASSPHRASE_FD: descriptor " + std::to_string(config.passphrase_fd), config.passphrase_fd)
                                  : read_passphrase_file("GOSSIPD_PASSPHRASE_FILE", config.passphrase_file);
    if (!got) return got.refusal();
    return std::optional(std::move(*got));
  } catch (const sys::Error& error) {
    return Refusal{"GOSSIPD_PASSPHRASE_FD: " + shown(error.what())};
  }
}

}  // namespace gossip::config
