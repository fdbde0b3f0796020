// Vectors: lines "NAME = hex" of tests/vectors; tests run in the root of the project.
#pragma once

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

#include "gossip/bytes.h"

namespace gossip::test {

inline std::map<std::string, Bytes> read_vectors(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path + ": run tests in the root of the project");
  std::map<std::string, Bytes> out;
  std::string line;
  while (std::getline(file, line)) {
    const auto equals = line.find(" =");
    if (line.empty() || line[0] == '#' || equals == line.npos) continue;
    const std::string hex = line.size() > equals + 3 ? line.substr(equals + 3) : "";
    auto bytes = from_hex(hex);
    if (!bytes) throw std::runtime_error(path + ": not hex: " + line);
    out[line.substr(0, equals)] = *bytes;
  }
  return out;
}

inline bool starts_with(const std::string& name, const char* prefix) { return name.rfind(prefix, 0) == 0; }

}  // namespace gossip::test
