// Feeds every file of the folders (or files) given to a fuzz target in a plain build, so that what a fuzzer once found stays
// found without one.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Path = std::filesystem::path;

void add_files(const Path& where, std::vector<Path>& files) {
  if (!std::filesystem::is_directory(where)) {
    files.push_back(where);
    return;
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(where))
    if (entry.is_regular_file()) files.push_back(entry.path());
}

bool replay(const Path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    std::fprintf(stderr, "replay: cannot read %s\n", file.c_str());
    return false;
  }
  std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::fprintf(stderr, "replay: %s\n", file.c_str());  // the last line says which one it was when the target aborts
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Path> files;
  for (int i = 1; i < argc; ++i) add_files(argv[i], files);
  std::sort(files.begin(), files.end());
  LLVMFuzzerTestOneInput(nullptr, 0);
  for (const Path& file : files)
    if (!replay(file)) return 1;
  std::printf("%zu inputs replayed\n", files.size());
  return files.empty() ? 1 : 0;
}
