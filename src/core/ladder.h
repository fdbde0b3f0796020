// Ladder: places in a friend's log where we have been, so that one that was set back is read from the highest of them that is still
// there and not from the start (gossip(7), CURSORS). A tag covers everything below it: where one rung holds, all below it do.
#pragma once

#include "gossip/ports.h"

namespace gossip {

// REQUIRES `rung` above the others. Nothing is done while it is nearer than kRungStep to the last.
// Of more than kMaxRungs the one goes that leaves the smallest gap for its distance from the top: so whatever a log lost, what is
// read again is at most about twice that.
void climb(Ladder& ladder, const Rung& rung);

// Takes away every rung above `seq`; gives the highest one left, {0, zeros} where there is none.
Rung descend(Ladder& ladder, Seq seq);

}  // namespace gossip
