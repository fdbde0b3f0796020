// What an attacker can measure, measured: `oaep` and `answers` in this process, `calls` and `flood` against a daemon.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "attack/attack.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  std::vector<std::size_t> n;
  for (std::size_t i = 1; i < args.size(); ++i) n.push_back(std::strtoul(args[i].c_str(), nullptr, 10));
  try {
    bool fine = false;
    if (n.size() == 1 && args[0] == "oaep") fine = gossip::attack::oaep(n[0]);
    else if (n.size() == 1 && args[0] == "answers") fine = gossip::attack::answers(n[0]);
    else if (n.size() == 2 && args[0] == "calls") fine = gossip::attack::calls(static_cast<int>(n[0]), n[1]);
    else if (n.size() == 3 && args[0] == "flood") fine = gossip::attack::flood(static_cast<int>(n[0]), n[1], static_cast<double>(n[2]));
    else return std::fprintf(stderr, "usage: attack oaep N | answers N | calls PORT N | flood PORT RATE SECONDS\n"), 2;
    return fine ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attack: %s\n", error.what());
    return 70;
  }
}
