"""Invitations that end, are made anew, or are mixed with keys exchanged by hand; and sealed databases."""
import os
import unittest

from gossip import PATIENCE, wait_until
from invitations import Invitations, invite, state


class Mixed(Invitations):
    def test_an_invitation_ends(self):
        a, b = self.nodes()
        line = invite(a, "bob", *self.here(a), "--expires", "1s")
        wait_until(lambda: state(a, "bob")["invitation"] is None, "the end of the invitation", nodes=[a])
        self.assertFalse(state(a, "bob")["key_set"])
        self.refused(b.gossipc("join", stdin=line), 4, "the invitation ended at")
        b.must("join", "--wait", str(int(PATIENCE)), stdin=invite(a, "bob", *self.here(a)))
        self.friends(a, b)

    def test_an_invitation_that_ended_at_one_side_only(self):
        """Whose clock or daemon stands still must not keep it open."""
        a, b = self.nodes()
        line = invite(a, "bob", *self.here(a), "--expires", "4s")
        b.stop()
        b.must("join", stdin=line)
        wait_until(lambda: state(a, "bob")["invitation"] is None, "the end of the invitation", nodes=[a])
        b.start()
        wait_until(lambda: state(b, "ann")["invitation"] is None, "bob to give it up", nodes=[b])
        self.assertTrue(state(b, "ann")["key_set"])
        a.set_peer_key("bob", b.must("show-key", "ann").split("\n", 1)[1])  # by hand, and it is well
        self.friends(a, b)

    def test_by_hand_while_it_is_open(self):
        a, b = self.nodes()
        line = invite(a, "bob", *self.here(a))
        b.stop()
        b.must("join", stdin=line)
        a.set_peer_key("bob", b.must("show-key", "ann").split("\n", 1)[1])
        self.assertIsNone(state(a, "bob")["invitation"])
        b.start()  # its one-use key is worth nothing any more
        self.friends(a, b)
        self.nothing_left(b)

    def test_both_ways_mixed(self):
        """Who has added the other already uses the key that was made then."""
        a, b = self.nodes()
        a.add_peer("bob")
        to_ann = b.add_peer("ann")
        line = invite(a, "bob", *self.here(a))
        self.refused(b.gossipc("join", stdin=line), 4, 'a peer named "ann" already', "gossipc join ann")  # the name is but a claim
        b.must("join", "ann", "--wait", str(int(PATIENCE)), stdin=line)
        self.friends(a, b)
        self.assertIn(to_ann, b.must("show-key", "ann"))
        self.refused(a.gossipc("invite", "bob", *self.here(a)), 4, "already")
        self.refused(b.gossipc("join", "ann", stdin=invite(a, "carl", *self.here(a))), 4, "already")

    def test_a_new_invitation_ends_the_old_one(self):
        a, b = self.nodes()
        old = invite(a, "bob", *self.here(a))
        self.refused(a.gossipc("invite", "bob", "--quiet", *self.here(a)), 4, "invited already")
        new = invite(a, "bob", *self.here(a), "--replace")
        b.must("join", "old", stdin=old)
        wait_until(lambda: state(b, "old")["reason"] == "not_recognised", "the old line to be worth nothing", nodes=[a, b])
        b.must("delete-peer", "old")
        b.must("join", "--wait", str(int(PATIENCE)), stdin=new)
        self.friends(a, b)

    def test_sealed_databases(self):
        a, b = self.nodes_sealed()
        b.must("join", "--wait", str(int(PATIENCE)), stdin=invite(a, "bob", *self.here(a)))
        self.friends(a, b)

    def nodes_sealed(self):
        nodes = []
        for name in ("ann", "bob"):
            node = self.node(name, start=False)
            path = node.dir + "/passphrase"
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
                f.write("of %s\n" % name)
            node.set(GOSSIPD_PASSPHRASE_FILE=path)
            nodes.append(node.start())
        return nodes


if __name__ == "__main__":
    unittest.main()
