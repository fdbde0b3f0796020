// gossipc: the program people type at. stdout is data, stderr is words; gossipc(1).
#include <cerrno>
#include <cstdio>
#include <new>

#include "config/version.h"
#include "crypto/openssl.h"
#include "gossip/check.h"
#include "gossipc/commands.h"
#include "gossipc/store.h"
#include "gossipc/wrap.h"
#include "sys/error.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/signals.h"

namespace gossip::client {
namespace {

int print(Call& call, const std::string& text) {
  call.out.put(text);
  call.out.flush();
  return kDone;
}

int run_command(Call& call) {
  const Options& options = call.options;
  if (options.has(kVersion)) return print(call, std::string("gossipc ") + config::kProgramVersion + "\n");
  if (options.has(kFormatVersion)) return print(call, std::to_string(kFormsVersion) + "\n");
  if (options.has(kHelp)) return print(call, help_for(call.out.fd(), options.command ? usage_of(*options.command) : usage()));
  if (!options.command) return print(call, help_for(call.out.fd(), summary()));
  if (options.command->run == completion) return completion(call);
  const Result<config::Config> config = config::read_config(config::from_environment, config::Program::kClient);
  if (!config) return fail(kUsage, config.refusal());
  call.config = *config;
  crypto::require_openssl();
  crypto::protect_private_keys();  // for the moment that they are here, as well as the system can
  const int code = options.command->run(call);
  call.out.flush();
  return code;
}

int run_or_report(int argc, char** argv, int out) {
  Call call;
  call.out = Out(out);
  try {
    Result<Options> options = parse_options(std::vector<std::string>(argv + (argc > 0), argv + argc));
    if (!options) return fail(kUsage, options.refusal());
    call.options = *options;
    return run_command(call);
  } catch (const db::Error& error) {
    return fail_for(error, call);
  } catch (const Unusable& unusable) {
    return fail(kUsage, unusable.refusal);
  } catch (const sys::Error& error) {
    const bool no_room = error.code() == ENOSPC || error.code() == EDQUOT || error.code() == EROFS;
    return fail(kIo, error.what(), no_room ? db::hint_for(db::Trouble::kFull) : "");
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return fail(kOurBug, error.what());
  }
}

// Not even for words is there memory: an error that was on its way ends here too.
int run(int argc, char** argv, int out) try {
  return run_or_report(argc, argv, out);
} catch (const std::bad_alloc&) {
  std::fputs("gossipc: out of memory\n", stderr);
  return kIo;
}

}  // namespace
}  // namespace gossip::client

int main(int argc, char** argv) {
  const int out = gossip::sys::is_open(1) ? 1 : -1;
  gossip::sys::keep_stdio_open();
  gossip::sys::no_core_dumps();
  gossip::sys::ignore_signal(SIGPIPE);
  gossip::sys::on_abort([] { return static_cast<const char*>(gossip::g_failed_check); }, gossip::client::kOurBug);
  return gossip::client::run(argc, argv, out);
}
