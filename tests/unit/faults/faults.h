// A folder of one's own, and how long a campaign is to be.
#pragma once

#include <cstdlib>

#include "unit/db/scratch.h"

namespace gossip::test {

inline std::uint64_t asked(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::strtoull(text, nullptr, 10) : otherwise;
}

class FaultsTest : public db::test::Scratch {
 protected:
  void clear() {
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) std::filesystem::remove_all(entry.path());
  }
};

}  // namespace gossip::test
