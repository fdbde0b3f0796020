"""What strangers can do, and what can be seen on the wire: nothing."""
import os
import random
import re
import select
import socket
import struct
import unittest
from collections import Counter

from gossip import CELL, FACTOR, GOSSIPD, M1, M2, M3, PATIENCE, Case, SharedCase, befriend, wait_until
from proxy import Proxy


def call(port, source="127.0.0.1"):
    s = socket.socket()
    s.settimeout(PATIENCE)
    s.bind((source, 0))
    s.connect(("127.0.0.1", port))
    return s


def receive(s, n):
    """Exactly n bytes, or fewer where the other side ended."""
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        if not part:
            break
        got += part
    return got


def silent(s, seconds):
    """Nothing is said, and nothing ended, for so long."""
    return not select.select([s], [], [], seconds)[0]


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


class Callers(SharedCase):
    @classmethod
    def set_up_nodes(cls):
        cls.a, cls.b = cls.shared("ann"), cls.shared("bob")
        befriend(cls.a, cls.b, a_dials=False)  # so bob dials ann, who is the one that is pestered

    def talk(self, mark):
        self.a.send("to bob " + mark)
        self.b.send("to ann " + mark)
        self.b.wait_text("to bob " + mark)
        self.a.wait_text("to ann " + mark)

    def test_f1_thousands_of_port_scans_resets_and_garbage(self):
        listener = self.a.listener()
        dice = random.Random(1)
        for i in range(int(3000 / FACTOR)):
            s = call(self.a.port, "127.0.%d.%d" % (i % 200, 1 + i % 250))
            kind = i % 4
            if kind == 1:
                s.sendall(b"hello")
            elif kind == 2:
                s.sendall(dice.randbytes(dice.randrange(1, 1500)))
            s.close() if kind != 3 else reset(s)
        self.talk("after the scan")
        self.assertEqual(self.a.listener(), listener, "the listener died and was restarted")

    def test_f2_silent_and_slow_callers_block_nobody(self):
        idle = [call(self.a.port, "127.1.%d.%d" % (i % 4, 1 + i % 250)) for i in range(400)]
        for i, s in enumerate(idle):
            s.sendall(b"x" * (i % 3))  # nothing, one byte, two bytes
        c = self.node("cara")
        befriend(c, self.a, b_dials=False)  # a new friend comes while they stand about
        c.send("cara is here")
        self.a.wait_text("cara is here")
        self.talk("among the idle")
        for s in idle:
            s.close()

    def test_f20_f21_a_stranger_gets_1696_bytes_and_then_silence(self):
        answers = []
        for i in range(4):
            s = call(self.a.port)
            self.addCleanup(s.close)
            s.sendall(os.urandom(M1))
            answers.append(receive(s, M2))
            self.assertEqual(len(answers[-1]), M2)
            s.sendall(os.urandom(M3))
            self.assertTrue(silent(s, 0.7), "something after M2 for a stranger")
        for answer in answers:  # it looks like noise
            self.assertGreater(len(Counter(answer)), 230)
        self.assertEqual(len({a[:16] for a in answers}), 4)
        early = call(self.a.port)  # less than M1: not a word
        self.addCleanup(early.close)
        early.sendall(os.urandom(M1 - 1))
        self.assertTrue(silent(early, 0.5))
        early.sendall(b"x")
        self.assertEqual(len(receive(early, M2)), M2)

    def test_f24_strangers_are_answered_with_decoys(self):
        """Known or not, the answer is of one size; nobody is authenticated by a decoy."""
        before = self.a.must("peers")
        for _ in range(3):
            s = call(self.a.port)
            self.addCleanup(s.close)
            s.sendall(os.urandom(M1))
            self.assertEqual(len(receive(s, M2)), M2)
        self.assertEqual(self.a.must("peers").count("\n"), before.count("\n"))


class FewFiles(Case):
    def test_f2_strangers_never_take_a_friends_descriptor(self):
        a, b = self.node("ann", start=False), self.node("bob")
        a.command = ["sh", "-c", 'ulimit -n 128; exec "$0" "$@"', GOSSIPD]
        a.start()
        a.wait_log(r"room for 60 sessions each way, not 512, and for 20 callers, not 1024: .*ulimit -Hn, from 128 to \d+")
        befriend(a, b, a_dials=False)
        listener = a.listener()
        for i in range(300):  # more than may be open, and none of them leaves
            s = call(a.port, "127.1.%d.%d" % (i % 100, 1 + i % 250))
            self.addCleanup(s.close)
        b.send("to ann, through the crowd")
        a.wait_text("to ann, through the crowd")
        c = self.node("cara")
        befriend(c, a, b_dials=False)
        c.send("cara is here")
        a.wait_text("cara is here")
        self.assertEqual(a.listener(), listener)
        self.assertNotIn("no descriptors", a.log())


class Wire(Case):
    def overheard(self):
        a, b = self.node("annabella"), self.node("bobadilla")
        proxy = Proxy(a.port)
        self.addCleanup(proxy.close)
        befriend(a, b, a_dials=False, a_port=proxy.port)
        return a, b, proxy

    def test_f23_f21_f22_nothing_readable_on_the_wire(self):
        a, b, proxy = self.overheard()
        text = "the quick brown fox jumps over the lazy dog. " * 50
        a.send(text, source="claimedname")
        b.send(text + "again", source="othername")
        b.wait_text(text)
        a.wait_text(text + "again")
        a.stop()
        b.stop()
        wire = b"".join(bytes(way) for record in proxy.calls for way in record)
        self.assertGreater(len(wire), M1 + M2 + M3 + 6 * CELL)
        for word in (b"quick", b"lazy dog", b"claimedname", b"othername", b"annabella", b"bobadilla", b"READY", b"gossip",
                     b"BEGIN", b"\0" * 12):
            self.assertNotIn(word, wire)
        for there, back in proxy.calls:
            if len(back) > M2:  # a session: sizes say nothing but how many cells
                self.assertEqual((len(there) - M1 - M3) % CELL, 0)
                self.assertEqual((len(back) - M2) % CELL, 0)
        counts = Counter(wire)
        expected = len(wire) / 256
        chi2 = sum((counts[i] - expected) ** 2 / expected for i in range(256))
        self.assertLess(chi2, 400, "the bytes on the wire are not like noise")  # 255 +- 23 for noise

    def test_f20_what_was_recorded_opens_nothing_when_replayed(self):
        a, b, proxy = self.overheard()
        a.send("for bob only")
        b.wait_text("for bob only")
        there = bytes(max((c[0] for c in proxy.calls), key=len))
        for _ in range(3):
            s = call(a.port)
            self.addCleanup(s.close)
            s.sendall(there[:M1])
            self.assertEqual(len(receive(s, M2)), M2)
            s.sendall(there[M1:])
            self.assertTrue(silent(s, 0.7), "a replay was answered")
        self.assertEqual(a.stop(), 0)

    def test_f12_a_connection_that_is_cut_again_and_again(self):
        """Cut in mid-stream at many places: everything arrives, once."""
        a, b = self.node("ann"), self.node("bob")
        proxies = Proxy(a.port, limit=M2 + CELL * 40)
        self.addCleanup(proxies.close)
        a.send_lines(["message %d %s" % (i, "z" * 100) for i in range(600)])
        befriend(a, b, a_dials=False, a_port=proxies.port)
        wait_until(lambda: len(proxies.calls) >= 2, "the cut connection to be made again", nodes=[b])
        proxies.limit = None
        b.wait_count(600)
        self.assertEqual(Counter(b.texts()).most_common(1)[0][1], 1)

    def test_f21_no_pattern_tells_a_friend_who_was_removed(self):
        """A dial by somebody who is not known ends as a stranger's call does, and status says so in words."""
        a, b, proxy = self.overheard()
        a.send("hello")
        b.wait_text("hello")
        a.must("delete-peer", "bobadilla")
        proxy.cut()
        wait_until(lambda: re.search("not recognised", b.gossipc("status").out), "status to say not recognised", nodes=[b])
        refused = [c for c in proxy.calls if len(c[1]) == M2]
        self.assertTrue(refused)
        for there, back in refused[:-1]:
            self.assertEqual((len(there), len(back)), (M1 + M3, M2))


if __name__ == "__main__":
    unittest.main()
