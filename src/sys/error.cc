#include "sys/error.h"

#include <cctype>
#include <cerrno>
#include <system_error>

namespace gossip::sys {

std::string reason(int code) {
  std::string words = std::generic_category().message(code);
  if (words.size() > 1 && !std::isupper(static_cast<unsigned char>(words[1])))
    words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  return words;
}

Error::Error(const std::string& tried, int code) : std::runtime_error(tried + ": " + reason(code)), code_(code) {}

void fail(const std::string& tried) { throw Error(tried, errno); }

}  // namespace gossip::sys
