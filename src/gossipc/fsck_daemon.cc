#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "gossipc/fsck.h"
#include "gossipc/store.h"
#include "sys/error.h"
#include "sys/fd.h"
#include "sys/tcp.h"

namespace gossip::client {
namespace {

// Looked at for a moment, and let go.
bool lock_is_held(const std::string& path) {
  const sys::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return file && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// Only gossipd goes by these, so gossipc leaves them out elsewhere.
Result<config::Config> listening_config() {
  return config::read_config(
      [](std::string_view name) -> std::optional<std::string> {
        if (name == "GOSSIPD_LISTEN_IP" || name == "GOSSIPD_LISTEN_PORT") return config::from_environment(name);
        if (name == "GOSSIPD_USERNAME" || name == "GOSSIPD_DB_PATH") return "unused";
        return std::nullopt;
      },
      config::Program::kDaemon);
}

void check_port(bool held, Findings& found) {
  const Result<config::Config> config = listening_config();
  if (!config) return found.error("port", config.refusal().what, config.refusal().hint);
  const auto address = sys::Address::parse(config->listen_ip, config->listen_port);
  if (!address || config->listen_port == 0) return;
  try {
    sys::listen_on(*address, 1);
    if (held) found.warning("port", "gossipd runs, and not on " + address->text(), "it was started with other settings");
  } catch (const sys::Error& error) {
    if (error.code() == EADDRINUSE && held) return;
    found.error("port", std::string(error.what()), "choose with GOSSIPD_LISTEN_IP and GOSSIPD_LISTEN_PORT");
  }
}

}  // namespace

bool check_daemon(Call& call, Findings& found) {
  const bool answers = ring(call), held = lock_is_held(call.config.db_path + ".lock");
  if (held && !answers) {
    found.warning("daemon", "gossipd runs, and hears no bell", "what gossipc writes is noticed within two seconds");
  }
  if (answers && !held) found.error("daemon", "something hears the bell, and does not hold the lock", "end it, and start gossipd again");
  check_port(held, found);
  return answers;
}

}  // namespace gossip::client
