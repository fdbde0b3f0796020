#!/usr/bin/env python3
"""Runs every test of one build folder: lint, unit tests, replays of the fuzz corpora, process tests.

    python3 tests/run.py --build build [--only PATTERN]

Failing output is printed; the last line is "N passed, N failed". Exit 1 when anything failed or nothing ran.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = {"lint": 120, "unit": 240, "replay": 120, "sim": 120, "e2e": 150}  # seconds, times the factor of a slow build
FIGURES = "figures: "  # begins a line of a test's output
SCENARIOS = ["S1", "S3", "S4", "S5", "S6", "S7", "S10", "S11", "S12", "S13", "S14"]  # of tests/sim
LONG = ("crowd.py", "kill.py", "supervision.py", "poison.py", "texts.py", "friends.py", "one_door.py", "catch_up.py", "daemon.py", "strangers.py", "abuse.py",
        "restores.py")  # start first


class Outcome:
    """What one job gave: how many passed, the names of what failed, and its output."""

    def __init__(self, name, passed=0, failed=(), output="", seconds=0.0, skipped=0):
        self.name, self.passed, self.failed, self.output = name, passed, list(failed), output
        self.seconds, self.skipped = seconds, skipped


def run_limited(command, limit, env):
    """Exit status, output and whether the time ran out. The child leads a session of its own, which ends with it."""
    with tempfile.TemporaryFile() as out:
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=ROOT,
                                     start_new_session=True)
        except OSError as error:
            return 127, "%s\n" % error, False
        late = False
        try:
            status = child.wait(limit)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            end_session(child.pid)
        status = child.wait()
        out.seek(0)
        return status, out.read().decode("utf-8", "replace"), late


def end_session(sid):
    """Ends every process of a session that we started: a test that was cut off leaves daemons behind."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name, encoding="ascii", errors="replace") as f:
                if int(f.read().rsplit(")", 1)[1].split()[3]) == sid:
                    os.kill(int(name), signal.SIGKILL)
        except (OSError, ValueError):
            pass  # gone already


def ending(status, late, limit):
    if late:
        return "no end after %d s" % limit
    return "signal %d" % -status if status < 0 else "exit status %d" % status


class Runner:
    def __init__(self, build, only, keep):
        self.build, self.only = build, only
        slow = "asan" in os.path.abspath(build).split(os.sep) or "asan" in build
        self.factor = float(os.environ.get("GOSSIP_TEST_FACTOR", 5 if slow else 1))
        self.keep = keep  # folder for result files
        self.env = dict(os.environ, GOSSIP_BUILD=os.path.abspath(build), GOSSIP_TEST_FACTOR=str(self.factor), LC_ALL="C.UTF-8",
                        PYTHONDONTWRITEBYTECODE="1")
        self.env.setdefault("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:exitcode=99")
        self.env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")

    def wanted(self, name):
        return not self.only or self.only in name

    def simple(self, kind, name, command):
        """A job that counts one."""
        limit = LIMIT[kind] * self.factor
        status, output, late = run_limited(command, limit, self.env)
        if status == 0 and not late:
            return Outcome(name, 1)
        return Outcome(name, 0, ["%s (%s)" % (name, ending(status, late, limit))], output)

    def counted(self, kind, name, command, result):
        """A job that writes {"passed": N, "failed": [names], "skipped": N} or gtest's JSON to `result`."""
        limit = LIMIT[kind] * self.factor
        status, output, late = run_limited(command, limit, self.env)
        passed, failed, skipped = 0, [], 0
        try:
            with open(result, encoding="utf-8") as f:
                passed, failed, skipped = read_counts(json.load(f))
        except (OSError, ValueError):
            pass
        if late or (status != 0 and not failed):
            failed.append("%s (%s)" % (name, ending(status, late, limit)))
        elif passed + len(failed) + skipped == 0:
            failed.append("%s (no test in it)" % name)
        return Outcome(name, passed, failed, output, skipped=skipped)

    def unit(self, binary):
        name = os.path.basename(binary)
        result = os.path.join(self.keep, name + ".json")
        command = [binary, "--gtest_output=json:" + result, "--gtest_color=no", "--gtest_brief=1"]
        if not self.wanted(name):
            tests = self.matching_gtests(binary)
            if not tests:
                return Outcome(name)
            command.append("--gtest_filter=" + ":".join(tests))
        return self.counted("unit", name, command, result)

    def matching_gtests(self, binary):
        listed = subprocess.run([binary, "--gtest_list_tests"], stdout=subprocess.PIPE, env=self.env, universal_newlines=True)
        suite, found = "", []
        for line in listed.stdout.splitlines():
            word = line.split("#")[0].strip()
            if line.startswith("  "):
                if self.only in suite + word:
                    found.append(suite + word)
            elif word.endswith("."):
                suite = word
        return found

    def replay(self, binary):
        name = os.path.basename(binary)
        corpus = os.path.join("tests/fuzz/corpus", name[len("replay-"):])
        return self.simple("replay", name, [binary, corpus])

    def sim(self, scenario):
        """A small network, twice: the same seed has to give the same trace whatever the number of threads."""
        binary = os.path.join(os.path.abspath(self.build), "sim")
        return self.simple("sim", "sim-" + scenario, [binary, "-r", "-n", "300", scenario])

    def e2e(self, path):
        name = os.path.splitext(os.path.basename(path))[0]
        result = os.path.join(self.keep, name + ".json")
        command = [sys.executable, os.path.abspath(__file__), "--build", self.build, "--file", path, "--result", result]
        if self.only and self.only not in name:
            command += ["--only", self.only]
        return self.counted("e2e", name, command, result)

    def binaries(self, pattern):
        found = sorted(glob.glob(os.path.join(os.path.abspath(self.build), pattern)))
        return [b for b in found if os.path.isfile(b) and os.access(b, os.X_OK)]

    def jobs(self):
        """Lists of jobs: the lists run one after the other, the jobs of one two at a time, the long ones first."""
        lint = [lambda: self.simple("lint", "lint", [sys.executable, "tests/lint/lint.py", "--build", self.build])]
        units = self.binaries("unit-*")
        replays = [b for b in self.binaries("replay-*") if self.wanted(os.path.basename(b))]
        files = sorted(glob.glob(os.path.join(ROOT, "tests/e2e/test_*.py")), key=start_order)
        sims = [s for s in SCENARIOS if self.wanted("sim-" + s)]
        yield lint if self.wanted("lint") else []
        yield ([lambda b=b: self.unit(b) for b in units] + [lambda b=b: self.replay(b) for b in replays]
               + [lambda s=s: self.sim(s) for s in sims])
        yield [lambda p=p: self.e2e(p) for p in files]


def start_order(path):
    return next((i for i, end in enumerate(LONG) if path.endswith("test_" + end)), len(LONG)), path


def read_counts(data):
    if "testsuites" not in data:
        return data["passed"], list(data["failed"]), data["skipped"]
    passed, failed, skipped = 0, [], 0
    for suite in data["testsuites"]:
        for test in suite["testsuite"]:
            if test.get("failures"):
                failed.append("%s.%s" % (suite["name"], test["name"]))
            elif test.get("result") == "SKIPPED":
                skipped += 1
            elif test.get("result") == "COMPLETED":
                passed += 1
    return passed, failed, skipped


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def run_file(path, only, result):
    """One file of process tests, in this process. Writes the counts to `result`."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that cleanups run
    sys.path.insert(0, os.path.dirname(path))
    loaded = unittest.defaultTestLoader.loadTestsFromName(os.path.splitext(os.path.basename(path))[0])
    tests = unittest.TestSuite(t for t in flatten(loaded) if not only or only in t.id() or only in (t.shortDescription() or ""))
    count = tests.countTestCases()
    done = unittest.TextTestRunner(verbosity=2).run(tests)
    faults = [getattr(t, "test_case", t) for t, _ in done.failures + done.errors] + done.unexpectedSuccesses
    bad = sorted({str(t) for t in faults})
    ran_bad = {t.id() for t in faults if isinstance(t, unittest.TestCase)}  # the rest are classes that could not be set up
    passed = done.testsRun - len(ran_bad) - len(done.skipped)
    with open(result, "w", encoding="utf-8") as f:
        json.dump({"passed": passed, "failed": bad, "skipped": len(done.skipped) if count else 1}, f)
    return 1 if bad else 0


def timed(job):
    start = time.monotonic()
    outcome = job()
    outcome.seconds = time.monotonic() - start
    return outcome


def report(outcome):
    if outcome.passed or outcome.failed:
        extra = ", %d skipped" % outcome.skipped if outcome.skipped else ""
        counts = "%5d passed, %d failed%s" % (outcome.passed, len(outcome.failed), extra)
        print("%-28s %s (%.1f s)" % (outcome.name, counts, outcome.seconds))
        for line in outcome.output.splitlines():
            if FIGURES in line:  # shown though all went well
                print("  " + line[line.index(FIGURES) + len(FIGURES):])
    if outcome.failed:
        print("-" * 100)
        print(outcome.output[-20000:].rstrip())
        for name in outcome.failed:
            print("FAILED: " + name)
        print("-" * 100)
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="the build folder")
    parser.add_argument("--only", default="", help="run only what has this in its name")
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--result", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.file:
        return run_file(args.file, args.only, args.result)
    if not os.path.isdir(args.build):
        print("run.py: no build folder %s" % args.build)
        print("0 passed, 0 failed")
        return 1
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory(prefix="gossip-run-") as keep, concurrent.futures.ThreadPoolExecutor(2) as pool:
        for jobs in Runner(args.build, args.only, keep).jobs():
            for future in concurrent.futures.as_completed([pool.submit(timed, j) for j in jobs]):
                outcome = future.result()
                report(outcome)
                passed += outcome.passed
                failed += len(outcome.failed)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
