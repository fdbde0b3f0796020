// Memory that runs out: malloc, calloc and realloc of the whole program, whoever calls them, fail once at a call of one's choice, or
// from then on. A program that is only linked with this reads GOSSIP_STARVE: "N" or "N+", and makes the file GOSSIP_STARVED names
// when the N-th call has failed.
#pragma once

#include <cstdint>

namespace gossip::test {

bool can_starve();  // not under AddressSanitizer, which has a malloc of its own
void starve_at(std::uint64_t call, bool and_after);  // counted from now on
bool feed();        // memory again; true when a call had failed

}  // namespace gossip::test
