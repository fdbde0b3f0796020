"""A disk that is really full: a tmpfs of 16 MiB, filled to the brim under a daemon and under gossipc. No root is needed where a user
may have mounts of his own (user namespaces); where that is not to be had, the test is skipped and says so."""
import contextlib
import errno
import os
import subprocess
import sys
import tempfile
import unittest

from crowd import befriend_all, figures, steady_port
from gossip import BUILD, FACTOR, PATIENCE, Case, group, run, wait_until

ROOM = 16 << 20
INSIDE = os.environ.get("GOSSIP_FULL_DISK")  # where the tmpfs is mounted, in the namespace that has it
WAYS = (["unshare", "-Urm"], ["unshare", "-m"])
LONG = "x" * 40_000


def probe(way):
    """Empty, or why a tmpfs cannot be mounted so."""
    with tempfile.TemporaryDirectory(prefix="gossip-full-") as place:
        try:
            done = subprocess.run([*way, "mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], stderr=subprocess.PIPE)
        except OSError as error:
            return str(error)
        return done.stderr.decode().strip() if done.returncode else ""


class Full(unittest.TestCase):
    def test_a_full_disk_in_a_namespace_of_its_own(self):
        faults = []
        for way in WAYS:
            fault = probe(way)
            if not fault:
                return self.inside(way)
            faults.append("%s: %s" % (" ".join(way), fault))
        self.skipTest("no tmpfs can be mounted here: " + "; ".join(faults))

    def inside(self, way):
        with tempfile.TemporaryDirectory(prefix="gossip-full-") as place:
            env = dict(os.environ, GOSSIP_FULL_DISK=place, GOSSIP_BUILD=BUILD)
            inner = 'mount -t tmpfs -o size=%d,mode=700 tmpfs "$1" && exec "$2" -B "$3" Brim' % ROOM
            done = run([*way, "sh", "-c", inner, "sh", place, sys.executable, os.path.abspath(__file__)], env, deadline=6 * PATIENCE)
        self.assertEqual(done.status, 0, done)
        for line in done.out.splitlines():
            print(line, flush=True)


class Brim(Case):
    def setUp(self):
        with self.on_disk():
            self.a = self.node("ann", start=False, GOSSIPD_LISTEN_PORT=steady_port())
        self.b = self.node("bob", start=False, GOSSIPD_LISTEN_PORT=steady_port())
        for node in (self.a, self.b):
            node.port = int(node.env["GOSSIPD_LISTEN_PORT"])
        befriend_all([(self.a, self.b, True, True)])
        for node in (self.a, self.b):
            node.start()
        self.ids = [self.a.send("hello from ann"), self.b.send("hello from bob")]
        self.both_have_all()
        self.filler = os.path.join(INSIDE, "filler")

    @contextlib.contextmanager
    def on_disk(self):
        before, tempfile.tempdir = tempfile.tempdir, INSIDE
        yield
        tempfile.tempdir = before

    def fill(self):
        """To the last byte."""
        with open(self.filler, "ab", buffering=0) as f:
            size = 1 << 20
            while size:
                try:
                    size = size if f.write(b"\0" * size) == size else size // 2
                except OSError as error:
                    self.assertEqual(error.errno, errno.ENOSPC)
                    size //= 2
        facts = os.statvfs(INSIDE)
        self.assertEqual(facts.f_bavail, 0)

    def send_until_refused(self):
        """The log that is there has room for a while yet; whatever is acknowledged until then counts."""
        for i in range(500):
            done = self.a.gossipc("send", "-m", "ann %d %s" % (i, LONG))
            if done.status != 0:
                self.refused(done, 11)
                return i
            self.ids.append(done.out.strip())
        raise AssertionError("the disk is full, and 20 MB were stored")

    def have(self, node):
        return {row[0] for row in node.ask("SELECT id FROM v_messages")}

    def both_have_all(self):
        for node in (self.a, self.b):
            wait_until(lambda n=node: self.have(n) >= set(self.ids), "everything at " + node.name, 3 * PATIENCE, nodes=[self.a, self.b])

    def test_f13_the_daemon_goes_on_serving_and_resumes_by_itself(self):
        self.b.stop()
        self.fill()
        early = self.send_until_refused()
        self.refused(self.a.gossipc("send", "--batch", stdin="line one\nline two\n"), 11)
        acked = set(self.ids)
        self.b.start()
        wait_until(lambda: self.have(self.b) >= acked, "bob to be served from the full disk", 2 * PATIENCE, nodes=[self.a, self.b])
        self.ids += [self.b.send("bob %d %s" % (i, LONG)) for i in range(20)]
        self.a.wait_log("error: cannot store: the disk is full")
        self.assertEqual(self.a.gossipc("view", "--last", "1").status, 0)
        self.assertIn("daemon: running", self.a.must("status"))
        self.refused(self.a.gossipc("send", "-m", "still " + LONG), 11)
        self.assertEqual(len(self.a.processes()), 2)
        os.unlink(self.filler)
        self.a.wait_log("the database takes messages again", 2 * PATIENCE)
        self.ids.append(self.a.send("room again"))
        self.both_have_all()
        self.finish("%d sends fitted into a full disk, then exit status 11; bob was served, and 20 of his came when there was room" % early)

    def test_killed_and_started_again_on_a_full_disk(self):
        self.fill()
        self.send_until_refused()
        self.a.kill()
        done = run(["timeout", "-s", "TERM", str(int(3 * FACTOR)), *self.a.command], self.a.env)
        self.assertIn(done.status, (124, 11), done)  # goes on until it is stopped, or says why it cannot
        wait_until(lambda: not group(done.pid), "nothing left")
        os.unlink(self.filler)
        self.a.start()
        self.both_have_all()
        self.finish("killed there and started again: exit status %d, and all is there when there is room" % done.status)

    def finish(self, words):
        self.assertEqual(self.have(self.a), self.have(self.b))
        self.assertEqual(len(self.have(self.a)), self.a.count())
        for node in (self.a, self.b):
            self.assertEqual(node.stop(), 0)
            self.assertEqual(node.ask("PRAGMA integrity_check"), [("ok",)])
        figures(words)


if not INSIDE:
    del Brim  # it is run where the tmpfs is

if __name__ == "__main__":
    unittest.main()
