"""Two daemons with little to do: a live hop beside floor.cc, what two idle processes cost, and what one send costs."""
import os
import re
import subprocess
import tempfile
import threading
import time

import gossip
from bulk import TEXT, fill, node, settle, words
from table import Row, percentile

PAUSE_MS = 20  # before each round of a hop, so that both are idle
IDLE_SECONDS = 20


def columns(command, env=None):
    """Of numbers, a row for each line that it prints."""
    out = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return list(zip(*([float(x) for x in line.split()] for line in out.splitlines())))


def pair():
    """Two who have a session each way, and cover as it is set where nobody says otherwise."""
    a, b = node("ann", GOSSIPD_COVER=None).start(), node("bob", GOSSIPD_COVER=None).start()
    gossip.befriend(a, b)
    for n, other in ((a, b), (b, a)):
        n.send("warm")
        other.wait_text("warm")
        gossip.wait_until(lambda x=n: x.ask("SELECT dial_state, call_state FROM v_peers") == [("up", "up")], "sessions both ways")
        settle(n)
    return a, b


def hop(args, rows):
    a, b = pair()
    figures = {}
    try:
        for _ in range(args.runs):
            with tempfile.TemporaryDirectory(prefix="gossip-floor-") as folder:
                _, passed = columns([os.path.join(args.build, "bench-floor"), folder, str(args.rounds), str(PAUSE_MS)])
            sent, hopped, strict = columns([os.path.join(args.build, "bench-hop"), gossip.GOSSIPC, b.db, str(args.rounds), str(PAUSE_MS)], a.env)
            for name, values in (("floor", passed), ("send", sent), ("hop", hopped), ("row", strict)):
                for share in (0.5, 0.99):
                    figures.setdefault((name, share), []).append(percentile(values, share))
    finally:
        a.close()
        b.close()
    floor, note = figures["floor", 0.5], "beside: the floor's p50"
    rows.append(Row("live hop p50, send returned to row there", "ms", figures["hop", 0.5], floor, ("ratio", "<=", 1.5, 1.15), note))
    rows.append(Row("live hop p99", "ms", figures["hop", 0.99], floor, ("ratio", "<=", 1.5, 1.15), note))
    rows.append(Row("  row at the sender to row there, p50", "ms", figures["row", 0.5], floor, None, note))
    rows.append(Row("  row at the sender to row there, p99", "ms", figures["row", 0.99], figures["floor", 0.99], None, "beside: the floor's p99"))


# --- at rest

def proportional(pid):
    """MiB: shared pages by halves, thirds and so on."""
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        return int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M).group(1)) / 1024


def used(pid):
    """Seconds of processor to the nanosecond, and how often it went to sleep, in all its threads."""
    seconds, switches = 0.0, 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task), encoding="ascii") as f:
            seconds += int(f.read().split()[0]) / 1e9
        with open("/proc/%d/task/%s/status" % (pid, task), encoding="ascii") as f:
            switches += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M).group(1))
    return seconds, switches


def idle(args, rows):
    a, b = pair()
    memory, seconds, wakes = [], [], []
    try:
        threading.Event().wait(args.idle / 4)  # what was begun comes to its end
        for _ in range(max(1, args.runs // 2)):
            before = [[used(p) for p in n.processes()] for n in (a, b)]
            threading.Event().wait(args.idle)
            for n, was in zip((a, b), before):
                now = [used(p) for p in n.processes()]
                seconds.append(sum(x[0] - y[0] for x, y in zip(now, was)) * IDLE_SECONDS / args.idle)
                wakes.append(sum(x[1] - y[1] for x, y in zip(now, was)) / args.idle)
                memory.append(sum(proportional(p) for p in n.processes()))
    finally:
        a.close()
        b.close()
    rows.append(Row("idle, per node: proportional memory", "MiB", memory, (), ("value", "<=", 12, 8), "both processes"))
    rows.append(Row("  processor in %d s" % IDLE_SECONDS, "s", seconds, (), ("value", "<=", 0.01, None)))
    rows.append(Row("  wake-ups", "/s", wakes, (), ("value", "<=", 1, None)))


# --- sending

def send(args, rows):
    one = node("ann")
    single, batch, bare = [], [], []
    try:
        settle(one)
        for _ in range(args.runs):
            begin = time.monotonic()
            for i in range(args.rounds):
                subprocess.run([gossip.GOSSIPC, "send", "-m", TEXT % i], env=one.env, stdout=subprocess.DEVNULL, check=True)
            single.append((time.monotonic() - begin) * 1000 / args.rounds)
            begin = time.monotonic()
            for i in range(args.rounds):
                subprocess.run([gossip.GOSSIPC, "--version"], env=one.env, stdout=subprocess.DEVNULL, check=True)
            bare.append((time.monotonic() - begin) * 1000 / args.rounds)
    finally:
        one.close()
    for _ in range(args.runs):
        one = node("ann")  # a new store each time, or each run would begin with the log of writes of all before it
        try:
            begin = time.monotonic()
            fill(one, args.batch)
            batch.append(args.batch / (time.monotonic() - begin))
        finally:
            one.close()
    rows.append(Row("send, a process for each message", "ms", single, bare, ("value", "<=", 8, None), "beside: gossipc --version, so mostly the start of a process"))
    rows.append(Row("send --batch, %s lines into a new store" % words(args.batch), "messages/s", batch, (), ("value", ">=", 100_000, None)))
