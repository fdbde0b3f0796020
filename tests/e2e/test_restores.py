"""Backups of live databases, and what becomes of them when they are put back: friends notice, nothing that anybody holds is lost,
and a database that runs twice is named."""
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import unittest
from collections import Counter

from crowd import figures
from gossip import OWN_GROUP, PATIENCE, Case, befriend, wait_until

RESTORES = int(os.environ.get("GOSSIP_RESTORES", "5"))
SEED = int(os.environ.get("GOSSIP_SEED", "5"))


def put_back(node, copy):
    """As somebody does it who knows no `restore`."""
    for rest in ("-wal", "-shm"):
        if os.path.exists(node.db + rest):
            os.remove(node.db + rest)
    shutil.copy(copy, node.db)


def ids(node):
    return Counter(row[0] for row in node.ask("SELECT id FROM v_messages"))


def reasons(node):
    """Of the sessions both ways, as noted; the daemon writes them within two seconds."""
    return {code for row in node.ask("SELECT dial_reason, call_reason FROM v_peers") for code in row}


class Backup(Case):
    def test_a_live_database_is_copied_whole_and_privately(self):
        a = self.node("alice")
        sent = [a.send("message %d" % i) for i in range(20)]
        path = os.path.join(a.dir, "copy")
        feeder = subprocess.Popen([a.client, "send", "--batch"], env=a.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **OWN_GROUP)
        feeder.stdin.write(b"".join(b"more %d\n" % i for i in range(5000)))
        done = a.gossipc("backup", path)
        feeder.communicate()
        self.assertEqual((done.status, done.out), (0, ""), done)
        self.assertIn("private keys", done.err)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual([f for f in os.listdir(a.dir) if f.startswith("copy")], ["copy"])
        db = sqlite3.connect("file:%s?mode=ro&immutable=1" % path, uri=True)
        self.addCleanup(db.close)
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        self.assertLessEqual(set(sent), {row[0] for row in db.execute("SELECT id FROM v_messages")})

    def test_what_cannot_be_written_is_refused_and_leaves_nothing(self):
        a = self.node("alice", start=False)
        self.refused(a.gossipc("backup", os.path.join(a.dir, "copy")), 3, "no database")
        a.send("hello")
        copy = os.path.join(a.dir, "copy")
        self.refused(a.gossipc("backup"), 2, "needs a file")
        self.refused(a.gossipc("backup", os.path.join(a.dir, "none", "copy")), 3, "no directory")
        self.refused(a.gossipc("backup", a.dir), 2, "is a directory")
        self.refused(a.gossipc("backup", a.db, "--replace"), 2, "belongs to the database")
        a.must("backup", copy)
        before = os.stat(copy).st_ino
        self.refused(a.gossipc("backup", copy), 2, "there is a file", "--replace")
        a.must("backup", copy, "--replace")
        self.assertNotEqual(os.stat(copy).st_ino, before)
        self.assertEqual(sorted(os.listdir(a.dir)), ["copy", "data"])

    def test_no_file_of_the_database_nor_of_somebody_else_is_taken(self):
        a = self.node("alice", start=False)
        a.send("hello")
        for rest in ("", "-wal", "-shm", "-journal", ".lock", ".bell", ".crash", ".new"):
            self.refused(a.gossipc("backup", a.db + rest, "--replace"), 2, "belongs to the database")
        mine = os.path.join(a.dir, "copy.unfinished")
        shutil.copytree(os.path.dirname(a.db), os.path.join(a.dir, "other"))
        os.rename(os.path.join(a.dir, "other", "gossipd.db"), mine)
        with open(mine, "rb") as f:
            before = f.read()
        a.must("backup", os.path.join(a.dir, "copy"))
        with open(mine, "rb") as f:
            self.assertEqual(f.read(), before)
        with open(os.path.join(a.dir, "next-journal"), "wb"):
            self.refused(a.gossipc("backup", os.path.join(a.dir, "next")), 2, "taken for a part of it")
        self.assertEqual(a.texts(), ["hello"])

    def test_a_damaged_database_gives_no_backup(self):
        a = self.node("alice", start=False)
        a.send_lines(["message %d" % i for i in range(2000)])
        a.must("backup", os.path.join(a.dir, "good"))
        a.must("restore", os.path.join(a.dir, "good"))  # all of it in the one file
        with open(a.db, "r+b") as f:
            f.seek(20 * 4096)
            f.write(b"\xff" * 8192)
        copy = os.path.join(a.dir, "copy")
        self.refused(a.gossipc("backup", copy), 10, "damaged")
        self.assertFalse([f for f in os.listdir(a.dir) if f.startswith("copy")])

    def test_a_sealed_database_is_copied_as_it_is(self):
        a = self.node("alice", start=False)
        secret = os.path.join(a.dir, "secret")
        with open(secret, "w", encoding="ascii") as f:
            f.write("correct horse battery\n")
        os.chmod(secret, 0o600)
        a.add_peer("robert")
        plain = os.path.join(a.dir, "plain")
        a.must("backup", plain)
        a.must("passphrase", "--new-file", secret, deadline=3 * PATIENCE)
        copy = os.path.join(a.dir, "copy")
        a.must("backup", copy)
        a.must("restore", copy)
        with open(copy, "rb") as f:
            self.assertNotIn(b"robert", f.read())
        self.refused(a.gossipc("peers"), 4, "sealed")
        self.assertIn("robert", a.gossipc("peers", env={"GOSSIPD_PASSPHRASE_FILE": secret}, deadline=3 * PATIENCE).out)
        for file, words in ((plain, "it is not sealed, as the database was"), (copy, "it is sealed, and the database was not")):
            self.assertIn(words, a.gossipc("restore", file).err)
        self.assertNotIn("sealed", a.gossipc("restore", copy).err)


class Restore(Case):
    def copied(self, first, then):
        """A node, and a copy of it of the time between two messages."""
        a = self.node("alice", start=False)
        a.send(first)
        copy = os.path.join(a.dir, "copy")
        a.must("backup", copy)
        a.send(then)
        return a, copy

    def beside(self, node):
        return sorted(f for f in os.listdir(os.path.dirname(node.db)) if "before-restore" in f)

    def test_the_old_database_is_kept_and_the_new_one_is_private(self):
        a, copy = self.copied("in the backup", "not in the backup")
        os.chmod(copy, 0o644)  # as a stick without modes shows it
        done = a.gossipc("restore", copy)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(a.texts(), ["in the backup"])
        self.assertEqual(stat.S_IMODE(os.stat(a.db).st_mode), 0o600)
        (kept,) = self.beside(a)
        a.must("restore", os.path.join(os.path.dirname(a.db), kept))
        self.assertEqual(a.texts(), ["in the backup", "not in the backup"])
        self.assertEqual(len(self.beside(a)), 2)

    def test_no_number_of_a_friend_is_given_again(self):
        a = self.node("alice", start=False)
        numbers = lambda: dict(a.ask("SELECT name, id FROM v_peers"))
        a.add_peer("bob")
        copy = os.path.join(a.dir, "copy")
        a.must("backup", copy)
        a.add_peer("carol")
        carol = numbers()["carol"]
        a.must("restore", copy)
        a.add_peer("dave")
        self.assertEqual(numbers(), {"bob": 1, "dave": carol + 1})
        with open(a.db, "r+b") as f:
            f.write(b"ruined " * 1000)
        a.must("restore", copy)
        a.add_peer("erin")
        self.assertGreater(numbers()["erin"], 1000)  # whom the ruin had nobody knows
        new = self.node("new", start=False)
        new.must("restore", copy)
        new.add_peer("frank")
        self.assertGreater(dict(new.ask("SELECT name, id FROM v_peers"))["frank"], 1000)

    def test_it_makes_what_is_missing_on_a_new_machine(self):
        a, new = self.node("alice", start=False), self.node("again", start=False)
        a.send("hello")
        a.must("backup", os.path.join(a.dir, "copy"))
        new.must("restore", os.path.join(a.dir, "copy"))
        self.assertEqual(new.texts(), ["hello"])
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(new.db)).st_mode), 0o700)
        self.assertEqual(self.beside(new), [])

    def test_what_is_no_backup_is_refused_and_changes_nothing(self):
        a = self.node("alice", start=False)
        a.send("hello")
        path = os.path.join(a.dir, "file")
        self.refused(a.gossipc("restore", path), 3, "no file")
        with open(path, "w", encoding="ascii") as f:
            f.write("not a database\n" * 100)
        self.refused(a.gossipc("restore", path), 10, "is not a database")
        os.remove(path)
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE t(x)")
        other.close()
        self.refused(a.gossipc("restore", path), 10, "another program")
        self.refused(a.gossipc("backup", path, "--replace"), 2, "is no backup")
        self.refused(a.gossipc("backup", "/dev/null", "--replace"), 2, "is no regular file")
        os.unlink(path)
        a.must("backup", path)
        with open(path, "r+b") as f:
            f.truncate(os.path.getsize(path) - 8192)
        self.refused(a.gossipc("restore", path), 10, "is cut off")
        self.refused(a.gossipc("restore", a.db), 2, "belongs to the database")
        self.assertEqual(a.texts(), ["hello"])
        self.assertEqual(self.beside(a), [])

    def test_f6_not_under_a_daemon_nor_under_another_program(self):
        a = self.node("alice")
        copy = os.path.join(a.dir, "copy")
        a.must("backup", copy)
        self.refused(a.gossipc("restore", copy), 7, "gossipd runs")
        self.assertEqual(a.stop(), 0)
        a.send("seen")
        reader = subprocess.Popen([a.client, "view", "--follow"], env=a.env, stdout=subprocess.PIPE, **OWN_GROUP)
        self.addCleanup(reader.stdout.close)
        self.assertIn(b"seen", reader.stdout.readline())
        self.refused(a.gossipc("restore", copy), 7, "open in another program")
        reader.send_signal(signal.SIGTERM)
        reader.wait(PATIENCE)
        self.assertEqual(a.texts(), ["seen"])
        a.must("restore", copy)
        self.assertEqual(a.texts(), [])

    def test_a_ruin_is_put_aside_with_all_that_lies_beside_it(self):
        a, copy = self.copied("hello", "in the write-ahead log")
        self.assertGreater(os.path.getsize(a.db + "-wal"), 0)
        with open(a.db, "r+b") as f:
            f.write(b"ruined " * 1000)
        self.assertEqual(a.gossipc("view").status, 10)
        a.must("restore", copy)
        self.assertEqual(a.texts(), ["hello"])
        kept = self.beside(a)
        self.assertEqual([f.rsplit("-", 1)[-1] == "wal" for f in kept], [False, True])


class Friends(Case):
    def pair(self):
        a, b = self.node("alice"), self.node("bob")
        befriend(a, b)
        return a, b

    def set_back_and_healed(self, put):
        a, b = self.pair()
        early = a.send_lines(["early %d" % i for i in range(300)])
        b.wait_count(300)
        copy = os.path.join(a.dir, "copy")
        a.must("backup", copy)
        lost = a.send_lines(["lost %d" % i for i in range(40)])
        heard = b.send_lines(["heard %d" % i for i in range(40)])
        a.wait_count(380)
        b.wait_count(380)
        self.assertEqual(a.stop(), 0)
        put(a, copy)
        late = a.send_lines(["late %d" % i for i in range(60)])
        self.assertEqual(a.count(), 360)
        a.start()
        for node in (a, b):
            node.wait_count(440)
            self.assertEqual(ids(node), Counter(early + lost + heard + late))
        by = dict(a.ask("SELECT delivered_by, count(*) FROM v_messages GROUP BY 1"))
        self.assertEqual(by, {"self": 360, "bob": 80})  # what was lost of our own came back as hearsay
        wait_until(lambda: "older_copy" in reasons(a), "alice to know that her database is older", nodes=[a, b])
        a.wait_log("a friend knows more of our log than we do")
        wait_until(lambda: "log_restarted" in reasons(b), "bob to know that alice's is another", nodes=[a, b])

    def test_a_restored_log_is_seen_and_healed(self):
        self.set_back_and_healed(lambda node, copy: node.must("restore", copy))

    def test_so_is_one_that_was_put_back_by_hand(self):
        self.set_back_and_healed(put_back)

    def test_a_database_that_runs_twice_is_named(self):
        """Two copies take turns at one address; the friend reads one, the other, and so on."""
        a, b = self.node("alice"), self.node("bob")
        befriend(a, b, a_dials=False)
        a.send_lines(["both %d" % i for i in range(5)])
        b.wait_count(5)
        self.assertEqual(a.stop(), 0)
        copy, twin = os.path.join(a.dir, "copy"), os.path.join(a.dir, "twin", "gossipd.db")
        a.must("backup", copy)
        bases = [a.db, twin]
        a.set(GOSSIPD_DB_PATH=twin)
        a.must("restore", copy)
        told = ["", "", "log_changing", "", "log_twice"]  # "": what is new there is read
        for turn, reason in enumerate(told):
            a.db = bases[turn % 2]
            a.set(GOSSIPD_DB_PATH=a.db)
            text = "said by one of the two, %d" % turn
            a.send(text)
            a.start()
            b.daemon.send_signal(signal.SIGHUP)  # dials now
            if reason:
                wait_until(lambda r=reason: r in reasons(b), "bob to find " + reason, nodes=[a, b])
            else:
                b.wait_text(text)
            if turn == 4:
                b.wait_log("a friend's log goes back and forth")
                self.assertIn("the same database seems to run twice", b.must("peers"))
                a.wait_log("a friend knows more of our log than we do")
            self.assertEqual(a.stop(), 0)


class Campaign(Case):
    def test_f11_to_f14_databases_go_back_at_any_moment_and_nothing_is_lost(self):
        """GOSSIP_RESTORES=200: `make restores`."""
        rng = random.Random(SEED)
        nodes = [self.node("p%d" % i) for i in range(3)]
        for i, one in enumerate(nodes):
            for other in nodes[i + 1:]:
                befriend(one, other)
        sent, rows_lost, by_hand, killed = [], 0, 0, 0
        for turn in range(RESTORES):
            victim = nodes[turn % 3]
            copy = os.path.join(victim.dir, "copy")
            feeders = [subprocess.Popen([n.client, "send", "--batch"], env=n.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        **OWN_GROUP) for n in nodes]
            for n, feeder in zip(nodes, feeders):
                feeder.stdin.write(b"".join(b"%d from %s\n" % (turn * 1000 + i, n.name.encode()) for i in range(rng.randint(50, 800))))
                feeder.stdin.close()
                feeder.stdin = None  # each ends by itself
            here = victim.count()
            reached = here + rng.randint(0, 300)
            wait_until(lambda v=victim, r=reached: v.count() >= r or all(f.poll() is not None for f in feeders), "the moment", nodes=nodes)
            victim.must("backup", copy, "--replace", deadline=3 * PATIENCE)
            for feeder in feeders:
                sent += feeder.communicate()[0].decode().split()
            # Only what a friend holds can come back.
            for n in nodes:
                n.wait_count(len(sent), 4 * PATIENCE)
            for n in nodes:  # the friends too: what a daemon remembers of earlier turns is not what is tried here
                if n is victim or turn >= 3:
                    hard = rng.random() < 0.5
                    killed += hard
                    n.kill() if hard else n.stop()
            if rng.random() < 0.5:
                put_back(victim, copy)
                by_hand += 1
            else:
                victim.must("restore", copy)
            rows_lost += len(sent) - victim.count()
            sent += victim.send_lines(["%d after it" % i for i in range(rng.randint(0, 400))] or ["one after it"])
            for n in nodes:
                if n.daemon is None:
                    n.start()
            for n in nodes:
                n.wait_count(len(sent), 4 * PATIENCE)
        expected = Counter(sent)
        self.assertEqual(set(expected.values()), {1})
        for n in nodes:
            self.assertEqual(ids(n), expected)
            self.assertEqual(n.ask("PRAGMA integrity_check"), [("ok",)])
        figures("seed %d: %d restores (%d by hand, %d ends by kill -9) of live databases, %d messages, %d rows gone and come back, "
                "0 lost, 0 twice" % (SEED, RESTORES, by_hand, killed, len(sent), rows_lost))


if __name__ == "__main__":
    unittest.main()
