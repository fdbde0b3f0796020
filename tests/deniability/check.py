"""Deniability, tried out: real transcripts and forged ones, shuffled, before a judge who holds all of the hearer's keys.

    python3 tests/deniability/check.py [COUNT]

Real: a friend of a real gossipd keeps a record of its sessions, with the secrets of its side. Forged: gossipc forge-transcript,
from the two public keys alone. The judge finds all of them in order or none; then, of half of them told which they are, says of
each of the others what its nearest neighbour is. With forgers who make mistakes it has to do better than chance.
"""
import json
import math
import os
import random
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from gossip import BUILD, GOSSIPC, PATIENCE, Node, run, wait_until  # noqa: E402

TOOL = os.path.join(BUILD, "deniability")
TEXTS = 3                # said in every transcript
FETCHES_BACK = 6         # seconds after which a friend who cannot be called is asked over its own sessions


def tool(*args):
    done = run([TOOL, *map(str, args)], os.environ, deadline=12 * PATIENCE)
    if done.status != 0:
        raise AssertionError("deniability %s: %r" % (" ".join(map(str, args)), done))
    return done.out


class Court:
    """A speaker's daemon, friends of it who keep records, and what comes before the judge."""

    def __init__(self, count):
        self.count, self.node = count, Node("ann")
        self.hearers = []

    def close(self):
        self.node.close()

    def gather(self):
        """Real transcripts, and forged ones. Each is (path, path of the hearer's keys, kind)."""
        ann, files = self.node.start(), []
        for i in range(self.count):  # one session each: the first contact of two friends is what is forged, too
            self.befriend(ann, "bob%d" % i)
        ready = time.monotonic() + FETCHES_BACK
        lines = "".join("text number %d\n" % i for i in range(TEXTS))
        ann.must("send", "--batch", stdin=lines)
        wait_until(lambda: time.monotonic() > ready, "the moment from which ann asks over her friends' sessions")
        for i, (hearer, speaker) in enumerate(self.hearers):
            path = os.path.join(ann.dir, "real-%d" % i)
            tool("record", hearer, speaker, ann.port, TEXTS, path)
            files.append((path, hearer, "real"))
        for i, (hearer, speaker) in enumerate(self.hearers):
            path = os.path.join(ann.dir, "forged-%d" % i)
            forged = run([GOSSIPC, "forge-transcript", "--hearer", hearer + ".pem", "--speaker", speaker, "--source", "ann", "--batch"],
                         {"GOSSIPD_RSA_BITS": "2048", "PATH": os.environ["PATH"], "HOME": "/nonexistent"}, lines)
            if forged.status != 0:
                raise AssertionError("forge-transcript: %r" % forged)
            with open(path, "w", encoding="ascii") as f:
                f.write(forged.out)
            files.append((path, hearer, "forged"))
        return files

    def befriend(self, ann, name):
        base = os.path.join(ann.dir, name)
        tool("key", base)
        with open(base + ".pem", encoding="ascii") as f:
            theirs = f.read()
        with open(base + "-ann.pem", "w", encoding="ascii") as f:
            f.write(ann.add_peer(name))
        ann.set_peer_key(name, theirs)
        self.hearers.append((base, base + "-ann.pem"))

    def bad(self, mistake):
        hearer, speaker = self.hearers[0]
        tool("forge", hearer, speaker, TEXTS, self.count, self.node.dir, mistake)
        return [(os.path.join(self.node.dir, "%s-%d" % (mistake, k)), hearer, mistake) for k in range(self.count)]


def judged(files):
    """What the judge finds, in the order given; it sees nothing but keys and transcripts."""
    found = {}
    for hearer in sorted({h for _, h, _ in files}):
        mine = [p for p, h, _ in files if h == hearer]
        out = tool("judge", hearer, hearer + "-ann.pem", *mine)
        found.update(zip(mine, map(json.loads, out.splitlines())))
    return [found[path] for path, _, _ in files]


def rank(a, b):
    """z of Mann-Whitney's U, corrected for ties."""
    count = {}
    for v in a:
        count.setdefault(v, [0, 0])[0] += 1
    for v in b:
        count.setdefault(v, [0, 0])[1] += 1
    n, m = len(a), len(b)
    below = u = ties = 0
    for v in sorted(count):
        x, y = count[v]
        u += x * (below + y / 2)
        below += y
        ties += (x + y) ** 3 - (x + y)
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    return (u - n * m / 2) / math.sqrt(variance) if variance > 0 else 0


class Verdict:
    """How well two kinds are told apart, by what the judge measured."""

    def __init__(self, files, findings, dice):
        order = list(range(len(files)))
        dice.shuffle(order)
        rows = [[v for _, v in sorted(findings[i]["features"].items())] for i in order]
        kinds = [files[i][2] for i in order]
        names = sorted(findings[0]["features"])
        first = kinds[0]
        columns = list(zip(*rows))
        self.worst = max(((abs(rank([v for v, k in zip(c, kinds) if k == first], [v for v, k in zip(c, kinds) if k != first])), name)
                          for c, name in zip(columns, names)))
        scaled = list(zip(*[self.scale(c) for c in columns]))
        known = len(rows) // 2
        self.all = len(rows) - known
        self.right = sum(self.nearest(scaled[i], scaled[:known], kinds, dice) == kinds[i] for i in range(known, len(rows)))
        self.outside = (self.right - self.all / 2) / (math.sqrt(self.all) / 2)

    @staticmethod
    def scale(column):
        mean = sum(column) / len(column)
        deviation = math.sqrt(sum((v - mean) ** 2 for v in column) / len(column))
        return [(v - mean) / deviation if deviation > 0 else 0 for v in column]

    @staticmethod
    def nearest(row, known, kinds, dice):
        return min((sum((a - b) ** 2 for a, b in zip(row, other)), dice.random(), kinds[i]) for i, other in enumerate(known))[2]

    def __str__(self):
        return "%d of %d right, %.1f deviations from chance; worst of all features |z| = %.1f (%s)" % (
            self.right, self.all, self.outside, self.worst[0], self.worst[1])


def check(case, count, seed, deviations=3):
    """Prints the totals; `case` is a unittest.TestCase. Chance is one half, give or take so many standard deviations."""
    dice = random.Random(seed)
    court = Court(count)
    case.addCleanup(court.close)
    files = court.gather()
    dice.shuffle(files)
    findings = judged(files)
    orderly = {kind: sum(not f["fault"] and f["texts"] == TEXTS for f, x in zip(findings, files) if x[2] == kind) for kind in ("real", "forged")}
    print("figures: %d real and %d forged transcripts (seed %d): %d and %d are in order" % (
        count, count, seed, orderly["real"], orderly["forged"]), flush=True)
    case.assertEqual(orderly, {"real": count, "forged": count}, {f["fault"] for f in findings})
    verdict = Verdict(files, findings, dice)
    print("figures: told apart by %d features: %s" % (len(findings[0]["features"]), verdict), flush=True)
    real = [x for x in files if x[2] == "real"]
    real_findings = [f for f, x in zip(findings, files) if x[2] == "real"]
    for mistake in ("bias", "extra"):
        bad = court.bad(mistake)
        bad_findings = judged(bad)
        case.assertFalse([f["fault"] for f in bad_findings if f["fault"]])
        caught = Verdict(real + bad, real_findings + bad_findings, dice)
        print("figures:   control, a forger's mistake (%s): %s" % (mistake, caught), flush=True)
        case.assertGreater(max(caught.outside, caught.worst[0]), 5, "the judge sees nothing")
    faults = [f["fault"] for f in judged(court.bad("label"))]
    case.assertEqual(set(faults), {"c_R is not under the hearer's key and the label"})
    print("figures:   control, a forger's mistake (label): %d of %d are not in order" % (len(faults), count), flush=True)
    case.assertLessEqual(abs(verdict.outside), deviations)
    case.assertLess(verdict.worst[0], 5)


class Long(unittest.TestCase):
    def test_a_judge_with_all_the_hearers_keys_is_at_chance(self):
        check(self, int(os.environ.get("COUNT", "300")), int(os.environ.get("SEED", random.randrange(10 ** 6))))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.environ["COUNT"] = sys.argv.pop(1)
    unittest.main()
