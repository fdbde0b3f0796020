"""Bulk: stored messages into an empty node, from one friend and from three at once, beside floor_bulk.cc."""
import os
import re
import sqlite3
import subprocess
import tempfile
import threading
import time

import gossip
from crowd import counters, steady_port
from table import Row

TEXT = "%07d " + "." * 192  # 200 bytes
FLOOR_BATCHES = (1000, 4000, 8000)  # rows in a transaction of the floor: whichever is faster counts
MEMORY_BAR = 64  # MiB
NEWEST = "SELECT coalesce((SELECT seq FROM v_messages ORDER BY seq DESC LIMIT 1), 0)"  # max(seq) would look at every row, and take a processor


def node(name, **env):
    """With a steady port and few keys to make: what is measured is not how fast keys are."""
    made = gossip.Node(name, GOSSIPD_KEY_POOL=1, GOSSIPD_BOGUS_PCT=0, GOSSIPD_LISTEN_PORT=steady_port(), **env)
    made.port = int(made.env["GOSSIPD_LISTEN_PORT"])
    return made


def settle(one):
    """Running, and every key made."""
    if one.daemon is None:
        one.start()
    friends = one.ask("SELECT count(*) FROM v_peers")[0][0]
    gossip.wait_until(lambda: one.ask("SELECT count(*) FROM keys")[0][0] > friends, "keys of " + one.name, nodes=[one])


def fill(one, count, start=0):
    lines = "".join(TEXT % i + "\n" for i in range(start, start + count)).encode()
    subprocess.run([gossip.GOSSIPC, "send", "--batch"], env=one.env, input=lines, stdout=subprocess.DEVNULL, check=True)


def newcomer(name, providers):
    """Knows the providers, who are running and at rest; stopped, with all its keys made. They are not dialled meanwhile."""
    new = node(name)
    ports = [(p, p.port) for p in providers]
    for p, _ in ports:
        gossip.befriend(new, p, True, False, None, gossip.silent_port())
    settle(new)
    new.stop()
    for p, port in ports:
        new.must("set-address", "--name", p.name, "--host", "127.0.0.1", "--port", str(port))
        settle(p)
    return new


def memory_peak(one):
    """MiB of each process, at the most."""
    out = []
    for pid in one.processes():
        with open("/proc/%d/status" % pid, encoding="ascii") as f:
            out.append(int(re.search(r"^VmHWM:\s+(\d+) kB", f.read(), re.M).group(1)) / 1024)
    return max(out)


def seconds_until(new, count, deadline):
    """From the first session to the last message readable; the daemon is started here. The rows are looked at only when something
    was committed, so that looking takes next to nothing from those who are measured."""
    new.start()
    new.wait_log("a session opened")
    begin, pause = time.monotonic(), threading.Event()
    db = sqlite3.connect("file:%s?mode=ro" % new.db, uri=True, timeout=10)
    try:
        seen = None
        while time.monotonic() - begin <= deadline:
            version = db.execute("PRAGMA data_version").fetchone()[0]
            if version != seen and db.execute(NEWEST).fetchone()[0] >= count:
                return time.monotonic() - begin
            seen = version
            pause.wait(0.001)
        raise gossip.Late("%d messages did not come in %d s\n%s" % (count, deadline, new.log()[-2000:]))
    finally:
        db.close()


def run_once(providers, count):
    """Messages a second; bodies for each; the peak of memory of whoever took most."""
    new = newcomer("new", providers)
    try:
        took = seconds_until(new, count, 60 + count / 1000)
        peak = max(memory_peak(one) for one in (new, *providers))
        new.stop()
        return count / took, counters(new)["bodies"] / count, peak
    finally:
        new.close()
        for p in providers:
            p.must("delete-peer", "--name", "new")


def floor_once(build, count, batch, *how):
    with tempfile.TemporaryDirectory(prefix="gossip-floor-") as folder:
        out = subprocess.run([os.path.join(build, "bench-floor_bulk"), folder, str(count), str(batch), *how], check=True, stdout=subprocess.PIPE)
    return count / float(out.stdout.split()[0]) * 1000


def words(count):
    return "{:,}".format(count)


def bulk(args, rows):
    for count in args.bulk:
        one = node("ann")
        try:
            fill(one, count)
            own, floors, tuned, peaks = [], {b: [] for b in FLOOR_BATCHES}, [], []
            for _ in range(args.runs):
                for batch, values in floors.items():
                    values.append(floor_once(args.build, count, batch))
                tuned.append(floor_once(args.build, count, FLOOR_BATCHES[-1], "tuned"))
                rate, _, peak = run_once([one], count)
                own.append(rate)
                peaks.append(peak)
        finally:
            one.close()
        best = max(floors, key=lambda b: sorted(floors[b])[len(floors[b]) // 2])
        rows.append(Row("bulk, %s messages of 200 bytes" % words(count), "messages/s", own, floors[best], ("ratio", ">=", 0.6, 0.85),
                        "floor commits every %d rows" % best))
        rows.append(Row("  beside a floor with SQLite set as ours is", "messages/s", own, tuned, None, "no mutex, checkpoints at 16 MiB"))
        rows.append(Row("  peak memory of a process", "MiB", peaks, (), ("value", "<=", MEMORY_BAR, None), "VmHWM"))


def from_three(args, rows):
    """Beside the same from one of the three."""
    count, nodes = args.bulk[0], [node("p%d" % i) for i in range(3)]
    try:
        fill(nodes[0], count)
        for other in nodes[1:]:
            gossip.befriend(other, nodes[0], True, False)
        for one in nodes:
            one.start()
        for one in nodes:
            one.wait_count(count, 60)
        three, alone, bodies = [], [], []
        for _ in range(args.runs):
            alone.append(run_once(nodes[1:2], count)[0])
            rate, each, _ = run_once(nodes, count)
            three.append(rate)
            bodies.append(each)
    finally:
        for one in nodes:
            one.close()
    rows.append(Row("bulk from 3 friends, %s" % words(count), "messages/s", three, alone, ("ratio", ">=", 0.9, None), "beside: from one of them"))
    rows.append(Row("  bodies for each message", "", bodies, (), ("value", "<=", 1.02, None)))
