// The parts of fsck that look beyond the database.
#pragma once

#include "gossipc/findings.h"

namespace gossip::client {

// Lock, bell and port. True: a daemon answers.
bool check_daemon(Call& call, Findings& found);

}  // namespace gossip::client
