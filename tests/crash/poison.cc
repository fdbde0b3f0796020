// gossipd as it is, but for one thing: a process dies, as of a bug of our own, when it hashes a message with certain words in it.
// Linked with --wrap=EVP_DigestUpdate, for tests/e2e/test_poison.py.
#include <openssl/evp.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

extern "C" {

int __real_EVP_DigestUpdate(EVP_MD_CTX* context, const void* data, std::size_t size);

int __wrap_EVP_DigestUpdate(EVP_MD_CTX* context, const void* data, std::size_t size) {
  const std::string_view text(static_cast<const char*>(data), size);
  if (text.find("poison that aborts") != text.npos) std::abort();
  if (text.find("poison that throws") != text.npos) throw std::logic_error("what was that");
  if (text.find("poison that faults") != text.npos) *static_cast<volatile int*>(nullptr) = 0;
  return __real_EVP_DigestUpdate(context, data, size);
}

}  // extern "C"
