"""Cover traffic between real daemons: cells that mean nothing go by, and messages come as ever."""
import json

from gossip import CELL, M1, M2, M3, PATIENCE, Case, befriend, wait_until
from proxy import Proxy


class Cover(Case):
    def counters(self, node):
        rows = [json.loads(line) for line in node.must("status", "--json").splitlines()]
        return rows[0]["cover"], {r["counter"]: r["value"] for r in rows if "counter" in r}

    def test_pad_cells_go_by_and_messages_come_once_and_in_order(self):
        nodes = [self.node(name, GOSSIPD_COVER="on") for name in ("ann", "bob", "cid", "dee")]
        ann, bob = nodes[:2]
        wires = []
        for i, a in enumerate(nodes):
            for b in nodes[i + 1:]:
                wires.append(Proxy(b.port))
                self.addCleanup(wires[-1].close)
                befriend(a, b, a_port=None, b_port=wires[-1].port)  # each dials; what a says goes over the wire
        texts = ["number %d" % i for i in range(40)]
        for text in texts[:20]:
            ann.send(text)
        for node in nodes:
            node.wait_count(20)
        quiet = sum(len(way) for wire in wires for call in wire.calls for way in call)

        def more():  # nobody says anything, and still
            return sum(len(way) for wire in wires for call in wire.calls for way in call) >= quiet + 40 * CELL
        wait_until(more, "forty cells in silence", 3 * PATIENCE, nodes=nodes)
        for text in texts[20:]:
            ann.send(text)
        for node in nodes:
            node.wait_count(40)
            self.assertEqual(node.texts(), texts)
        for wire in wires:
            for there, back in wire.calls:
                if len(there) > M1 + M3:  # a session: whole cells and nothing else
                    self.assertEqual(((len(there) - M1 - M3) % CELL, (len(back) - M2) % CELL), (0, 0))
        self.assertEqual(self.counters(bob)[0], "on")
        for node in nodes:
            node.stop()
        sent = sum(self.counters(node)[1].get("cover_cells", 0) for node in nodes)
        self.assertGreaterEqual(sent, 5)  # the others were acknowledgements, or PING
        self.assertIsNone(self.counters(bob)[0], "no daemon runs")
