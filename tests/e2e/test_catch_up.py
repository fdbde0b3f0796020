"""A fresh node among friends who all hold very much: each body comes once, from all of them at once, whatever becomes of one of them."""
import unittest
from collections import Counter

from crowd import befriend_all, counters, figures, kill, steady_port
from gossip import FACTOR, PATIENCE, Case, wait_until
from proxy import Proxy

MANY = 20_000
TEXT = "message %d of those that all three hold " + "." * 200
RATE = 600_000 if FACTOR == 1 else 300_000  # bytes a second of each wire, so that there is a middle to be cut in


class CatchUp(Case):
    def three_who_hold_all(self):
        nodes = [self.node("p%d" % i, start=False, GOSSIPD_LISTEN_PORT=steady_port()) for i in range(3)]
        for node in nodes:
            node.port = int(node.env["GOSSIPD_LISTEN_PORT"])
        befriend_all([(nodes[1], nodes[0], True, False), (nodes[2], nodes[0], True, False)])
        ids = nodes[0].send_lines([TEXT % i for i in range(MANY)])
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_count(MANY, 4 * PATIENCE)
        return nodes, ids

    def newcomer(self, providers, **wire):
        """Knows all three, each over a wire of its own, and has not been started."""
        new, wires = self.node("new", start=False, GOSSIPD_LISTEN_PORT=steady_port()), []
        new.port = int(new.env["GOSSIPD_LISTEN_PORT"])
        for provider in providers:
            wires.append(Proxy(provider.port, **wire))
            self.addCleanup(wires[-1].close)
        befriend_all([(new, p, True, False, None, w.port) for p, w in zip(providers, wires)])
        return new, wires

    def share(self, node, name):
        return node.ask("SELECT count(*) FROM v_messages WHERE delivered_by = '%s'" % name)[0][0]

    def whole(self, new, ids):
        """Everything, once; and what it cost."""
        new.wait_count(MANY, 4 * PATIENCE)
        counts = Counter(row[0] for row in new.ask("SELECT id FROM v_messages"))
        self.assertEqual((set(counts), set(counts.values())), (set(ids), {1}))
        by = dict(new.ask("SELECT delivered_by, count(*) FROM v_messages GROUP BY 1"))
        self.assertEqual(new.stop(), 0)
        counted = counters(new)
        figures("%s: delivered by %s, %.4f bodies for each" % (self._testMethodName, by, counted["bodies"] / MANY))
        self.assertLessEqual(counted["bodies"], 1.02 * MANY)
        return by

    def test_f18_catch_up_comes_from_all_three_at_once(self):
        providers, ids = self.three_who_hold_all()
        new, _ = self.newcomer(providers, rate=RATE)  # or it is all over before the third is dialled
        new.start()
        by = self.whole(new, ids)
        for provider in providers:
            self.assertGreater(by[provider.name], MANY / 20, "striped over all of them")

    def test_f13_f19_one_of_three_is_killed_and_another_falls_silent_on_the_way(self):
        providers, ids = self.three_who_hold_all()
        new, wires = self.newcomer(providers, rate=RATE)
        new.start()
        wait_until(lambda: new.count() > MANY / 10 and self.share(new, "p1"), "a tenth, some of it from p1", every=0.005, nodes=[new])
        kill(providers[1], "both")
        left = self.share(new, "p1")
        providers[1].start()
        wait_until(lambda: self.share(new, "p1") > left, "p1 to go on giving", nodes=[new, providers[1]])
        wires[2].swallow(1)  # p2 hears everything, and nothing of what it says arrives
        self.assertLess(new.count(), MANY, "it was all over: nothing was shown")
        by = self.whole(new, ids)
        self.assertLess(by["p2"], MANY / 2)


if __name__ == "__main__":
    unittest.main()
