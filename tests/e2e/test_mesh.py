"""More than two: a chain, a full mesh, and many writers at once."""
import threading
import unittest
from collections import Counter

from gossip import FACTOR, PATIENCE, Case, befriend


class Mesh(Case):
    def once_each(self, node, ids):
        counts = Counter(m["id"] for m in node.view())
        self.assertEqual(set(counts), set(ids))
        self.assertEqual(set(counts.values()), {1})

    def test_chain_of_4_with_the_right_delivered_by_at_each(self):
        chain = [self.node("n%d" % i) for i in range(4)]
        for left, right in zip(chain, chain[1:]):
            befriend(left, right)
        ident = chain[0].send("down the chain", source="origin")
        for i, node in enumerate(chain):
            got = node.wait_text("down the chain")
            self.assertEqual((got["id"], got["sender"]), (ident, "origin"))
            self.assertEqual(got["delivered_by"], "n%d" % (i - 1) if i else "self")
        chain[3].send("up the chain")
        self.assertEqual(chain[0].wait_text("up the chain")["delivered_by"], "n1")

    def test_f10_f15_full_mesh_of_5_with_200_messages_from_each(self):
        nodes = [self.node("n%d" % i) for i in range(5)]
        for i, left in enumerate(nodes):
            for right in nodes[i + 1:]:
                befriend(left, right)
        ids, fault = [], []

        def write(node):
            try:
                ids.extend(node.send_lines(["%s says %d" % (node.name, i) for i in range(200)]))
            except BaseException as e:  # told to the test below
                fault.append(e)
        writers = [threading.Thread(target=write, args=(n,)) for n in nodes]
        for w in writers:
            w.start()
        for w in writers:
            w.join()
        self.assertEqual(fault, [])
        self.assertEqual(len(set(ids)), 1000)
        for node in nodes:
            node.wait_count(1000, 3 * PATIENCE)
        for node in nodes:
            self.once_each(node, ids)

    def test_f15_two_writers_on_one_database_and_a_daemon(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b)
        many = int(300 / FACTOR)
        writers = [threading.Thread(target=a.send_lines, args=(["w%d %d" % (w, i) for i in range(many)],)) for w in range(3)]
        for w in writers:
            w.start()
        b.send_lines(["from bob %d" % i for i in range(many)])
        for w in writers:
            w.join()
        a.wait_count(4 * many, 2 * PATIENCE)
        b.wait_count(4 * many, 2 * PATIENCE)
        self.once_each(b, {m["id"] for m in a.view()})


if __name__ == "__main__":
    unittest.main()
