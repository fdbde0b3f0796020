"""Memory runs out under gossipc, at every call of malloc: a clean message and its exit code, never a crash, never an id for a message
that is not there, never a message twice."""
import itertools
import os
import shutil
import sqlite3
import tempfile
import unittest

from gossip import BUILD, Node, run

STARVED = os.path.join(BUILD, "starved-gossipc")
OUT_OF_MEMORY, OUR_BUG = 11, 70
CALLS = int(os.environ.get("GOSSIP_CALLS", "500"))


class Starved(unittest.TestCase):
    def setUp(self):
        self.node = Node("ann")
        self.addCleanup(self.node.close)
        self.folder = tempfile.mkdtemp(prefix="gossip-starved-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.told = os.path.join(self.folder, "told")
        for text in ("one", "two"):
            self.node.gossipc("send", "-m", text)

    def starve(self, when, *arguments):
        """Whether a call failed, and how the program ended."""
        if os.path.exists(self.told):
            os.unlink(self.told)
        env = dict(self.node.env, GOSSIP_STARVE=when, GOSSIP_STARVED=self.told)
        ran = run([STARVED, *arguments], env)
        return os.path.exists(self.told), ran

    def clean(self, when, ran):
        """It went well, or said what it was. OpenSSL itself ends a program for which it can make no room to hold keys in."""
        words = {0: "", OUT_OF_MEMORY: "out of memory", OUR_BUG: "OpenSSL internal error"}
        self.assertIn(ran.status, words, "%s: %r" % (when, ran))
        self.assertIn(words[ran.status], ran.err, "%s: %r" % (when, ran))

    def each(self, *arguments, look):
        """At each of the first CALLS, at one in 40 behind them, until none fails any more; now and then from there on. Gives how
        many failed."""
        if not self.starve("1", *arguments)[0]:
            self.skipTest("a build with an allocator of its own")
        failed = 0
        for n in itertools.chain(range(1, CALLS + 1), range(CALLS + 1, 1 << 20, 40)):
            struck, ran = self.starve(str(n), *arguments)
            if not struck:
                break
            failed += 1
            self.clean(n, ran)
            look(n, ran)
            if n % 10 == 0:
                _, ran = self.starve("%d+" % n, *arguments)
                self.clean("%d+" % n, ran)
                look(n, ran)
        return failed

    def test_f12_send_prints_an_id_only_for_what_is_there(self):
        printed, runs = [], [0]

        def look(_, ran):
            runs[0] += 1
            if ran.out:
                printed.append(ran.out.strip())
            self.assertTrue(ran.out or ran.status != 0, "0 means an id")

        failed = self.each("send", "-m", "hello", look=look)
        with sqlite3.connect("file:%s?mode=ro" % self.node.db, uri=True) as db:
            there = [row[0] for row in db.execute("SELECT id FROM v_messages")]
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
        db.close()
        self.assertEqual(len(set(there)), len(there))
        self.assertEqual(set(printed) - set(there), set())
        self.assertEqual(len(set(printed)), len(printed))
        self.assertLessEqual(len(there), 2 + runs[0], "one run leaves one message")
        print("figures: %d calls of malloc failed in send, %d ids" % (failed, len(printed)))

    def test_view_prints_whole_lines_or_says_why_not(self):
        whole = run([STARVED, "view"], self.node.env).out
        self.assertEqual(whole.count("\n"), 2)

        def look(n, ran):
            self.assertTrue(whole.startswith(ran.out), n)
            self.assertTrue(ran.out == whole or ran.status != 0, n)

        failed = self.each("view", look=look)
        print("figures: %d calls of malloc failed in view" % failed)


if __name__ == "__main__":
    unittest.main()
