#include "db/graft.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "db/files.h"

namespace gossip::db {
namespace {

// SQLite file format 1.3 and 1.6.
constexpr std::size_t kHeader = 100, kAtPageSize = 16, kAtPages = 28, kAtLast = 8, kAtCells = 12;
constexpr std::uint8_t kInterior = 5;

Bytes read_page(const std::string& path, std::uint32_t page, std::size_t size) {
  Bytes out(size);
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(size) * (page - 1));
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(size));
  if (!in) throw Error(Trouble::kIo, path + ": cannot be read");
  return out;
}

// The children of the first page, where it has any. REQUIRES a whole store.
std::vector<std::uint32_t> children(View first) {
  std::vector<std::uint32_t> out;
  const View tree = first.subspan(kHeader);
  if (tree[0] != kInterior) return out;
  out.push_back(Reader(tree.subspan(kAtLast)).u32());
  Reader cells(tree.subspan(3));
  const std::uint16_t n = cells.u16();
  Reader at(tree.subspan(kAtCells));
  for (std::uint16_t i = 0; i < n; ++i) out.push_back(Reader(first.subspan(at.u16())).u32());
  return out;
}

}  // namespace

void graft_tables(const std::string& damaged, const std::string& whole) {
  Bytes first = read_page(whole, 1, 512);
  const std::size_t size = Reader(View(first).subspan(kAtPageSize)).u16();
  first = read_page(whole, 1, size);
  std::vector<std::uint32_t> pages = children(first);
  auto there = static_cast<std::uint64_t>(size_of(damaged)) / size;
  for (std::uint32_t page : pages) there = std::max<std::uint64_t>(there, page);
  for (std::size_t i = 0; i < 4; ++i) first[kAtPages + i] = static_cast<std::uint8_t>(there >> (24 - 8 * i));
  std::fstream out(damaged, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::uint32_t page, const Bytes& bytes) {
    out.seekp(static_cast<std::streamoff>(size) * (page - 1));
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  };
  put(1, first);
  for (std::uint32_t page : pages) put(page, read_page(whole, page, size));
  out.flush();
  if (!out) throw Error(Trouble::kFull, damaged + ": cannot be written");
}

}  // namespace gossip::db
