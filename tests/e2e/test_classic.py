"""The flow of the older program's manual, letter by letter: gossipc needs nothing but GOSSIPD_DB_PATH."""
import os
import re
import unittest

from gossip import GOSSIPC, Case, pem_of, run


class Classic(Case):
    def bare(self, node):
        return {"GOSSIPD_DB_PATH": node.db, "PATH": os.environ["PATH"]}

    def test_classic_manual(self):
        node1, node2 = self.node("node1"), self.node("node2")

        def gossipc(node, *args):
            done = run([GOSSIPC, *args], self.bare(node))
            self.assertEqual(done.status, 0, done)
            return done.out

        out1 = gossipc(node1, "--add-peer", "--name", "node2", "--host", "127.0.0.1", "--port", str(node2.port))
        out2 = gossipc(node2, "--add-peer", "--name", "node1", "--host", "127.0.0.1", "--port", str(node1.port))
        for out in (out1, out2):
            self.assertRegex(out, r"^Exchange key:\n-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\n$")
        for node, name, out in ((node1, "node2", out2), (node2, "node1", out1)):
            path = os.path.join(node.dir, "key.pem")
            with open(path, "w", encoding="ascii") as f:
                f.write(out)  # as printed: the words before the block do no harm
            gossipc(node, "--set-peer-key", "--name", name, "--pubkey-file", path)
        sent = gossipc(node1, "--send-message", "--source", "alice", "--message", "hello world")
        self.assertRegex(sent, r"^[0-9a-f]{64}\n$")
        node2.wait_text("hello world")
        stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
        self.assertRegex(gossipc(node2, "-g"), r"^%s\|delivered_by:node1\|sender:alice\|hello world\n$" % stamp)
        self.assertRegex(gossipc(node1, "--view-messages"), r"^%s\|delivered_by:self\|sender:alice\|hello world\n$" % stamp)
        gossipc(node2, "-s", "-S", "bob", "-m", "hello yourself")
        node1.wait_text("hello yourself")
        lines = gossipc(node1, "-g").splitlines()
        self.assertEqual([re.sub(stamp, "T", line) for line in lines],
                         ["T|delivered_by:self|sender:alice|hello world", "T|delivered_by:node2|sender:bob|hello yourself"])
        gossipc(node1, "-d", "-n", "node2")
        self.assertNotIn("node2", [w for line in node1.must("peers").splitlines() for w in line.split()])

    def test_classic_short_flags(self):
        node = self.node("node1")
        pem = pem_of(node.must("-a", "-n", "other", "-H", "127.0.0.1", "-p", "5556"))
        self.assertEqual(pem_of(node.must("show-key", "other")), pem)

    def test_gossipc_alone_is_a_short_summary(self):
        node = self.node("node1", start=False)
        done = node.gossipc()
        self.assertIn("usage:", done.out + done.err)
        self.assertLessEqual((done.out + done.err).count("\n"), 30)
        self.assertIn("add-peer", node.must("--help"))


if __name__ == "__main__":
    unittest.main()
