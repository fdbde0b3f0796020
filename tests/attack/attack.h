// What the parts of the attack program share. Each part prints its figures and says whether they are as they should be.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "support/statistics.h"

namespace gossip::attack {

using Clock = std::chrono::steady_clock;
using test::Samples;

inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class Work>
double micros_of(Work&& work) {
  const auto start = Clock::now();
  work();
  return seconds_since(start) * 1e6;
}

struct Class {
  std::string name;
  Samples times;  // us
};

// Compares each class with the first by Welch's t and prints a line for each; false when one is told apart.
bool tell_apart(const char* what, const std::vector<Class>& classes);

bool oaep(std::size_t samples);     // T-A23: RSA private operations of a good and of bad ciphertexts
bool answers(std::size_t samples);  // T-A26: answering friends and others, in this process

// Against a live daemon. Both print PEMs of new keys to stdout and go on when those that the daemon made for them are on stdin.
bool calls(int port, std::size_t samples);                    // T-A26: when M2 comes. 1 key
bool flood(int port, std::size_t rate, double seconds);       // T-A22: 8 keys, of friends at 127.0.9.1 to 127.0.9.8

}  // namespace gossip::attack
