"""kill -9 of listeners, workers and running sends, at random moments of a busy exchange: nothing acknowledged is lost or there twice.
`make kill COUNT=5000` for the long form; GOSSIP_SEED runs one again."""
import os
import signal
import subprocess
import threading
import time
import unittest
from collections import Counter

from crowd import befriend_all, figures, seeded, steady_port
from gossip import FACTOR, OWN_GROUP, PATIENCE, Case, wait_until

KILLS = int(os.environ.get("GOSSIP_TEST_COUNT", 100 if FACTOR == 1 else 30))
RESTART = 2.0 * FACTOR  # seconds until a daemon that was killed is there again
BATCH = 40              # lines of one `send --batch`
PACE = 0.02             # seconds from one kill to the next, at most so long again


class Sender(threading.Thread):
    """Somebody at one node who sends without end, by single sends and by batches, and notes every id that was printed. What runs
    when the killer comes is killed in the middle."""

    def __init__(self, node, rng):
        super().__init__()
        self.node, self.rng = node, rng
        self.printed, self.faults, self.killed, self.runs = [], [], 0, 0
        self.child, self.lock, self.end = None, threading.Lock(), False

    def run(self):
        try:
            while not self.end:
                self.once(self.rng.random() < 0.5)
        except BaseException as e:  # told by the test
            self.faults.append(e)

    def once(self, batch):
        self.runs += 1
        said = "%s %d" % (self.node.name, self.runs)
        args = ["send", "--batch"] if batch else ["send", "-m", said]
        with self.lock:
            self.child = subprocess.Popen([self.node.client, *args], env=self.node.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, **OWN_GROUP)
        lines = "".join("%s, line %d\n" % (said, i) for i in range(BATCH)) if batch else ""
        out, err = self.child.communicate(lines.encode(), 3 * PATIENCE)
        with self.lock:
            status, self.child = self.child.returncode, None
        ids = [line.decode() for line in out.split(b"\n")[:-1]]  # a line that was cut off says nothing
        self.printed += ids
        if status == -signal.SIGKILL:
            self.killed += 1
        elif status != 0 or len(ids) != (BATCH if batch else 1):
            raise AssertionError("gossipc %s: exit status %d\n%s" % (" ".join(args), status, err.decode()))

    def kill(self):
        with self.lock:
            if self.child is None or self.child.poll() is not None:
                return False
            self.child.kill()
            return True


class Campaign(Case):
    def setUp(self):
        self.rng = seeded(self._testMethodName)
        self.nodes = [self.node(name, start=False, GOSSIPD_LISTEN_PORT=steady_port()) for name in ("ann", "bob", "cara")]
        for node in self.nodes:
            node.port = int(node.env["GOSSIPD_LISTEN_PORT"])
        a, b, c = self.nodes
        befriend_all([(a, b, True, True), (b, c, True, False)])  # cara calls nobody, and hears ann by bob alone
        for node in self.nodes:
            node.start()
        self.restarts, self.acked = [], Counter()

    def strike(self, senders, what):
        """One death of the kind; False when there was nobody to die just now."""
        node = self.rng.choice(self.nodes)
        if what == "send":
            return self.rng.choice(senders).kill()
        if what == "listener":
            pids = [p for p in node.processes() if p != node.worker() and node.is_listener(p)]
            if not pids:
                return False
            os.kill(pids[0], signal.SIGKILL)
            return True
        listeners = [p for p in node.processes() if p != node.worker()]
        for pid in [node.worker()] + (listeners if what == "both" else []):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        node.wait_end()
        begin = time.monotonic()
        wait_until(lambda: not node.processes(), "nothing left of " + node.name, 5, 0.005)
        self.note_acked(node)
        self.restart(node, begin)
        return True

    def restart(self, node, begin):
        node.start()
        took = time.monotonic() - begin  # with the orphan's leaving; its lines end with "listening on", port open and database checked
        self.restarts.append(took)

    def note_acked(self, node):
        """What the friends of this node said to have of its log; such a promise may never be taken back."""
        for peer, acked in node.ask("SELECT name, acked FROM v_peers"):
            self.assertGreaterEqual(acked, self.acked[node.name, peer], "an acknowledgement was forgotten")
            self.acked[node.name, peer] = acked

    def rest(self):
        threading.Event().wait(PACE * (0.5 + self.rng.random()))  # a pace, not a wait for something

    def test_f5_f12_f13_kill_9_under_load_loses_nothing(self):
        senders = [Sender(node, self.rng.__class__(self.rng.random())) for node in self.nodes]
        start, done = time.monotonic(), Counter()
        for one in senders:
            one.start()
        try:
            while sum(done.values()) < KILLS:
                what = self.rng.choices(["listener", "worker", "both", "send"], [3, 2, 1, 4])[0]
                done[what] += self.strike(senders, what)
                self.rest()
                for one in senders:
                    if one.faults:
                        raise one.faults[0]
        finally:
            for one in senders:
                one.end = True
            for one in senders:
                one.join()
        stopped = time.monotonic()
        self.judge(senders, [i for one in senders for i in one.printed])
        worst = sorted(self.restarts)
        figures("%d kills in %.1f s: %s" % (sum(done.values()), stopped - start, ", ".join("%d of %s" % (n, w) for w, n in sorted(done.items()))))
        figures("restart after %.0f ms at p50, %.0f ms at most of %d" % (1000 * worst[len(worst) // 2], 1000 * worst[-1], len(worst)))
        self.assertLess(worst[-1], RESTART)

    def judge(self, senders, printed):
        self.assertEqual(len(printed), len(set(printed)), "an id was printed twice")
        ids = lambda n: [row[0] for row in n.ask("SELECT id FROM v_messages")]
        # what was sent by somebody who was killed before he printed it is there as well, or not at all: everywhere the same
        for node in self.nodes:
            os.kill(node.worker(), signal.SIGHUP)  # nobody waits any more
        everything = set().union(*map(set, map(ids, self.nodes)))
        wait_until(lambda: all(set(ids(n)) == everything for n in self.nodes), "the same messages everywhere", 6 * PATIENCE, 0.2, self.nodes)
        lost = set(printed) - everything
        self.assertFalse(lost, "%d printed ids are lost" % len(lost))
        twice = 0
        for node in self.nodes:
            twice += len(ids(node)) - len(everything)
            texts = Counter(row[0] for row in node.ask("SELECT text FROM v_messages"))
            twice += sum(n - 1 for n in texts.values())  # every text was given to one send, once
            size = node.count()
            self.note_acked(node)
            self.assertLessEqual(max(n for (name, _), n in self.acked.items() if name == node.name), size)
            self.assertEqual(node.stop(), 0)
            self.assertEqual(node.ask("PRAGMA integrity_check"), [("ok",)])
            self.assertFalse(os.path.exists(node.db + ".crash"), "a kill is nobody's fault")
            self.assertEqual(node.ask("SELECT count(*) FROM crash"), [(0,)])
        self.assertEqual(twice, 0)
        figures("%d messages, %d ids printed, of %d runs of send %d killed: lost 0, twice 0, damaged 0" %
                (len(everything), len(printed), sum(s.runs for s in senders), sum(s.killed for s in senders)))


if __name__ == "__main__":
    unittest.main()
