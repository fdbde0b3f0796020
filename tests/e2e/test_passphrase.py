"""The database sealed with a passphrase: what the files show, what is needed to open it, and what happens without."""
import base64
import glob
import os
import re
import signal
import sqlite3
import stat
import unittest

from gossip import GOSSIPC, GOSSIPD, Case, befriend, pem_of, run, wait_until

RIGHT, OTHER = "correct horse battery staple", "another one"


def secret_file(node, name, text):
    path = os.path.join(node.dir, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
        f.write(text + "\n")
    return path


def raw(node):
    """All bytes of all files beside the database."""
    out = b""
    for path in sorted(glob.glob(node.db + "*")):
        if stat.S_ISREG(os.lstat(path).st_mode):
            with open(path, "rb") as f:
                out += f.read()
    return out


def stored(node):
    """What is kept; the index of readers beside it changes with every look."""
    out = []
    for path in (node.db, node.db + "-wal"):
        with open(path, "rb") as f:
            out.append(f.read())
    return out


class Passphrase(Case):
    def sealed_node(self, name, **env):
        node = self.node(name, start=False, **env)
        node.set(GOSSIPD_PASSPHRASE_FILE=secret_file(node, "pass", RIGHT))
        return node

    def assert_clear(self, node, needles, there):
        data = raw(node)
        for needle in needles:
            self.assertEqual(needle in data, there, needle)

    def test_two_daemons_sealed_from_birth_talk_and_nothing_is_in_their_files(self):
        a, b = self.sealed_node("philippa").start(), self.sealed_node("quentin").start()
        befriend(a, b)
        a.send("hello there")
        self.assertEqual(b.wait_text("hello there")["delivered_by"], "philippa")
        b.must("set-address", "philippa", "--host", "203.0.113.77:4711", "--host", "localhost:%d" % a.port)
        listener = b.listener()
        os.kill(listener, signal.SIGKILL)  # the next one gets the key through memory
        b.listener(other_than=listener)
        a.send("and again")
        b.wait_text("and again")
        for node, needles in ((a, [b"quentin", b"127.0.0.1"]), (b, [b"203.0.113.77", b"localhost"])):
            pem = pem_of(node.must("show-key", "quentin" if node is a else "philippa"))
            der = base64.b64decode("".join(pem.splitlines()[1:-1]))
            needles += [der[40:72], b"BEGIN ", bytes.fromhex("06092a864886f70d010101")]  # rsaEncryption: in every key's DER
            self.assert_clear(node, needles, False)
            self.assertEqual(node.stop(), 0)
            self.assert_clear(node, needles, False)
            self.assertNotIn(RIGHT.encode(), raw(node))
        b.start()  # and once more from the sealed file
        self.assertEqual(b.view("--from", "philippa")[0]["text"], "hello there")
        self.assertEqual(b.ask("SELECT name, host, port, addresses FROM v_peers"), [("~1", None, None, None)])
        self.assertEqual(b.ask("SELECT DISTINCT delivered_by FROM v_messages"), [("~1",)])

    def test_set_change_and_remove_leave_nothing_of_before_in_the_files(self):
        n = self.node("rosalind")
        pems = [n.add_peer("friend-%d-of-many" % i, "host-%d.example" % i, 4000 + i) for i in range(3)]
        needles = [b"friend-1-of-many", b"host-1.example", bytes.fromhex("06092a864886f70d010101")]
        self.assert_clear(n, needles, True)  # else this test could not fail
        first, second = secret_file(n, "first", RIGHT), secret_file(n, "second", OTHER)
        self.refused(n.gossipc("passphrase", "--new-file", first), 7, "gossipd runs", "hint: stop it")
        self.assertEqual(n.stop(), 0)
        self.assertEqual(n.gossipc("passphrase").status, 1)
        n.must("passphrase", "--new-file", first)
        self.assert_clear(n, needles, False)
        self.assertIn("scrypt, N 131072, r 8, p 1", n.must("passphrase"))
        self.refused(n.gossipc("passphrase", "--new-file", second), 4, "is sealed with a passphrase", "hint:")
        self.refused(n.gossipc("passphrase", "--new-file", second + "-not-there"), 3, "--new-file: cannot open", "hint:")
        self.refused(n.gossipc("passphrase", "--new-file", n.dir), 2, "is not a regular file", "hint:")
        n.set(GOSSIPD_PASSPHRASE_FILE=first)
        self.assertIn("friend-1-of-many at host-1.example:4001", n.must("peers"))
        n.must("passphrase", "--new-file", second)
        self.assert_clear(n, needles, False)
        self.refused(n.gossipc("peers"), 4, "wrong passphrase")
        n.set(GOSSIPD_PASSPHRASE_FILE=second)
        self.assertEqual([pem_of(n.must("show-key", "friend-%d-of-many" % i)) for i in range(3)], pems)
        n.start()
        n.stop()
        n.must("passphrase", "--remove")
        self.assert_clear(n, needles, True)
        self.refused(n.gossipc("peers"), 4, "not sealed", "hint: gossipc passphrase")
        n.set(GOSSIPD_PASSPHRASE_FILE=None)
        self.assertEqual(pem_of(n.must("show-key", "friend-2-of-many")), pems[2])
        n.start()

    def test_the_wrong_one_or_none_is_one_clear_line_and_changes_nothing(self):
        n = self.sealed_node("sybil")
        n.add_peer("tristan", "tristan.example", 5)
        before = stored(n)
        wrong = secret_file(n, "wrong", "correct horse battery stapl")
        for env, words in (({"GOSSIPD_PASSPHRASE_FILE": wrong}, "wrong passphrase"), ({}, "is sealed with a passphrase")):
            n.set(GOSSIPD_PASSPHRASE_FILE=None)
            n.set(**env)
            for command in (["view"], ["add-peer", "eve"], ["delete-peer", "tristan"], ["show-key", "tristan"], ["passphrase", "--remove"]):
                self.refused(n.gossipc(*command), 4, words, "hint: ")
            for flag in ([], ["-n"]):
                done = run([GOSSIPD, "-q", *flag], n.env)
                self.assertEqual(done.status, 4, done)
                self.assertIn(words, done.err)
                self.assertNotIn("tristan", done.err)
        self.assertEqual(stored(n), before)
        self.assertEqual(n.gossipc("send", "-m", "needs no key").status, 0)
        self.assertEqual(n.gossipc("keys").status, 0)

    def test_from_a_descriptor_and_never_from_argv_or_the_value(self):
        n = self.sealed_node("ursula")
        n.add_peer("victor")
        path = n.env["GOSSIPD_PASSPHRASE_FILE"]
        n.set(GOSSIPD_PASSPHRASE_FILE=None, GOSSIPD_PASSPHRASE_FD="7")
        shell = ["sh", "-c", 'exec 7< "$1"; shift; exec "$@"', "sh", path]
        self.assertIn("victor", run([*shell, GOSSIPC, "peers"], n.env).out)
        self.refused(n.gossipc("peers"), 2, "descriptor 7 is not open", "hint: ")
        self.assertIn("victor", n.gossipc("peers", env={"GOSSIPD_PASSPHRASE_FD": "0"}, stdin=RIGHT + "\n").out)
        self.refused(n.gossipc("peers", env={"GOSSIPD_PASSPHRASE_FD": RIGHT}), 2, "GOSSIPD_PASSPHRASE_FD")
        n.command = [*shell, GOSSIPD]
        n.start()
        for pid in n.processes():
            for what in ("cmdline", "environ"):
                with open("/proc/%d/%s" % (pid, what), "rb") as f:
                    self.assertNotIn(RIGHT.encode(), f.read())
            self.assertFalse([fd for fd in os.listdir("/proc/%d/fd" % pid) if os.readlink("/proc/%d/fd/%s" % (pid, fd)) == path])
        n.stop()
        self.refused(n.gossipc("peers", env={"GOSSIPD_PASSPHRASE_FILE": path}), 2, "and GOSSIPD_PASSPHRASE_FILE too")
        os.chmod(path, 0o644)
        n.set(GOSSIPD_PASSPHRASE_FD=None, GOSSIPD_PASSPHRASE_FILE=path)
        self.refused(n.gossipc("peers"), 2, "can be read by others", "chmod 600")

    def test_a_passphrase_and_a_database_that_lies_open_is_refused_not_ignored(self):
        n = self.node("wanda", start=False)
        n.add_peer("xaver")
        n.set(GOSSIPD_PASSPHRASE_FILE=secret_file(n, "pass", RIGHT))
        self.refused(n.gossipc("peers"), 4, "not sealed", "gossipc passphrase --new-file")
        self.assertEqual(run([GOSSIPD, "-q"], n.env).status, 4)

    def test_a_prepared_file_cannot_take_the_memory_of_the_machine(self):
        n = self.sealed_node("yvonne")
        n.add_peer("zoe")
        (mark,) = n.ask("SELECT v FROM meta WHERE k='seal'")[0]
        for log_n, r, p, algorithm in ((30, 8, 1, 1), (17, 255, 1, 1), (17, 8, 255, 1), (10, 8, 1, 1), (17, 8, 1, 2)):
            db = sqlite3.connect(n.db)
            db.execute("PRAGMA wal_autocheckpoint=0")
            db.execute("UPDATE meta SET v=? WHERE k='seal'", (mark[:1] + bytes((algorithm, log_n, r, p)) + mark[5:],))
            db.commit()
            db.close()
            done = n.gossipc("peers")
            self.refused(done, 10, "hint: ")
            self.assertEqual(run([GOSSIPD, "-q"], n.env).status, 10)

    # F26, and no core dumps: whatever the umask was.
    def test_F26_modes_are_right_and_memory_is_closed(self):
        n = self.sealed_node("adele")
        n.command = ["sh", "-c", 'umask 0; ulimit -c unlimited 2>/dev/null; exec "$@"', "sh", GOSSIPD]
        n.start()
        n.add_peer("bruno")
        wait_until(lambda: os.path.exists(n.db + "-wal"), "a write-ahead log", nodes=[n])
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(n.db)).st_mode), 0o700)
        names = {os.path.basename(path) for path in glob.glob(n.db + "*")}
        self.assertTrue({"gossipd.db", "gossipd.db-wal", "gossipd.db-shm", "gossipd.db.lock", "gossipd.db.bell"} <= names, names)
        for path in glob.glob(n.db + "*"):
            self.assertEqual(stat.S_IMODE(os.lstat(path).st_mode) & 0o077, 0, path)
        n.listener()
        for pid in n.processes():
            with open("/proc/%d/limits" % pid, encoding="ascii") as f:
                self.assertRegex(f.read(), r"Max core file size +0 +0 ")
            # Who is not dumpable is root's in /proc, where somebody else runs it; and secure memory is locked.
            with open("/proc/%d/status" % pid, encoding="ascii") as f:
                locked = int(re.search(r"VmLck:\s+(\d+) kB", f.read()).group(1))
            warned = "may be swapped" in n.log()
            self.assertTrue(locked >= 4096 or warned, "%d kB locked and nothing said" % locked)

    def test_print_config_goes_with_n(self):
        n = self.sealed_node("clara")
        done = run([GOSSIPD, "-n", "--print-config"], n.env)
        self.assertEqual(done.status, 0, done)
        self.assertIn("GOSSIPD_PASSPHRASE_FILE=" + n.env["GOSSIPD_PASSPHRASE_FILE"], done.out)
        self.assertIn("there is no database yet", done.err)
        self.assertNotIn(RIGHT, done.out + done.err)
        n.set(GOSSIPD_PASSPHRASE_FILE=os.path.join(n.dir, "not-there"))
        self.assertEqual(run([GOSSIPD, "-n", "--print-config"], n.env).status, 2)


if __name__ == "__main__":
    unittest.main()
