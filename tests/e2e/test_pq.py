"""Post-quantum key exchange: who can, who must, and who can no more. What this machine's OpenSSL has decides what is seen here;
GOSSIP_PEER names a folder with the gossipd and gossipc of another machine's (make pq-matrix)."""
import json
import os
import sqlite3

from gossip import GOSSIPC, GOSSIPD, PATIENCE, Case, Node, befriend, run, wait_until

PEER = os.environ.get("GOSSIP_PEER")


def can(gossipd):
    """Whether it can do ML-KEM."""
    node = Node("probe", GOSSIPD_PQ="require")
    try:
        return run([gossipd, "-n"], node.env).status == 0
    finally:
        node.close()


class Tree:
    """Programs of one machine."""

    def __init__(self, name, folder=None):
        self.name, self.folder = name, folder
        self.can = can(os.path.join(folder, "gossipd") if folder else GOSSIPD)

    def give(self, node):
        if self.folder:
            node.command, node.client = [os.path.join(self.folder, "gossipd")], os.path.join(self.folder, "gossipc")
        else:
            node.command, node.client = [GOSSIPD], GOSSIPC
        return node

    def __str__(self):
        return "%s (%s)" % (self.name, "ML-KEM" if self.can else "no ML-KEM")


class PqCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.here = Tree("here")

    def pair(self, left="prefer", right="prefer", trees=None):
        mine, theirs = trees or (self.here, self.here)
        a = mine.give(self.node("ann", start=False, GOSSIPD_PQ=left)).start()
        b = theirs.give(self.node("bob", start=False, GOSSIPD_PQ=right)).start()
        befriend(a, b)
        return a, b

    def friend(self, node):
        """The only one, as status --json has it."""
        return next(f for f in map(json.loads, node.must("status", "--json").splitlines()) if "key_set" in f)

    def seen(self, node):
        return node.ask("SELECT pq_seen FROM peers")[0][0] == 1

    def wait_up(self, pq, *nodes):
        for node in nodes:
            wait_until(lambda: self.friend(node)["up"], "a session at " + node.name, 2 * PATIENCE, nodes=nodes)
        for node in nodes:
            wait_until(lambda: self.friend(node)["pq"] is pq, "status to say pq %s" % pq, nodes=nodes)
            self.assertIn(", post-quantum" if pq else ", classical", node.must("status"))
            wait_until(lambda: self.seen(node) is pq, "pq_seen to be %s" % pq, nodes=nodes)
            self.assertIs(self.friend(node)["pq_seen"], pq)

    def talk(self, a, b):
        for one, other in ((a, b), (b, a)):
            text = "%s to %s, %d" % (one.name, other.name, one.count())
            one.send(text)
            other.wait_text(text, 2 * PATIENCE)

    def wait_reason(self, node, reason):
        """Not up, for this reason: on our side, or theirs."""
        def look():
            rows = node.ask("SELECT dial_reason, call_reason FROM v_peers")[0]
            return reason in rows
        wait_until(look, "%s to say %s" % (node.name, reason), 2 * PATIENCE, nodes=[node])
        friend = self.friend(node)
        self.assertFalse(friend["up"])
        self.assertIsNone(friend["pq"])

    def downgrade(self, a, b, tree=None):
        """bob, who has done it before, can no more: refused on both sides until both say that it is meant."""
        b.stop()
        (tree or self.here).give(b).set(GOSSIPD_PQ="prefer" if tree else "off")
        b.start()
        self.wait_reason(b, "pq_missing")
        self.wait_reason(a, "not_recognised")  # bob refuses too
        b.wait_log("no session with a friend for want of a post-quantum key exchange")
        b.must("set-peer-key", "ann", "--reset-pq")
        self.wait_reason(a, "pq_policy")
        a.wait_log("no session with a friend for want of a post-quantum key exchange")
        a.must("set-peer-key", "bob", "--reset-pq")
        self.wait_up(False, a, b)
        self.talk(a, b)


class Pq(PqCase):
    def test_prefer_does_what_both_can(self):
        a, b = self.pair()
        self.wait_up(self.here.can, a, b)
        self.talk(a, b)

    def test_off_does_without(self):
        a, b = self.pair("prefer", "off")
        self.wait_up(False, a, b)
        self.talk(a, b)

    def test_require_refuses_to_start_without_ml_kem(self):
        node = self.node("ann", start=False, GOSSIPD_PQ="require")
        if self.here.can:
            self.assertEqual(run([GOSSIPD, "-n"], node.env).status, 0)
            return
        for args in ([], ["-n"]):
            self.refused(run([GOSSIPD, *args], node.env), 2, "GOSSIPD_PQ is \"require\", but OpenSSL 3.", "has no ML-KEM-768", "prefer")
        self.assertFalse(os.path.exists(node.db))

    def test_require_takes_nothing_less(self):
        if not self.here.can:
            self.skipTest("no ML-KEM here")
        a, b = self.pair("require", "prefer")
        self.wait_up(True, a, b)
        c, d = self.pair("require", "off")
        self.wait_reason(c, "pq_policy")
        self.wait_reason(d, "not_recognised")

    def test_a17_the_pin_refuses_a_downgrade(self):
        if not self.here.can:
            self.skipTest("no ML-KEM here")
        a, b = self.pair()
        self.wait_up(True, a, b)
        self.downgrade(a, b)

    def test_a17_a_pinned_friend_is_refused_where_we_can_do_none(self):
        a, b = self.pair("off", "off")
        self.wait_up(False, a, b)
        a.stop()
        with sqlite3.connect(a.db) as db:  # as a machine leaves it that could
            db.execute("UPDATE peers SET pq_seen=1")
        db.close()
        a.start()
        self.wait_reason(a, "pq_missing")
        self.assertIn("we can do no post-quantum key exchange now", a.must("status"))
        self.refused(a.gossipc("set-peer-key", "bob", "--reset-pq", "--replace"), 2, "--reset-pq goes alone")
        self.refused(a.gossipc("set-peer-key", "eve", "--reset-pq"), 3, "no peer named \"eve\"")
        a.must("set-peer-key", "bob", "--reset-pq")
        self.wait_up(False, a, b)
        self.talk(a, b)
        self.assertIn("nothing changed", a.gossipc("set-peer-key", "bob", "--reset-pq").err)


class Matrix(PqCase):
    """Every pair of the trees there are, and what each mode comes to."""

    def row(self, mine, theirs):
        both = mine.can and theirs.can
        said = []
        for left, right in (("prefer", "prefer"), ("prefer", "off"), ("require", "prefer"), ("require", "require")):
            word = "post-quantum" if both and "off" not in (left, right) else "classical"
            if any(mode == "require" and not tree.can for mode, tree in ((left, mine), (right, theirs))):
                node = theirs.give(self.node("probe", start=False, GOSSIPD_PQ="require")) if mine.can else \
                    mine.give(self.node("probe", start=False, GOSSIPD_PQ="require"))
                self.refused(run([*node.command], node.env), 2, "has no ML-KEM-768")
                word = "does not start"
            else:
                a, b = self.pair(left, right, (mine, theirs))
                if left == "require" and not both:
                    self.wait_reason(a, "pq_policy")
                    self.wait_reason(b, "not_recognised")
                    word = "refused"
                else:
                    self.wait_up(word == "post-quantum", a, b)
                    self.talk(a, b)
                a.stop()
                b.stop()
            said.append("%s/%s: %s" % (left, right, word))
        return said

    def downgraded(self, mine, theirs, later):
        a, b = self.pair(trees=(mine, theirs))
        self.wait_up(True, a, b)
        self.downgrade(a, b, later)
        return "downgrade to %s: refused, after --reset-pq classical" % (later or "off")

    def test_matrix(self):
        if not PEER:
            self.skipTest("GOSSIP_PEER names no other machine's programs")
        there = Tree("there", PEER)
        for mine, theirs in ((self.here, self.here), (self.here, there), (there, self.here), (there, there)):
            said = self.row(mine, theirs)
            if mine.can and theirs.can:
                said.append(self.downgraded(mine, theirs, None))
                said += [self.downgraded(mine, theirs, other) for other in (self.here, there) if not other.can]
            print("\nfigures: %s - %s: %s" % (mine, theirs, ", ".join(said)))
