#!/usr/bin/env python3
"""How fast it is, beside what the machine can do with no protocol: one table in Markdown, and all figures in bench.json.

    python3 tests/bench/bench.py --build build [--runs 5] [JOB...]

A floor (floor.cc, floor_bulk.cc) stores as durably as gossipd does: SQLite in WAL mode, synchronous=FULL at both ends. Floor and
daemons take turns in every run, so that what disturbs the machine disturbs both. Figures are medians, with the least and the most.
"""
import argparse
import json
import os
import platform
import sqlite3
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
BUSY = 0.05  # of the processors: from there on the figures say little


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


def machine():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    except OSError:
        model = platform.machine()
    return "%d x %s, Linux %s, SQLite %s" % (os.cpu_count(), model, platform.release(), sqlite3.sqlite_version)


def all_jobs():
    import bulk  # each of them reads GOSSIP_BUILD
    import large
    import live
    import peers
    import single
    return {"hop": live.hop, "bulk": bulk.bulk, "three": bulk.from_three, "idle": live.idle, "handshakes": single.handshakes, "send": live.send,
            "large": large.large, "simulator": single.simulator, "peers": peers.peers}


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=100, help="messages of a hop or of send, in each run")
    parser.add_argument("--bulk", type=int, nargs="+", default=[20_000, 100_000], help="stored messages of a catch-up")
    parser.add_argument("--batch", type=int, default=100_000, help="lines of send --batch")
    parser.add_argument("--messages", type=int, default=200_000, help="in the large store")
    parser.add_argument("--idle", type=float, default=20, help="seconds at rest")
    parser.add_argument("--nodes", type=int, default=10_000, help="of the simulator")
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="hop bulk three idle handshakes send large simulator peers; all of them when none is named")
    args = parser.parse_intermixed_args(argv)
    os.environ["GOSSIP_BUILD"] = args.build = os.path.abspath(args.build)
    return args


def keep(args, rows, busy, failed):
    with open(os.path.join(args.build, "bench.json"), "w", encoding="utf-8") as f:
        json.dump({"machine": machine(), "busy_before": busy, "runs": args.runs, "failed": failed, "rows": [row.as_json() for row in rows]}, f, indent=1)


def main():
    args = parse(sys.argv[1:])
    jobs = all_jobs()
    unknown = [name for name in args.jobs if name not in jobs]
    if unknown:
        print("no job is called %s; there are %s" % (unknown[0], " ".join(jobs)), file=sys.stderr)
        return 2
    from table import markdown
    rows, failed, busy = [], [], {}
    for name in args.jobs or jobs:
        busy[name], before = busy_share(), len(rows)
        print("%s%s" % (name, "" if busy[name] < BUSY else ", on a busy machine"), file=sys.stderr)
        try:
            jobs[name](args, rows)
        except Exception as error:  # the others are worth having all the same
            failed.append("%s: %s" % (name, error))
        print(markdown(rows[before:]), file=sys.stderr, flush=True)  # the whole comes at the end
        keep(args, rows, busy, failed)
    most = max(busy.values())
    print(markdown(rows))
    print("\n%s; medians of %d runs (least - most). In use by others before the jobs: %.0f %% at the most%s."
          % (machine(), args.runs, 100 * most, "" if most < BUSY else ", SO THESE FIGURES SAY LITTLE; ratios say more than the rest"))
    for words in failed:
        print("failed: " + words)
    return 1 if failed or any(row.judged() and not row.judged()[0] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
