"""Helpers for tests with many daemons: ports that stay, random graphs, many friendships at once, counters, and deaths."""
import concurrent.futures
import os
import random
import signal
import socket

from gossip import befriend, wait_until

LONG = bool(os.environ.get("GOSSIP_LONG"))


def figures(words):
    """A line that tests/run.py shows though all went well."""
    print("figures: " + words, flush=True)


def seeded(name):
    """A generator from GOSSIP_SEED, or from a new seed; printed, so that a failure can be run again."""
    seed = int(os.environ.get("GOSSIP_SEED", random.SystemRandom().randrange(1 << 32)))
    figures("%s with GOSSIP_SEED=%d" % (name, seed))
    return random.Random(seed)


def steady_port():
    """A free port below those that the system gives to callers: while its daemon is away nobody else gets it by chance."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def random_graph(rng, n, degree):
    """Edges of a connected graph in which everybody has `degree` friends (an even number): random rings through all."""
    def ring():
        order = rng.sample(range(n), n)
        return {tuple(sorted(pair)) for pair in zip(order, order[1:] + order[:1])}
    edges = ring()
    while len(edges) < n * degree // 2:
        another = ring()
        if not edges & another:
            edges |= another
    return sorted(edges)


def befriend_all(pairs, threads=3):
    """pairs: (node, node, the first dials, the second dials). Ports have to be known; no daemon needs to run."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(befriend, *pair) for pair in pairs]:
            done.result()


def counters(node):
    """What the daemon had counted when it last wrote that down: once a minute, and when it was stopped."""
    return dict(node.ask("SELECT name, n FROM counter"))


def kill(node, what):
    """kill -9 of the "listener", or of the "worker", behind which the listener has to leave by itself, or of "both"."""
    if what == "both":
        return node.kill()
    if what == "listener":
        old = node.listener()
        os.kill(old, signal.SIGKILL)
        return node.listener(other_than=old)  # the worker brings a new one
    os.kill(node.worker(), signal.SIGKILL)
    node.wait_end()
    return wait_until(lambda: not node.processes(), "the listener of %s to leave" % node.name)
