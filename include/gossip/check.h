// GOSSIP_CHECK: an always-on check for our own bugs (style: errors of the third kind). It aborts; the supervisor restarts us,
// and nothing acknowledged is lost. The core has no printf, so where it failed is kept in g_failed_check for the debugger and
// for the process's abort handler.
#pragma once

namespace gossip {

extern const char* volatile g_failed_check;
[[noreturn]] void check_failed(const char* where);

#define GOSSIP_STRING2(x) #x
#define GOSSIP_STRING(x) GOSSIP_STRING2(x)
#define GOSSIP_CHECK(condition)                                                                  \
  do {                                                                                           \
    if (!(condition)) ::gossip::check_failed(__FILE__ ":" GOSSIP_STRING(__LINE__) ": " #condition); \
  } while (0)

}  // namespace gossip
