#include "starve.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace {

std::uint64_t g_left = 0;  // calls until one fails; 0: none does
bool g_after = false, g_struck = false;
const char* g_tell = nullptr;

[[maybe_unused]] bool strikes() {
  if (g_struck && g_after) return errno = ENOMEM, true;
  if (g_left == 0 || --g_left != 0) return false;
  g_struck = true;
  if (g_tell) ::close(::open(g_tell, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  errno = ENOMEM;
  return true;
}

// Behind the libraries' own beginnings, before main.
[[gnu::constructor]] void read_environment() {
  const char* text = std::getenv("GOSSIP_STARVE");
  if (text == nullptr) return;
  char* end = nullptr;
  g_tell = std::getenv("GOSSIP_STARVED");
  g_left = std::strtoull(text, &end, 10);
  g_after = *end == '+';
}

}  // namespace

#ifndef __SANITIZE_ADDRESS__
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
__attribute__((visibility("default"))) void* malloc(std::size_t n) { return strikes() ? nullptr : __libc_malloc(n); }
__attribute__((visibility("default"))) void* calloc(std::size_t n, std::size_t size) {
  return strikes() ? nullptr : __libc_calloc(n, size);
}
__attribute__((visibility("default"))) void* realloc(void* old, std::size_t n) { return strikes() ? nullptr : __libc_realloc(old, n); }
}
#endif

namespace gossip::test {

bool can_starve() {
#ifdef __SANITIZE_ADDRESS__
  return false;
#else
  return true;
#endif
}

void starve_at(std::uint64_t call, bool and_after) {
  g_struck = false;
  g_after = and_after;
  g_left = call;
}

bool feed() {
  const bool struck = g_struck;
  g_struck = g_after = false;
  g_left = 0;
  return struck;
}

}  // namespace gossip::test
