"""A large store: reading is right and in flat memory at any size; with GOSSIP_LONG (make reading MESSAGES=1000000) quick as well."""
import json
import os
import random
import re
import subprocess
import sys
import time
import unittest

from gossip import GOSSIPC, FACTOR, PATIENCE, Case, wait_until

LONG = bool(os.environ.get("GOSSIP_LONG"))
MESSAGES = int(os.environ.get("GOSSIP_MESSAGES", "20000"))
STEP = 1000     # every so often there is a needle
ENOUGH = 50.0   # milliseconds
FLAT = 32       # MiB, the whole process; SQLite's cache is 16 of them


class Size(Case):
    def fill(self, node):
        rng = random.Random(7)
        vocabulary = ["w%05x" % rng.randrange(1 << 20) for _ in range(20000)]
        words = rng.choices(vocabulary, [1 / (i + 1) for i in range(len(vocabulary))], k=1 << 18)
        texts = []
        for i in range(MESSAGES):
            at = rng.randrange(len(words) - 16)
            needle = " needle%d" % (i // STEP) if i % STEP == 0 else ""
            texts.append(" ".join(words[at:at + rng.randrange(4, 16)]) + needle + " all")
        data = "".join(text + "\n" for text in texts).encode()
        done = subprocess.run([GOSSIPC, "send", "--batch"], env=node.env, input=data, stdout=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0)

    def view(self, node, *args):
        """Lines, milliseconds, and MiB at the most as far as that was seen, of one run."""
        start = time.perf_counter()
        child = subprocess.Popen([GOSSIPC, "view", *args], env=node.env, stdout=subprocess.PIPE)
        lines, memory = 0, 0
        for number, piece in enumerate(iter(lambda: child.stdout.read(1 << 16), b"")):
            lines += piece.count(b"\n")
            if number % 8 == 7:
                with open("/proc/%d/status" % child.pid, encoding="ascii") as f:
                    peak = re.search(r"^VmHWM:\s+(\d+) kB", f.read(), re.M)
                memory = int(peak.group(1)) / 1024 if peak else memory  # it may have ended
        child.stdout.close()
        child.wait(PATIENCE)
        return lines, (time.perf_counter() - start) * 1000, memory

    @staticmethod
    def took(node, *args):
        start = time.perf_counter()
        node.must(*args)
        return (time.perf_counter() - start) * 1000

    def all_of(self, node, indexed):
        needles = (MESSAGES + STEP - 1) // STEP
        for args, lines, quick in (
                (["--last", "50"], 50, True), (["--search", "needle3"], 1, indexed), (["--search", "nosuchword"], 0, indexed),
                (["--search", "all", "--last", "50"], 50, True), (["--search", "needle*"], needles, False),
                (["--search", "all needle*", "--last", "7"], 7, False), (["--last", "50", "--sender", node.name], 50, True),
                (["--last", "50", "--sender", "nobody"], 0, False), (["--since", "2020-01-01", "--search", "all"], MESSAGES, False),
                ([], MESSAGES, False), (["--json"], MESSAGES, False)):
            runs = [self.view(node, *args) for _ in range(5 if LONG and quick else 1)]
            best, memory = min(r[1] for r in runs), max(r[2] for r in runs)
            print("figures: view %s%s: %.1f ms, %.0f MiB" % (" ".join(args), "" if indexed else " (no index)", best, memory))
            self.assertEqual({r[0] for r in runs}, {lines}, args)
            if not args:
                self.assertGreater(memory, 0)
            if FACTOR == 1:
                self.assertLess(memory, FLAT, args)
            if LONG and quick:
                self.assertLess(best, ENOUGH, args)

    def test_a_large_store(self):
        node = self.node("anna", start=False)
        self.fill(node)
        if not LONG:
            self.all_of(node, False)
        start = time.monotonic()
        node.start()
        wait_until(lambda: node.ask("SELECT v FROM meta WHERE k='search_mark'") == [(MESSAGES,)], "the index",
                   PATIENCE + MESSAGES / 2000, every=0.2, nodes=[node])
        print("figures: %d messages are in the index after %.1f s" % (MESSAGES, time.monotonic() - start))
        self.assertEqual(node.stop(), 0)
        self.all_of(node, True)
        start = time.monotonic()
        node.start()
        begun = time.monotonic() - start
        print("figures: the daemon listens %.0f ms after its start" % (begun * 1000))
        some = json.loads(node.must("view", "--json", "--last", "7000").splitlines()[0])["id"]
        for args in ["status"], ["status", some], ["who", some], ["peers"]:
            best = min(self.took(node, *args) for _ in range(5))
            print("figures: %s: %.1f ms" % (args[0] + (" ID" if args[1:] else ""), best))
            if LONG:
                self.assertLess(best, ENOUGH, args)
        if LONG:
            self.assertLess(begun, 0.5)


if __name__ == "__main__":
    sys.exit(unittest.main())
