"""The attack program (tests/attack) beside a live daemon."""
import math
import os
import random
import re
import select
import socket
import subprocess
import time

from gossip import BUILD, M1, M3, PATIENCE, Node, pem_of, stat_of

ATTACK = os.path.join(BUILD, "attack")
TICKS = os.sysconf("SC_CLK_TCK")
SAME = 0.01  # p of Kolmogorov-Smirnov, shared out over the classes that are compared


def in_process(part, samples):
    done = subprocess.run([ATTACK, part, str(samples)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    return done.returncode == 0, done.stdout


def with_daemon(measure):
    node = Node("ann").start()
    try:
        return measure(node)
    finally:
        node.close()


def as_friends(node, count, *args, deadline=600):
    """Runs the attack program with `count` friends of the node, whose addresses the node knows: 127.0.9.1 and on."""
    child = subprocess.Popen([ATTACK, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
    try:
        for i in range(count):
            lines = []
            while not lines or not lines[-1].startswith("-----END"):
                lines.append(child.stdout.readline())
                if not lines[-1]:
                    raise AssertionError("the attack program printed only %d keys" % i)
            child.stdin.write(node.add_peer("friend%d" % i, "127.0.9.%d" % (i + 1), 9))
            node.set_peer_key("friend%d" % i, pem_of("".join(lines)))
        begin, cpu = time.monotonic(), processor_time(node)
        out, _ = child.communicate(timeout=deadline)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    took = time.monotonic() - begin
    own, system = (after - before for before, after in zip(cpu, processor_time(node)))
    return child.returncode == 0, out, own / took, system / took


def processor_time(node):
    """Seconds that the listener has spent in itself, and in the kernel."""
    stat = stat_of(node.listener())
    return int(stat[11]) / TICKS, int(stat[12]) / TICKS


def calls(node, samples):
    fine, out, _, _ = as_friends(node, 1, "calls", node.port, samples, deadline=3600)
    return fine, out


def flood(node, rate, seconds, judge="p99", busy=0.25):
    """Every friend gets in, the median or the p99 of them within 2 s, while the listener itself takes no more than so much of a
    processor."""
    fine, out, own, system = as_friends(node, 8, "flood", node.port, rate, seconds)
    out += "flood: the listener spent %.1f %% of a processor in itself and %.1f %% in the kernel\n" % (100 * own, 100 * system)
    within = float(re.search(judge + r" ([\d.]+) s", out).group(1))
    return fine and within < 2 and own <= busy, out


# --- closing times

def kinds(dice):
    """What callers send, in pieces: name -> list of pieces."""
    noise = dice.randbytes
    return {
        "silent": [], "one byte": [b"\0"], "a byte short of M1": [noise(M1 - 1)], "a random M1": [noise(M1)],
        "a random M1 and M3": [noise(M1), noise(M3)], "in one piece": [noise(M1 + M3)], "a byte short of M3": [noise(M1), noise(M3 - 1)],
        "more than is drained": [noise(M1 + M3), noise(100000)], "zeros": [bytes(M1 + M3)], "HTTP": [b"GET / HTTP/1.1\r\nHost: ann\r\n\r\n"],
    }


def close_times(node, each, seed=14):
    """Connects `each` callers of every kind in random order; gives kind -> seconds from connecting to the end of file."""
    dice = random.Random(seed)
    callers = [kind for kind in kinds(dice) for _ in range(each)]
    dice.shuffle(callers)
    poller, waiting, times = select.poll(), {}, {kind: [] for kind in kinds(dice)}
    try:
        for i, kind in enumerate(callers):
            s = socket.socket()
            s.bind(("127.3.%d.%d" % (i % 100, 1 + i % 250), 0))
            s.connect(("127.0.0.1", node.port))
            waiting[s.fileno()] = (s, kind, time.monotonic())
            poller.register(s, select.POLLIN)
            s.setblocking(False)
            for piece in kinds(dice)[kind]:
                try:
                    s.send(piece)
                except BlockingIOError:
                    pass
            see_ends(poller, waiting, times, 0)
        end = time.monotonic() + 30 + PATIENCE
        while waiting and time.monotonic() < end:
            see_ends(poller, waiting, times, 1000)
    finally:
        for s, _, _ in waiting.values():
            s.close()
    return times


def see_ends(poller, waiting, times, patience):
    for fd, _ in poller.poll(patience):
        s, kind, since = waiting[fd]
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            more = b""
            times.setdefault("reset", []).append(kind)
        if not more:
            times[kind].append(time.monotonic() - since)
            poller.unregister(fd)
            del waiting[fd]
            s.close()


def ks_p(a, b):
    """The two-sample Kolmogorov-Smirnov test (asymptotic)."""
    a, b, i, j, distance = sorted(a), sorted(b), 0, 0, 0.0
    while i < len(a) and j < len(b):
        at = min(a[i], b[j])
        while i < len(a) and a[i] <= at:
            i += 1
        while j < len(b) and b[j] <= at:
            j += 1
        distance = max(distance, abs(i / len(a) - j / len(b)))
    root = math.sqrt(len(a) * len(b) / (len(a) + len(b)))
    x = (root + 0.12 + 0.11 / root) * distance
    return 1.0 if x < 0.2 else min(1.0, max(0.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101))))


def closing(node, each):
    """Each kind against all the others. 10 * each have to fit into the places for strangers."""
    times, lines, fine = close_times(node, each), [], True
    resets = times.pop("reset", [])
    for kind, own in times.items():
        others = [t for k, ts in times.items() if k != kind for t in ts]
        p = ks_p(own, others) if own else 0.0
        good = len(own) == each and p > SAME / len(times)
        fine = fine and good
        lines.append("closing: %-22s %4d of %d ended, %.2f to %.2f s, mean %.2f s, KS p %.3f%s"
                     % (kind, len(own), each, min(own, default=0), max(own, default=0), sum(own) / max(1, len(own)), p, "" if good else " BAD"))
    if resets:
        lines.append("closing: reset, not ended: %s" % ", ".join(sorted(set(resets))))
    return fine and not resets, "\n".join(lines) + "\n"
