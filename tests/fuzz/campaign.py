#!/usr/bin/env python3
"""Runs fuzz targets two at a time, in turns of equal length, and prints executions of each and in all.

    python3 tests/fuzz/campaign.py --build build --seconds 30 [--count N] TARGET...

A turn is two thirds in the quick build and one third in the build with sanitizers, which also tries everything the quick one kept.
Without --count each target has one turn; with it turns go on until N executions were done in all. Ends with 1 after a finding,
which lies in BUILD/findings; what was new lies in BUILD/corpus.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRIES = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
KINDS = (("quick", 2 / 3), ("san", 1 / 3))  # build, share of a turn


class Campaign:
    def __init__(self, build, seconds):
        self.build, self.seconds = os.path.abspath(build), seconds
        self.done = collections.Counter()   # (target, kind) -> executions
        self.spent = collections.Counter()  # (target, kind) -> seconds
        self.failed = []

    def turn(self, target):
        for kind, share in KINDS:
            if not self.run(target, kind, max(1, round(self.seconds * share))):
                break

    def run(self, target, kind, seconds):
        new, found = (os.path.join(self.build, name, target) for name in ("corpus", "findings"))
        for folder in (new, found):
            os.makedirs(folder, exist_ok=True)
        command = [os.path.join(self.build, kind, "fuzz-" + target), "-max_total_time=%d" % seconds, "-timeout=10", "-rss_limit_mb=2048",
                   "-print_final_stats=1", "-entropic=0", "-artifact_prefix=%s/" % found, new]
        kept = os.path.join(ROOT, "tests/fuzz/corpus", target)
        start = time.monotonic()
        ran = subprocess.run(command + [kept] * os.path.isdir(kept), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=1"), check=False)
        out = ran.stdout.decode("utf-8", "replace")
        self.spent[target, kind] += time.monotonic() - start
        self.done[target, kind] += sum(map(int, TRIES.findall(out)))
        if ran.returncode != 0:
            self.failed.append("%s (%s)" % (target, kind))
            print("-" * 100 + "\n" + out[-6000:] + "\nFINDING: %s, see %s" % (self.failed[-1], found), flush=True)
        return ran.returncode == 0

    def total(self):
        return sum(self.done.values())

    def report(self, targets):
        for target in targets:
            both = ["%12d %s at %7.0f/s" % (self.done[target, kind], kind, self.done[target, kind] / max(self.spent[target, kind], 1))
                    for kind, _ in KINDS]
            print("%-14s %s" % (target, "  ".join(both)))
        print("%d executions, %d findings" % (self.total(), len(self.failed)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=int, default=30, help="of a turn of one target")
    parser.add_argument("--count", type=int, default=0, help="executions in all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("targets", nargs="+")
    args = parser.parse_args()
    campaign = Campaign(args.build, args.seconds)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        while True:
            for future in [pool.submit(campaign.turn, target) for target in args.targets]:
                future.result()
            campaign.report(args.targets)
            if campaign.failed or campaign.total() >= args.count:
                return 1 if campaign.failed else 0


if __name__ == "__main__":
    sys.exit(main())
