"""What the tests of pairing by invitation share."""
import json
import re

from gossip import Case, wait_until

CODE = re.compile(r"pair code with \S+: (\S+)")


def invite(node, name, *args):
    """The line, as the friend gets it."""
    return node.must("invite", name, *args)


def state(node, name):
    return next(json.loads(line) for line in node.must("peers", "--json").splitlines() if json.loads(line)["name"] == name)


class Invitations(Case):
    def nodes(self, **env):
        return self.node("ann", **env), self.node("bob", **env)

    def here(self, node):
        return ["--here", "127.0.0.1:%d" % node.port]

    def friends(self, a, b):
        """Both know it, with the same code, and they talk."""
        wait_until(lambda: state(a, b.name)["key_set"] and not state(b, a.name)["invitation"], "both to be friends", nodes=[a, b])
        codes = {state(a, b.name)["pair_code"], state(b, a.name)["pair_code"]}
        codes |= {CODE.search(x.gossipc("show-key", y.name).err).group(1) for x, y in ((a, b), (b, a))}
        self.assertEqual(len(codes), 1)
        self.assertEqual([state(x, y.name)["invitation"] for x, y in ((a, b), (b, a))], [None, None])
        a.send("from ann")
        b.send("from bob")
        self.assertEqual(b.wait_text("from ann")["delivered_by"], "ann")
        self.assertEqual(a.wait_text("from bob")["delivered_by"], "bob")

    def nothing_left(self, node):
        """One key is with the friend, and every other is a spare."""
        self.assertEqual(node.ask("SELECT count(*), sum(next IS NOT NULL), sum(until_ms) FROM peers"), [(1, 0, 0)])
