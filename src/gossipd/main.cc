// gossipd: options, and the one place where errors become words and exit codes.
#include <getopt.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "config/version.h"
#include "crypto/openssl.h"
#include "gossip/check.h"
#include "gossip/text.h"
#include "gossipd/hooks.h"
#include "gossipd/run.h"
#include "gossipd/supervisor.h"
#include "sys/background.h"
#include "sys/error.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/signals.h"

namespace {

using namespace gossip;
using namespace gossip::daemon;

constexpr const char* kUsageText =
    "usage: gossipd [-nqvhV] [--print-config]\n"
    "  -n              check the environment, the files it names and the database, and exit\n"
    "  --print-config  show each setting and where it came from, and exit\n"
    "  -v              say more (debugging; names of friends among it)\n"
    "  -q              say only what is wrong\n"
    "  -h, -V          this text, the version\n"
    "Settings come from the environment, see gossipdrc(5):\n"
    "  GOSSIPD_USERNAME=alice gossipd\n";

enum class Mode { kRun, kListen, kRunHooks, kHelp, kVersionOnly };

struct Options {
  Mode mode = Mode::kRun;
  sys::Level level = sys::Level::kInfo;
  const char* level_flag = nullptr;
  bool check = false, print = false;
  bool wrong = false;
};

Options parse(int argc, char** argv) {
  const option longs[] = {{"print-config", no_argument, nullptr, 'p'}, {kListenerFlag + 2, no_argument, nullptr, 'l'},
                          {kRunnerFlag + 2, no_argument, nullptr, 'r'},
                          {"help", no_argument, nullptr, 'h'},         {"version", no_argument, nullptr, 'V'},
                          {nullptr, 0, nullptr, 0}};
  Options options;
  for (int c; (c = getopt_long(argc, argv, "nqvhV", longs, nullptr)) != -1;) {
    switch (c) {
      case 'n': options.check = true; break;
      case 'p': options.print = true; break;
      case 'l': options.mode = Mode::kListen; break;
      case 'r': options.mode = Mode::kRunHooks; break;
      case 'h': options.mode = Mode::kHelp; break;
      case 'V': options.mode = Mode::kVersionOnly; break;
      case 'v': options.level = sys::Level::kDebug, options.level_flag = "-v"; break;
      case 'q': options.level = sys::Level::kError, options.level_flag = "-q"; break;
      default: options.wrong = true; break;
    }
  }
  if (optind < argc) std::fprintf(stderr, "gossipd: fatal: too many arguments\n"), options.wrong = true;
  return options;
}

std::vector<std::string> listener_arguments(const char* name, const Options& options) {
  std::vector<std::string> out{name, kListenerFlag};
  if (options.level_flag) out.emplace_back(options.level_flag);
  return out;
}

Exit exit_of(db::Trouble trouble) {
  switch (trouble) {
    case db::Trouble::kBusy: return kBusy;
    case db::Trouble::kLocked: return kLocked;
    case db::Trouble::kDamaged: case db::Trouble::kNotOurs: case db::Trouble::kNewer: case db::Trouble::kMissing: return kBadDatabase;
    default: return kNoRoom;
  }
}

int give_up(int code, const std::string& what, const std::string& hint = {}) {
  sys::fatal(what);
  if (!hint.empty()) sys::log(sys::Level::kHint, hint);
  return code;
}

int run(const Options& options, const char* name) try {
  if (options.mode == Mode::kHelp) return std::fputs(kUsageText, stdout) < 0 ? kNoRoom : kDone;
  if (options.mode == Mode::kVersionOnly) return std::printf("gossipd %s\n", config::kProgramVersion) < 0 ? kNoRoom : kDone;
  if (options.mode == Mode::kRunHooks) return run_runner();
  crypto::require_openssl();
  const bool locked = crypto::protect_private_keys();
  if (options.mode == Mode::kListen) return run_listener();
  const Setup setup = read_setup();
  if (options.print) {
    const int code = print_config(setup);
    if (code != kDone || !options.check) return code;
  }
  if (options.check) return check(setup);
  if (!locked) sys::warn("private keys may be swapped to disk: raise the limit of locked memory, ulimit -l, to 4096 or more");
  return run_worker(setup, listener_arguments(name, options));
} catch (const Stop& stop) {
  return give_up(stop.code(), stop.what(), stop.hint());
} catch (const db::Error& error) {
  return give_up(exit_of(error.trouble()), error.what(), error.hint());
} catch (const sys::Error& error) {
  return give_up(kNoRoom, error.what());
} catch (const std::bad_alloc&) {
  return give_up(kOurBug, "out of memory");  // a process that is lost so is started again
} catch (const std::exception& error) {
  sys::leave_now();
  return give_up(kOurBug, error.what());
}

const char* failed_check() { return g_failed_check; }
std::string clean(std::string_view text) { return shown(text, Show::kWords); }

}  // namespace

int main(int argc, char** argv) {
  sys::keep_stdio_open();
  const Options options = parse(argc, argv);
  if (options.wrong) {
    std::fputs(kUsageText, stderr);
    return kUsage;
  }
  ::umask(077);
  sys::no_core_dumps();
  sys::ignore_signal(SIGPIPE);
  const bool listener = options.mode == Mode::kListen, hooks = options.mode == Mode::kRunHooks;
  sys::on_abort(failed_check, kOurBug, listener ? "gossipd[listener]: fatal: " : hooks ? "gossipd[hooks]: fatal: " : "gossipd: fatal: ");
  sys::log_start(listener ? "gossipd[listener]: " : hooks ? "gossipd[hooks]: " : "gossipd: ", options.level, clean);
  const int code = run(options, argv[0]);
  if (sys::background_left()) std::_Exit(code);
  return code;
}
