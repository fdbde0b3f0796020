"""Poison: what a friend sends makes a process crash, by a bug of our own. It happens once; the friend is put off, and others go on."""
import os
import signal
import sqlite3
import stat
import time
import unittest

from crowd import counters
from gossip import BUILD, GOSSIPD, Case, befriend, wait_until

POISONED = os.path.join(BUILD, "gossipd-poison")  # gossipd, but that it dies of certain words
WAYS = ["aborts", "throws"] + ([] if "asan" in BUILD else ["faults"])  # a sanitizer has a handler of its own


class Poison(Case):
    def world(self, cara_dials=True, **ways):
        """bob sends poison; cara is a friend as well, and he is none of hers. ways: who of ann and bob dials the other."""
        self.a, self.b, self.c = self.node("ann", start=False), self.node("bob"), self.node("cara")
        self.a.command = [POISONED]
        self.a.start()
        befriend(self.a, self.b, **ways)
        befriend(self.a, self.c, b_dials=cara_dials)
        for other in (self.b, self.c):
            other.send("hello from " + other.name)
            self.a.wait_text("hello from " + other.name)

    def friend(self, name):
        """What status says of a friend of ann's, and its reason."""
        for line in self.a.must("status").splitlines():
            if line.startswith("  %s at " % name):
                return line
        raise AssertionError("no %s in status" % name)

    def wait_put_off(self):
        wait_until(lambda: "put off, as what they sent made gossipd crash" in self.friend("bob"), "bob put off", nodes=[self.a])

    def others_go_on(self, mark):
        self.c.send("cara %s" % mark)
        self.a.wait_text("cara %s" % mark)
        self.a.send("ann %s" % mark)
        self.c.wait_text("ann %s" % mark)

    def forgiven(self, mark):
        """A SIGHUP calls at once: what comes again is left alone, what comes behind it is heard."""
        self.b.send("bob %s" % mark)
        pids = [self.a.worker(), self.a.listener()]
        seen = len(self.a.lines)
        os.kill(self.a.worker(), signal.SIGHUP)
        for process in "gossipd: ", r"gossipd\[listener\]: ":
            self.a.wait_log(process + "reading peers and files again", after=seen)
        os.kill(self.b.worker(), signal.SIGHUP)
        self.a.wait_text("bob %s" % mark)
        self.assertEqual([self.a.worker(), self.a.listener()], pids, "nothing crashed again")
        self.assertFalse([t for t in self.a.texts() if "poison" in t])

    def finish(self, crashes):
        self.assertEqual(self.a.stop(), 0)
        had = counters(self.a)
        self.assertEqual(had["crashes"], crashes)
        self.assertTrue(1 <= had["quarantined"] == had["refused"] <= crashes, had)  # a crash loses what was not yet written down
        self.assertFalse(os.path.exists(self.a.db + ".crash"))
        self.assertEqual(self.a.ask("PRAGMA integrity_check"), [("ok",)])

    def test_the_listener_crashes_once_for_each_and_the_friend_is_put_off_longer(self):
        self.world(a_dials=False)
        seen = 0
        for i, way in enumerate(WAYS):
            old = self.a.listener()
            self.b.send("poison that " + way)
            self.a.listener(other_than=old)
            self.a.wait_log("error: what a friend sent made gossipd crash", after=seen)
            seen = len(self.a.lines)
            self.wait_put_off()
            self.others_go_on("behind the crash that " + way)
            self.forgiven("after the one that " + way)
        log = self.a.log()
        self.assertIn("listener]: fatal: aborted", log)
        self.assertIn("listener]: fatal: what was that", log)
        self.assertNotIn("bob", log)
        self.finish(len(WAYS))

    def test_the_worker_crashes_once_and_the_next_start_knows(self):
        self.world(b_dials=False)
        for i, way in enumerate(WAYS):
            listener = self.a.listener()
            self.b.send("poison that " + way)
            self.assertEqual(self.a.wait_end(), 70)
            wait_until(lambda: not self.a.processes(), "the listener %d to leave" % listener)
            self.assertEqual(stat.S_IMODE(os.stat(self.a.db + ".crash").st_mode), 0o600)
            before = time.time()
            self.a.start()
            self.wait_put_off()
            self.others_go_on("behind the crash that " + way)
            due = self.a.ask("SELECT dial_next_ms FROM v_peers WHERE name = 'bob'")[0][0] / 1000 - before
            self.assertTrue((20, 400, 2000)[i] < due < (70, 700, 4000)[i], "%d crashes, next try in %.1f s" % (i + 1, due))
            self.forgiven("after the one that " + way)
        self.finish(len(WAYS))

    def test_f10_the_same_poison_from_others_is_left_alone_and_they_are_not_put_off(self):
        self.world(a_dials=False)
        old = self.a.listener()
        self.b.send("poison that aborts")
        self.a.listener(other_than=old)
        befriend(self.b, self.c)  # only now: two at once bring down both processes, and then a manager starts them again
        self.b.send("behind it")
        self.c.wait_text("behind it")
        self.a.wait_text("behind it")  # by cara
        self.assertIn("up since", self.friend("cara"))
        self.finish_with_one_crash()

    def test_a_request_that_did_it_is_served_from_others_at_once_and_from_all_when_the_wait_is_over(self):
        self.world(b_dials=False, cara_dials=False)
        self.assertEqual(self.a.stop(), 0)
        self.a.set(POISONED_REQUESTS="1")
        self.a.start()
        self.a.send("three")  # both ask for it with the very same bytes
        self.assertEqual(self.a.wait_end(), 70)
        wait_until(lambda: not self.a.processes(), "the listener to leave")
        self.a.command = [GOSSIPD]
        self.a.start()
        blamed = lambda: [n for n in (self.b, self.c) if "made gossipd crash" in self.friend(n.name)]
        first, = wait_until(blamed, "one to be put off", nodes=[self.a])
        second = self.c if first is self.b else self.b
        second.wait_text("three")
        self.assertNotIn("three", first.texts())
        os.kill(self.a.worker(), signal.SIGHUP)
        first.wait_text("three")

    def test_another_version_looks_at_it_again(self):
        self.world(a_dials=False)
        old = self.a.listener()
        self.b.send("poison that aborts")
        self.a.listener(other_than=old)
        self.wait_put_off()
        self.forgiven("behind it")
        self.assertEqual(self.a.stop(), 0)
        self.assertEqual(self.a.ask("SELECT count(*) FROM crash"), [(1,)])
        with sqlite3.connect(self.a.db) as db:
            db.execute("UPDATE meta SET v = 'another' WHERE k = 'program'")
        db.close()
        self.a.command = [GOSSIPD]
        self.a.start()
        self.a.wait_text("poison that aborts")
        self.assertEqual(self.a.ask("SELECT count(*) FROM crash"), [(0,)])

    def finish_with_one_crash(self):
        self.assertEqual(self.a.stop(), 0)
        self.assertEqual(counters(self.a)["crashes"], 1)
        self.assertFalse([t for t in self.a.texts() if "poison" in t])

    def test_who_is_killed_in_the_middle_blames_nobody(self):
        self.world()
        self.a.kill()
        self.assertFalse(os.path.exists(self.a.db + ".crash"))
        with open(self.a.db + ".crash", "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(b"\1half a note")
        self.a.start()
        self.others_go_on("again")
        self.assertNotIn("crash", self.friend("bob"))


if __name__ == "__main__":
    unittest.main()
