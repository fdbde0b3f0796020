// A private folder that is gone with its object. What lies open in it has to be closed before.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace gossip::test {

class Folder {
 public:
  enum class On { kDisk, kMemory };  // memory, where there is some: for thousands of syncs
  explicit Folder(On on = On::kDisk) {
    const char* asked = std::getenv("TMPDIR");
    const bool memory = on == On::kMemory && ::access("/dev/shm", W_OK) == 0;
    path_ = std::string(asked ? asked : memory ? "/dev/shm" : "/tmp") + "/gossip-test-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path_);
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace gossip::test
