"""Pairing by invitation over wires that are cut at every step, and by daemons that are killed in the middle of it."""
import json
import os
import signal
import unittest

from gossip import CELL, M2, Case, wait_until
from proxy import Proxy

STEPS = [M2 - 1] + [M2 - 1 + n * CELL for n in range(1, 6)]  # READY, HELLO with KEY, its answer, CLOSE


class Lost(Case):
    """Each friendship of the same two nodes is another one: bob1, bob2 ... at ann's, ann1, ann2 ... at bob's."""

    def setUp(self):
        self.a, self.b, self.n = self.node("ann"), self.node("bob"), 0

    def begin(self, reachable, cut):
        """An invitation that is used over a wire of its own, which is cut `cut` bytes into the answers."""
        self.n += 1
        wire = Proxy(reachable.port, limit=cut, exact=True)
        self.addCleanup(wire.close)
        at = "127.0.0.1:%d" % wire.port
        line = self.a.must("invite", "bob%d" % self.n, "--here" if reachable is self.a else "--host", at)
        self.b.must("join", "ann%d" % self.n, stdin=line)
        wait_until(lambda: any(len(call[1]) > cut for call in list(wire.calls)) or self.friends(), "the wire to be cut", nodes=[self.a, self.b])
        return wire

    def peer(self, node, name):
        return next(p for p in map(json.loads, node.must("peers", "--json").splitlines()) if p["name"] == "%s%d" % (name, self.n))

    def friends(self):
        at_a, at_b = self.peer(self.a, "bob"), self.peer(self.b, "ann")
        whole = at_a["key_set"] and at_b["key_set"] and at_a["invitation"] is None and at_b["invitation"] is None
        return whole and at_a["up"] and at_b["up"] and at_a["pair_code"] == at_b["pair_code"]

    def end(self, wire):
        wire.limit = None
        for node in (self.a, self.b):
            os.kill(node.worker(), signal.SIGHUP)  # no waiting for the next try
        wait_until(self.friends, "both to be friends", nodes=[self.a, self.b])
        for node in (self.a, self.b):
            self.assertEqual(node.ask("SELECT count(next), sum(until_ms) FROM peers"), [(0, 0)])
        self.a.must("delete-peer", "bob%d" % self.n)
        self.b.must("delete-peer", "ann%d" % self.n)

    def test_a_wire_that_is_cut_between_inviter_and_invited(self):
        for reachable in (self.a, self.b):
            for cut in STEPS:
                with self.subTest(reachable=reachable.name, cut=cut):
                    self.end(self.begin(reachable, cut))

    def test_a_daemon_that_is_killed_in_the_middle(self):
        for victim in (self.a, self.b):
            for cut in STEPS[1::2]:
                with self.subTest(victim=victim.name, cut=cut):
                    wire = self.begin(self.a, cut)
                    victim.kill()
                    victim.start()
                    self.end(wire)


if __name__ == "__main__":
    unittest.main()
