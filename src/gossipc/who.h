// status ID. Gives the exit code.
#pragma once

#include "gossipc/commands.h"

namespace gossip::client {

int status_of_message(Call& call, const std::string& typed);

}  // namespace gossip::client
