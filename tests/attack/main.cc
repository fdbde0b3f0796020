// What an attacker can measure, measured. `attack oaep N`, `attack answers N`: N samples of each class, in this process.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "attack/attack.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  const std::size_t samples = args.size() == 2 ? std::strtoul(args[1].c_str(), nullptr, 10) : 0;
  try {
    if (samples > 0 && args[0] == "oaep") return gossip::attack::oaep(samples) ? 0 : 1;
    if (samples > 0 && args[0] == "answers") return gossip::attack::answers(samples) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attack: %s\n", error.what());
    return 70;
  }
  std::fprintf(stderr, "usage: attack oaep|answers SAMPLES\n");
  return 2;
}
