"""Many daemons, traffic, and time: memory and descriptors stay flat, nothing is lost, nothing is there twice.
`make soak NODES=50 SECONDS=3600` for the long form."""
import os
import signal
import threading
import time
import unittest
from collections import Counter

from crowd import befriend_all, figures, random_graph, seeded, steady_port
from gossip import FACTOR, PATIENCE, Case, wait_until

NODES, SECONDS = map(int, os.environ.get("GOSSIP_SOAK", "5 8").split())
DEGREE = 4 if NODES > 5 else 2
PACE = 0.2                # seconds from one send to the next, at most so long again: each message goes to everybody
BATCH = 5                 # lines of every fourth send
WARM = 0.25               # of the time: until then caches fill
MORE_MEMORY = 0.1, 1024   # of what there was when it was warm, and KiB for each process: the books of each node follow its messages
MORE_FILES = 2            # descriptors of each process, but for moments: a newer session is opened before the old one is closed


def memory(pid):
    """KiB of the process alone, and its share of what it shares; where others may not look, all that it has."""
    try:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    except PermissionError:
        with open("/proc/%d/status" % pid, encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def descriptors(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except PermissionError:
        return 0


class Sample:
    def __init__(self, nodes):
        self.memory = {n.name: sum(memory(p) for p in n.processes()) for n in nodes}
        self.files = {n.name: sum(descriptors(p) for p in n.processes()) for n in nodes}

    def words(self):
        kib, files = sorted(self.memory.values()), sorted(self.files.values())
        return "%.1f MiB in all, %d to %d KiB a node, %d descriptors, %d to %d a node" % (
            sum(kib) / 1024, kib[0], kib[-1], sum(files), files[0], files[-1])


class Soak(Case):
    def build(self, rng):
        nodes = [self.node("n%02d" % i, start=False, GOSSIPD_LISTEN_PORT=steady_port(), GOSSIPD_KEY_POOL="1", GOSSIPD_BOGUS_PCT="0")
                 for i in range(NODES)]
        for node in nodes:
            node.port = int(node.env["GOSSIPD_LISTEN_PORT"])
        ways = [(True, True), (True, True), (True, False)]
        befriend_all([(nodes[a], nodes[b], *rng.choice(ways)) for a, b in random_graph(rng, NODES, DEGREE)])
        for node in nodes:
            node.start()
        return nodes

    def pids(self, nodes):
        return {n.name: sorted([n.worker(), n.listener()]) for n in nodes}

    def talk(self, rng, nodes, until, ids):
        """Sends until then."""
        pace = threading.Event()
        while time.monotonic() < until:
            node, n = rng.choice(nodes), len(ids)
            if n % 4 == 0:
                ids += node.send_lines(["%s has line %d of %d" % (node.name, i, n) for i in range(BATCH)])
            else:
                ids.append(node.send("%s says %d%s" % (node.name, n, " and more" * rng.randrange(100))))
            pace.wait(PACE * (0.5 + rng.random()))

    def everybody_has(self, nodes, ids):
        for node in nodes:
            wait_until(lambda n=node: n.count() >= len(ids), "%d messages at %s" % (len(ids), node.name), 6 * PATIENCE, 0.1, [node])

    def test_f10_f13_memory_and_descriptors_are_flat_and_nothing_is_lost(self):
        rng = seeded(self._testMethodName)
        nodes, ids = self.build(rng), []
        for node in nodes:  # every session stands
            wait_until(lambda n=node: "not up" not in n.gossipc("status").out, "everybody up at " + node.name, 3 * PATIENCE, 0.2, [node])
        pids, begin = self.pids(nodes), time.monotonic()
        self.talk(rng, nodes, begin + WARM * SECONDS, ids)
        self.everybody_has(nodes, ids)
        warm, warm_ids = Sample(nodes), len(ids)
        self.talk(rng, nodes, begin + SECONDS, ids)
        self.everybody_has(nodes, ids)
        last, took = Sample(nodes), time.monotonic() - begin
        self.assertEqual(self.pids(nodes), pids, "a process died")
        figures("%d daemons, %d friends each, %.0f s: warm %s" % (NODES, DEGREE, took, warm.words()))
        figures("at the end %s" % last.words())
        self.flat(nodes, warm, last)
        lost = twice = 0
        for node in nodes:
            had = Counter(row[0] for row in node.ask("SELECT id FROM v_messages"))
            lost += len(set(ids) - set(had))
            twice += sum(had.values()) - len(set(ids) & set(had))
        for node in nodes:
            node.daemon.send_signal(signal.SIGTERM)
        for node in nodes:
            self.assertEqual(node.wait_end(), 0)
            self.assertEqual(node.ask("PRAGMA integrity_check"), [("ok",)])
        figures("%d messages sent, %d of them since it was warm: lost %d, twice %d" % (len(ids), len(ids) - warm_ids, lost, twice))
        self.assertEqual((lost, twice), (0, 0))

    def flat(self, nodes, warm, last):
        part, each = MORE_MEMORY
        if FACTOR == 1:  # a sanitizer keeps what was freed
            self.assertLess(sum(last.memory.values()), (1 + part) * sum(warm.memory.values()) + 2 * NODES * each)
        most = {name: before + 2 * MORE_FILES for name, before in warm.files.items()}
        wait_until(lambda: all(n <= most[name] for name, n in Sample(nodes).files.items()),
                   "no more descriptors than %s, after %s" % (most, last.files), nodes=nodes)


if __name__ == "__main__":
    unittest.main()
