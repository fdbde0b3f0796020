// The table of environment variables (gossipdrc(5)): one row each, from which reading, describing and the check for slips are made.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"

namespace gossip::config {

using Fault = std::optional<Refusal>;  // words that go behind the variable's name

struct Variable {
  std::string_view name;
  bool for_client;                                             // gossipc looks at it too
  Fault (*read)(const std::string& value, Config& config);
  Fault (*absent)(const Lookup& lookup, Program program, Config& config);
  std::string (*show)(const Config& config);
};

std::span<const Variable> variables();

}  // namespace gossip::config
