#include "db/wal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "gossip/bytes.h"

namespace gossip::db {

namespace {
constexpr std::uint64_t kWalHeader = 32, kFrameHeader = 24;

class WalFile {
 public:
  // No lock is ever held on a -wal, so that closing our descriptor drops none.
  explicit WalFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {}
  WalFile(const WalFile&) = delete;
  ~WalFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  std::uint64_t size() const {
    struct stat st {};
    return fd_ >= 0 && ::fstat(fd_, &st) == 0 ? static_cast<std::uint64_t>(st.st_size) : 0;
  }
  // Big-endian; 0 past the end, which no salt of ours is likely to be.
  std::uint64_t u64_at(std::uint64_t at) const {
    std::array<std::uint8_t, 8> raw{};
    if (::pread(fd_, raw.data(), raw.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(raw.size())) return 0;
    return Reader(raw).u64();
  }

 private:
  int fd_;
};
}  // namespace

WalUse wal_use(const std::string& wal_path) {
  WalFile file(wal_path);
  const std::uint64_t size = file.size();
  if (size < kWalHeader) return {};
  WalUse out;
  out.generation = file.u64_at(16);
  out.frame_bytes = kFrameHeader + (file.u64_at(8) >> 32);
  std::uint64_t used = 0, end = (size - kWalHeader) / out.frame_bytes;
  while (used < end) {  // frames of this generation come first; those behind them bear older salts
    std::uint64_t middle = used + (end - used) / 2;
    if (file.u64_at(kWalHeader + middle * out.frame_bytes + 8) == out.generation) {
      used = middle + 1;
    } else {
      end = middle;
    }
  }
  out.frames = used;
  return out;
}

}  // namespace gossip::db
