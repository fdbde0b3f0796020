"""Thirty daemons in a random graph: everybody hears everything once, whoever dies meanwhile."""
import concurrent.futures
import threading
import time
import unittest
from collections import Counter

from crowd import befriend_all, counters, figures, kill, random_graph, seeded, steady_port
from gossip import FACTOR, PATIENCE, Case, wait_until

NODES, DEGREE = 30 if FACTOR == 1 else 10, 4
BATCH, SINGLE = 10, 10  # messages from each: in one batch, and by a send of their own
ALL = NODES * (BATCH + SINGLE)
KILLED = NODES // 3


class Progress:
    """How many messages are acknowledged, for those who wait for it."""

    def __init__(self):
        self.ids, self.news = [], threading.Condition()

    def add(self, ids):
        with self.news:
            self.ids += ids
            self.news.notify_all()

    def wait(self, n):
        with self.news:
            if not self.news.wait_for(lambda: len(self.ids) >= n, 6 * PATIENCE):
                raise AssertionError("%d messages were sent instead of %d" % (len(self.ids), n))


class Crowd(Case):
    def test_f10_f12_f13_f15_everybody_hears_everything_once_whoever_dies(self):
        rng, start = seeded(self._testMethodName), time.monotonic()
        nodes = self.build(rng)
        built = time.monotonic()
        acked, victims = self.talk_and_die(rng, nodes)
        talked = time.monotonic()
        for node in nodes:
            wait_until(lambda n=node: n.count() >= ALL, "%d messages at %s" % (ALL, node.name), 3 * PATIENCE, nodes=[node])
        whole = time.monotonic()
        self.assertEqual(len(set(acked)), ALL)
        for node in nodes:
            ids = [row[0] for row in node.ask("SELECT id FROM v_messages")]
            self.assertEqual((len(ids), set(ids)), (ALL, set(acked)), "%s: exactly one copy of each" % node.name)
        figures("%d daemons, %d friends each, %d messages: built in %.1f s, sent in %.1f s, all whole %.2f s after the last send and kill"
                % (NODES, DEGREE, ALL, built - start, talked - built, whole - talked))
        figures("%d killed and started again: %s" % (len(victims), ", ".join("%s of %s" % (what, node.name) for node, what in victims)))
        self.print_latency(nodes)
        self.print_counters([n for n in nodes if n not in [v for v, _ in victims]])

    def build(self, rng):
        nodes = [self.node("n%02d" % i, start=False, GOSSIPD_LISTEN_PORT=steady_port(), GOSSIPD_KEY_POOL="1", GOSSIPD_BOGUS_PCT="0")
                 for i in range(NODES)]
        for node in nodes:
            node.port = int(node.env["GOSSIPD_LISTEN_PORT"])
        ways = [(True, True), (True, True), (True, False)]  # of every third friendship only one side can be called
        befriend_all([(nodes[a], nodes[b], *rng.choice(ways)) for a, b in random_graph(rng, NODES, DEGREE)])
        for node in nodes:
            node.start()
        return nodes

    def talk_and_die(self, rng, nodes):
        """Each victim dies at some point of the sending, and is away while a twentieth of all is sent."""
        progress = Progress()
        jobs = [lambda n=node, i=i: [n.send("%s says %d" % (n.name, i))] for node in nodes for i in range(SINGLE)]
        jobs += [lambda n=node: n.send_lines(["%s has %d more" % (n.name, i) for i in range(BATCH)]) for node in nodes]
        rng.shuffle(jobs)
        victims = list(zip(rng.sample(nodes, KILLED), ["listener", "worker", "both"] * KILLED))
        away = []
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            sending = [pool.submit(lambda j=job: progress.add(j())) for job in jobs]
            for i, (node, what) in enumerate(victims):
                progress.wait(ALL * (i + 1) // (KILLED + 2))
                kill(node, what)
                if what != "listener":
                    away.append((node, len(progress.ids) + ALL // 20))
                for gone, until in [a for a in away if a[1] <= len(progress.ids)]:
                    away.remove((gone, until))
                    gone.start()
            for gone, until in away:
                progress.wait(min(until, ALL))
                gone.start()
            for one in sending:
                one.result()
        return progress.ids, victims

    def print_latency(self, nodes):
        """From stored at the sender to stored here, by the one clock that all of them share; and over how many friends it came."""
        heard = {n.name: {r[0]: r[1:] for r in n.ask("SELECT id, heard_ms, delivered_by FROM v_messages")} for n in nodes}
        origin = {ident: name for name, rows in heard.items() for ident, (_, by) in rows.items() if by == "self"}
        took, last = [], Counter()
        for ident, source in origin.items():
            for name in heard:
                hops, at = 0, name
                while at != source:
                    at, hops = heard[at][ident][1], hops + 1
                last[ident] = max(last[ident], hops)
                if name != source:
                    took.append(heard[name][ident][0] - heard[source][ident][0])
        took.sort()
        figures("delivery: p50 %d ms, p90 %d ms, p99 %d ms, last %d ms (with those who were away); last hop: mean %.1f, greatest %d"
                % (took[len(took) // 2], took[len(took) * 9 // 10], took[len(took) * 99 // 100], took[-1],
                   sum(last.values()) / len(last), max(last.values())))

    def print_counters(self, unharmed):
        """A kill loses what was not yet written of the counters, so those of the others are shown. Worker and listener may both fetch a
        message at the same moment, where one friend can be called and another cannot; within a process nothing is fetched twice."""
        total, rows = Counter(), 0
        for node in unharmed:
            self.assertEqual(node.stop(), 0)
            total.update(counters(node))
            rows += node.ask("SELECT count(*) FROM v_messages WHERE delivered_by != 'self'")[0][0]
        figures("the %d that were not killed: %.3f bodies, %.1f control frames and %.0f bytes received for each of %d messages"
                % (len(unharmed), total["bodies"] / rows, (total["frames_in"] - total["bodies"]) / rows, total["bytes_in"] / rows, rows))
        self.assertGreaterEqual(total["bodies"], rows)
        self.assertLessEqual(total["bodies"], 1.2 * rows)
        self.assertLessEqual(total["bodies_twice"], 0.002 * rows, "one WANT at a time for each message")


if __name__ == "__main__":
    unittest.main()
