"""F9: any text up to the limit survives encode, wire, store and view --json, byte for byte.

100,000 random texts travel from one daemon to another: all planes of Unicode, line breaks, commas, escapes. In `make check` every
length up to 2,048 bytes occurs many times and longer ones up to the limit are drawn at random; GOSSIP_LONG=1 walks through every
length up to the limit (about 3 GB on disk at each side).
"""
import hashlib
import json
import os
import random
import subprocess
import threading
import unittest

from gossip import GOSSIPC, PATIENCE, Case, befriend

COUNT, LIMIT = 100_000, 65_536
LONG = bool(os.environ.get("GOSSIP_LONG"))
AWKWARD = ["\n", "\r\n", ",", "|", "\\", "\\n", '"', "'", "\t", "\x01", "\x1b[2J", "\x7f", "\u0085", "\u200b", "\u202e", "\u2028", "\ufeff",
           "\ufffe", "\uffff", "\U0001f600", "e\u0301", "\U000e0041", "\U0010ffff", "%s", "' OR 1=1;--", "\ud7ff", "\ue000"]


def random_pool(rng, size):
    """Characters of every plane, and awkward sequences; about `size` bytes."""
    out, length = [], 0
    while length < size:
        kind = rng.random()
        if kind < 0.2:
            piece = rng.choice(AWKWARD)
        elif kind < 0.5:
            piece = chr(rng.randrange(1, 0x80))
        else:
            code = rng.randrange(0x10000) if kind < 0.7 else rng.randrange(17) * 0x10000 + rng.randrange(0x10000)
            if code == 0 or 0xD800 <= code < 0xE000:
                continue
            piece = chr(code)
        out.append(piece)
        length += len(piece.encode())
    return "".join(out).encode()


def cut(pool, rng, length):
    """Valid UTF-8 of exactly `length` bytes."""
    at = rng.randrange(len(pool) - length - 8)
    while pool[at] & 0xC0 == 0x80:
        at += 1
    end = at + length
    while pool[end] & 0xC0 == 0x80:
        end -= 1
    return pool[at:end] + b"." * (length - (end - at))


def lengths(rng):
    for i in range(COUNT):
        if LONG:
            yield 1 + i % LIMIT
        elif i < 10:
            yield LIMIT - i
        elif i % 100 == 0:
            yield rng.randrange(1, LIMIT + 1)
        else:
            yield 1 + i % 2048


class Texts(Case):
    def test_F9_hundred_thousand_random_texts(self):
        seed = int(os.environ.get("GOSSIP_SEED", "20240229"))
        rng = random.Random(seed)
        pool = random_pool(rng, 1 << 20)
        a, b = self.node("anna"), self.node("bert")
        befriend(a, b)
        sender = subprocess.Popen([GOSSIPC, "send", "--batch", "--json"], env=a.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        expected = []

        def feed():
            with sender.stdin as pipe:
                for length in lengths(rng):
                    text = cut(pool, rng, length)
                    expected.append(hashlib.sha256(text).digest())
                    pipe.write(json.dumps({"text": text.decode()}, ensure_ascii=bool(length & 1)).encode() + b"\n")

        feeder = threading.Thread(target=feed)
        feeder.start()
        ids = [line.decode().strip() for line in sender.stdout]
        feeder.join()
        self.assertEqual(sender.wait(), 0, "seed %d" % seed)
        sender.stdout.close()
        self.assertEqual(len(set(ids)), COUNT)
        b.wait_count(COUNT, deadline=(40 if LONG else 4) * PATIENCE)
        where = {i: n for n, i in enumerate(ids)}
        view = subprocess.Popen([GOSSIPC, "view", "--json"], env=b.env, stdout=subprocess.PIPE)
        seen = 0
        for line in view.stdout:
            message = json.loads(line)
            got = hashlib.sha256(message["text"].encode()).digest()
            self.assertEqual(got, expected[where[message["id"]]], "seed %d, message %d" % (seed, where[message["id"]]))
            seen += 1
        view.stdout.close()
        self.assertEqual(view.wait(), 0)
        self.assertEqual(seen, COUNT)


if __name__ == "__main__":
    unittest.main()
