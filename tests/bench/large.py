"""A store with very many messages beside a small one, both as they are after years: a thousand messages a day."""
import os
import sqlite3
import subprocess
import time

import gossip
from bulk import fill, newcomer, node, seconds_until, settle, words
from table import Row

SMALL, LAST, A_DAY = 10_000, 1000, 1000


def timed(one, *command):
    begin = time.monotonic()
    subprocess.run([gossip.GOSSIPC, *command], env=one.env, stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - begin) * 1000


def bytes_each(one, count):
    """On the disk, the index of words apart; everything is in the database file."""
    db = sqlite3.connect("file:%s?mode=ro" % one.db, uri=True)
    try:
        page, pages, free = (db.execute("PRAGMA " + what).fetchone()[0] for what in ("page_size", "page_count", "freelist_count"))
        words_of = db.execute("SELECT coalesce(sum(length(block)), 0) FROM search_data").fetchone()[0]
    finally:
        db.close()
    return (page * (pages - free) - words_of) / count, words_of / count


class Store:
    """One that holds `count`, and a friend who has all but the last."""

    def __init__(self, build, count):
        self.count = count
        self.one = node("ann")
        subprocess.run([os.path.join(build, "bench-fill"), self.one.db, str(count), str(A_DAY)], check=True)
        self.friend = newcomer("new", [self.one])
        self.opened, self.caught, self.viewed = [], [], []
        seconds_until(self.friend, count, 60 + count / 1000)
        settle(self.friend)
        for one in (self.one, self.friend):  # at rest: every word is in the index
            gossip.wait_until(lambda n=one: n.ask("SELECT v FROM meta WHERE k='search_mark'") == [(count,)], "the index of " + one.name,
                              60 + count / 1000, every=0.2, nodes=[one])

    def close(self):
        self.friend.close()
        self.one.close()

    def measure(self):
        self.friend.stop()
        fill(self.one, LAST, self.count)
        self.count += LAST
        begin = time.monotonic()
        self.caught.append(1000 * seconds_until(self.friend, self.count, 60))
        self.opened.append(1000 * (time.monotonic() - begin) - self.caught[-1])
        self.viewed.append(timed(self.friend, "view", "--last", "50"))


def large(args, rows):
    stores = []
    try:
        for count in (SMALL, args.messages):
            stores.append(Store(args.build, count))
        for _ in range(args.runs):
            for one in stores:
                one.measure()
        small, big = stores
        each, index = bytes_each(big.one, big.count)
    finally:
        for one in stores:
            one.close()
    name, beside = words(args.messages), "beside: with %s" % words(SMALL)
    rows.append(Row("%s stored: start to the first session" % name, "ms", big.opened, small.opened, None, beside))
    rows.append(Row("  catch-up of the last %s" % words(LAST), "ms", big.caught, small.caught, ("ratio", "<=", 1, None), beside))
    rows.append(Row("  view --last 50", "ms", big.viewed, small.viewed, None, beside))
    rows.append(Row("  on the disk for each of 200 bytes", "bytes", [each], (), ("value", "<=", 450, None), "and %.0f for the index of words" % index))
