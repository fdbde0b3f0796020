"""Two processes, or none: killed at any moment of the start, a port or a lock that somebody else holds, signals by the hundred, no
descriptors left. Nothing is ever orphaned for more than five seconds, and never do two daemons run on one database."""
import errno
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from crowd import figures, seeded
from gossip import FACTOR, GOSSIPD, OWN_GROUP, PATIENCE, Case, alive, befriend, group, run, wait_until

ROUNDS = int(os.environ.get("GOSSIP_TEST_COUNT", 60 if FACTOR == 1 else 15))
ORPHAN = 5 * FACTOR  # seconds an orphan may live


class Attempt:
    """A daemon that is being started; nobody waits for it."""

    def __init__(self, env):
        self.child = subprocess.Popen([GOSSIPD], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      **OWN_GROUP)
        self.said, self.reader = [], threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.child.stderr:
            self.said.append(line.decode())
        self.child.stderr.close()

    def listening(self):
        return any("listening on" in line for line in self.said)

    def listeners(self):
        return [pid for pid in group(self.child.pid) if pid != self.child.pid]

    def ended(self):
        return self.child.poll() is not None and not group(self.child.pid)

    def finish(self):
        for pid in group(self.child.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()
        self.reader.join()


class Supervision(Case):
    def attempt(self, node):
        one = Attempt(node.env)
        self.addCleanup(one.finish)
        return one

    def start_time(self, node):
        begin = time.monotonic()
        one = self.attempt(node)
        wait_until(lambda: one.listening() and one.listeners(), "a start", every=0.002)
        took = time.monotonic() - begin
        one.child.send_signal(signal.SIGTERM)
        wait_until(one.ended, "an end")
        return took

    def strike(self, one, victim):
        """kill -9 of the worker, or of the listener if there is one by now."""
        pids = one.listeners() if victim == "listener" else [one.child.pid]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return bool(pids)

    def check_alone(self, old, new):
        """Asked again and again: where the new one listens, nothing of the old one is left."""
        if not new.listening():
            return new.ended()
        self.assertEqual(group(old.child.pid), [], "two daemons on one database\n%s%s" % (old.said, new.said))
        return True

    def test_f5_f6_killed_at_any_moment_of_the_start(self):
        rng, node = seeded(self._testMethodName), self.node("ann", start=False)
        fresh = 2 * self.start_time(node)  # with a database and a first key to be made
        usual = 1.5 * self.start_time(node)
        longest, refused, met = 0.0, 0, {"worker": 0, "listener": 0}
        for i in range(ROUNDS):
            if i % 4 == 0:
                shutil.rmtree(os.path.dirname(node.db))
            one, victim = self.attempt(node), rng.choice(["worker", "listener"])
            threading.Event().wait(rng.random() * (fresh if i % 4 == 0 else usual))
            met[victim] += self.strike(one, victim)
            begin = time.monotonic()
            if victim == "worker":
                other = self.attempt(node)  # at once, while the orphan may be there still
                wait_until(lambda: not group(one.child.pid), "the orphan to leave", ORPHAN, 0.002)
                longest = max(longest, time.monotonic() - begin)
                wait_until(lambda: self.check_alone(one, other), "the second start to come to something", every=0.005)
                refused += other.child.poll() == 7
                self.assertIn(other.child.poll(), (None, 7), other.said)
                one = other if other.child.poll() is None else self.attempt(node)
            wait_until(lambda: one.listening() and one.listeners(), "both processes, %r" % one.said, every=0.005)
            one.child.send_signal(signal.SIGTERM)
            wait_until(one.ended, "both to leave", every=0.005)
            self.assertEqual(one.child.returncode, 0, one.said)
        self.assertEqual(node.ask("PRAGMA integrity_check"), [("ok",)])
        figures("%d starts, %d workers and %d listeners killed in the middle; an orphan lived for %.0f ms at most, %d second starts were refused"
                % (ROUNDS, met["worker"], met["listener"], 1000 * longest, refused))

    def test_f5_the_port_cannot_be_stolen_while_a_listener_is_replaced(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b, a_dials=False)
        for i in range(5):
            old = a.listener()
            os.kill(old, signal.SIGKILL)
            for _ in range(50):
                with socket.socket() as thief:
                    thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    with self.assertRaises(OSError) as refusal:
                        thief.bind(("127.0.0.1", a.port))
                    self.assertEqual(refusal.exception.errno, errno.EADDRINUSE)
            a.listener(other_than=old)
            a.send("after %d" % i)
            b.wait_text("after %d" % i)

    def test_f6_who_holds_the_lock_keeps_it(self):
        a = self.node("ann")
        self.assertEqual(a.stop(), 0)
        before = os.stat(a.db)
        with open(a.db + ".lock", "r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            done = run([GOSSIPD], a.env)
            self.assertEqual(done.status, 7, done)
            self.assertEqual(group(done.pid), [])
        after = os.stat(a.db)
        self.assertEqual((before.st_mtime_ns, before.st_size), (after.st_mtime_ns, after.st_size), "the database was touched")
        self.assertEqual(a.start().stop(), 0)

    def test_f6_an_orphan_that_cannot_leave_holds_the_lock_until_it_can(self):
        a = self.node("ann")
        listener = a.listener()
        # A group of processes without anybody to look after it is woken up by the kernel when its last parent dies.
        minder = subprocess.Popen(["sleep", "120"], process_group=os.getpgid(listener))
        self.addCleanup(minder.wait)
        self.addCleanup(minder.kill)
        os.kill(listener, signal.SIGSTOP)
        os.kill(a.worker(), signal.SIGKILL)
        a.daemon.wait(PATIENCE)
        for _ in range(3):
            done = run([GOSSIPD], a.env)
            self.assertEqual(done.status, 7, done)
        minder.kill()
        minder.wait()
        os.kill(listener, signal.SIGCONT)
        wait_until(lambda: not alive(listener), "the orphan to leave", ORPHAN)
        a.wait_end()
        self.assertEqual(a.start().stop(), 0)

    def test_a_storm_of_sighup(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b)
        pids = [a.worker(), a.listener()]
        for i in range(20):
            for _ in range(50):
                for pid in pids:
                    os.kill(pid, signal.SIGHUP)
            b.send("in the storm %d" % i)
            a.send("against the storm %d" % i)
        for i in range(20):
            a.wait_text("in the storm %d" % i)
            b.wait_text("against the storm %d" % i)
        self.assertEqual([a.worker(), a.listener()], pids)
        self.assertEqual(a.stop(), 0)

    def test_a_listener_is_replaced_though_callers_hold_every_descriptor(self):
        a, b = self.node("ann", start=False), self.node("bob")
        a.command = ["sh", "-c", 'ulimit -n 90; exec "$0" "$@"', GOSSIPD]
        a.start()
        befriend(a, b)
        a.send("before")
        b.wait_text("before")
        callers = []
        self.addCleanup(lambda: [c.close() for c in callers])
        for _ in range(3):
            callers += [socket.create_connection(("127.0.0.1", a.port), PATIENCE) for _ in range(100)]
            old = a.listener()
            os.kill(old, signal.SIGKILL)
            a.listener(other_than=old)
        a.send("amid callers")
        b.wait_text("amid callers")
        b.send("bob too")
        a.wait_text("bob too")
        self.assertIsNone(re.search("error|fatal", a.log()), a.log())
        self.assertEqual(a.stop(), 0)


if __name__ == "__main__":
    unittest.main()
