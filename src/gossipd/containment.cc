#include "gossipd/containment.h"

#include <filesystem>

#include "sys/files.h"
#include "sys/log.h"
#include "sys/process.h"

#ifdef __OpenBSD__
#include <unistd.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

namespace gossip::daemon {
namespace {

#ifdef SANITIZED
constexpr bool kSanitized = true;  // the sanitizer reads /proc and traces its own process at the end
#else
constexpr bool kSanitized = false;
#endif

// For names: the resolver's own files are replaced by others while we run, so that only their directories can be named.
constexpr const char* kResolver[] = {"/etc", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/connman"};
constexpr int kMostLinks = 40;
constexpr const char* kLibraries[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"};

void add(std::string& list, const std::string& what, const char* between) {
  if (!list.empty()) list += between;
  list += what;
}

#ifdef __OpenBSD__

const char* letters(sys::Use use) {
  switch (use) {
    case sys::Use::kRead: return "r";
    case sys::Use::kWrite: return "rw";
    case sys::Use::kKeep: return "rwc";
    case sys::Use::kRun: return "rx";
  }
  return "";
}

Contained fence_and_filter(Process process, const config::Config& config, sys::SystemCall) {
  for (const sys::Reach& reach : fence_of(process, config).files) ::unveil(reach.path.c_str(), letters(reach.use));
  const char* promises = process == Process::kWorker ? "stdio rpath wpath cpath flock inet unix dns proc exec"
                                                     : "stdio rpath wpath cpath flock inet dns";
  if (::pledge(promises, nullptr) != 0) return {"", "pledge: refused"};
  return {"files, system calls", ""};
}

#else

Contained fence_and_filter(Process process, const config::Config& config, sys::SystemCall call) {
  Contained out;
  const sys::Fenced fenced = sys::fence_in(fence_of(process, config), call);
  if (fenced.version > 0) add(out.done, fenced.network() ? "files, network" : "files", ", ");
  else add(out.missing, "files and network, as there is no Landlock: " + fenced.why, "; ");
  if (fenced.version > 0 && !fenced.network())
    add(out.missing, "network, as this is version " + std::to_string(fenced.version) + " of Landlock and 4 is needed", "; ");
  const bool kill = config.sandbox == config::Sandbox::kKill;
  const std::vector<sys::Rule> calls = calls_of(process);
  const std::string why = sys::filter_calls(calls, kill ? sys::Denied::kKills : sys::Denied::kFails, call);
  if (why.empty()) add(out.done, "system calls", ", ");
  else add(out.missing, "system calls, as there is no filter: " + why, "; ");
  return out;
}

#endif

}  // namespace

// A link may lead where nothing is yet.
std::vector<std::string> resolver_directories(const std::string& link) {
  namespace fs = std::filesystem;
  std::error_code none;
  std::vector<std::string> out;
  for (const char* path : kResolver)
    if (fs::is_directory(path, none)) out.emplace_back(path);
  fs::path place = link;
  for (int i = 0; i < kMostLinks && fs::is_symlink(place, none); ++i) place = place.parent_path() / fs::read_symlink(place, none);
  do place = place.parent_path();
  while (place.has_relative_path() && !fs::is_directory(place, none));
  place = fs::canonical(place, none);
  if (place.has_relative_path()) out.push_back(place);
  return out;
}

sys::Fence fence_of(Process process, const config::Config& config) {
  sys::Fence fence;
  const auto may = [&](const std::string& path, sys::Use use) { fence.files.push_back({path, use}); };
  may(sys::directory_of(config.db_path), sys::Use::kKeep);
  if (!config.network_key_file.empty()) may(config.network_key_file, sys::Use::kRead);
  for (const std::string& path : resolver_directories("/etc/resolv.conf")) may(path, sys::Use::kRead);
  may("/dev/null", sys::Use::kWrite);
  may("/dev/urandom", sys::Use::kRead);
  if (process == Process::kListener) return fence;
  fence.tcp_connect = true;
  for (const char* path : kLibraries) may(path, sys::Use::kRead);
  for (const std::string& path : sys::library_directories()) may(path, sys::Use::kRead);
  for (const std::string& path : sys::own_programs()) may(path, sys::Use::kRun);
  return fence;
}

Contained contain(Process process, const config::Config& config, sys::SystemCall call) {
  if (config.sandbox == config::Sandbox::kOff) return {"", "GOSSIPD_SANDBOX is off"};
  if (kSanitized) return {"", "this program was built with a sanitizer"};
  return fence_and_filter(process, config, call);
}

void contain_and_say(Process process, const config::Config& config) {
  const Contained contained = contain(process, config);
  const sys::Level level = process == Process::kListener ? sys::Level::kDebug : sys::Level::kInfo;
  if (!contained.done.empty()) sys::log(level, "contained: " + contained.done);
  if (contained.missing.empty()) return;
  const std::string words = contained.done.empty() ? "not contained: " : "not contained in all: ";
  sys::log(process == Process::kListener ? level : sys::Level::kWarn, words + contained.missing);
}

}  // namespace gossip::daemon
