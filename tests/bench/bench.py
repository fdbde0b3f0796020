#!/usr/bin/env python3
"""A live hop between two idle friends beside the machine's own floor, in one run; the table goes to stdout, all figures to bench.json.

    python3 tests/bench/bench.py --build build [--runs 5] [--rounds 200]

hop    from `gossipc send` returning to the row readable in the friend's database; stricter: from the row readable in the sender's
floor  a bare program that stores with synchronous=FULL, passes 200 bytes over TCP, and stores again (floor.cc)
       "pass, store" is the like of a hop: it begins where the first store has returned
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
PAUSE_MS = 20  # before each round, so that both are idle
BAR_MS = 5.0   # for the median of a hop


def busy_share(seconds=2.0):
    """How much of all processors is in use, 0 to 1."""
    def look():
        with open("/proc/stat", encoding="ascii") as f:
            fields = [int(x) for x in f.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]
    total, idle = look()
    threading.Event().wait(seconds)
    total, idle = look()[0] - total, look()[1] - idle
    return 1 - idle / max(1, total)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(command, env):
    """Two columns of ms, a row for each round."""
    out = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    rows = [[float(x) for x in line.split()] for line in out.splitlines()]
    return list(zip(*rows))


def pair(gossip):
    a, b = gossip.Node("ann").start(), gossip.Node("bob").start()
    gossip.befriend(a, b)
    for n, other in ((a, b), (b, a)):
        n.send("warm")
        other.wait_text("warm")
        gossip.wait_until(lambda x=n: x.ask("SELECT dial_state, call_state FROM v_peers") == [("up", "up")], "sessions both ways")
    return a, b


def measure_all(args, gossip):
    hop, floor = os.path.join(args.build, "bench-hop"), os.path.join(args.build, "bench-floor")
    figures = {"send": [], "hop": [], "row to row": [], "first store": [], "pass, store": [], "store, pass, store": []}
    a, b = pair(gossip)
    try:
        with tempfile.TemporaryDirectory(prefix="gossip-floor-") as folder:
            for _ in range(args.runs):
                bare, passed = measure([floor, folder, str(args.rounds), str(PAUSE_MS)], None)
                sent, hopped, strict = measure([hop, gossip.GOSSIPC, b.db, str(args.rounds), str(PAUSE_MS)], a.env)
                for name, values in (("send", sent), ("hop", hopped), ("row to row", strict), ("first store", bare),
                                     ("pass, store", passed), ("store, pass, store", [x + y for x, y in zip(bare, passed)])):
                    figures[name].append({"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)})
    finally:
        a.close()
        b.close()
    return figures


def over_runs(runs, what):
    values = [run[what] for run in runs]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def print_table(result):
    names = [("hop", "live hop: send returned -> row there"), ("row to row", "  row at the sender -> row there"),
             ("send", "  gossipc send itself, start to end"),
             ("pass, store", "floor: pass 200 bytes, store"), ("store, pass, store", "floor: store, pass, store")]
    print("%-38s %27s %27s" % ("ms, median (min - max) of %d runs" % result["runs"], "p50", "p99"))
    for name, words in names:
        cells = ["%8.3f (%.3f - %.3f)" % tuple(result[name][p][k] for k in ("median", "min", "max")) for p in ("p50", "p99")]
        print("%-38s %27s %27s" % (words, *cells))
    for above, below in (("hop", "store, pass, store"), ("hop", "pass, store"), ("row to row", "pass, store")):
        ratios = [result[above][p]["median"] / result[below][p]["median"] for p in ("p50", "p99")]
        print("%-38s %26.1fx %26.1fx" % ("%s / floor: %s" % (above, below), *ratios))
    median = result["hop"]["p50"]["median"]
    print("bar: p50 of a hop under %.0f ms: %s (%d messages in each run)" % (BAR_MS, "met" if median < BAR_MS else "MISSED", result["rounds"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=200)
    args = parser.parse_args()
    os.environ["GOSSIP_BUILD"] = args.build = os.path.abspath(args.build)
    import gossip  # reads GOSSIP_BUILD
    busy = busy_share()
    if busy > 0.05:
        print("warning: the machine is not idle, %.0f %% of its processors are in use: the figures say little" % (100 * busy))
    figures = measure_all(args, gossip)
    result = {"runs": args.runs, "rounds": args.rounds, "busy_before": round(busy, 3), "processors": os.cpu_count(), "each_run": figures}
    for name, runs in figures.items():
        result[name] = {p: over_runs(runs, p) for p in ("p50", "p99")}
    print_table(result)
    with open(os.path.join(args.build, "bench.json"), "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
    return 0 if result["hop"]["p50"]["median"] < BAR_MS else 1


if __name__ == "__main__":
    sys.exit(main())
