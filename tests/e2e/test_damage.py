"""Databases that are damaged or somebody else's: what each program says, that it changes nothing, and the way back."""
import json
import os
import unittest

from gossip import GOSSIPD, Case, befriend, run

PAGE = 4096


def contents(node):
    """What is kept: a program that looks may leave an empty -wal, and the index of readers, -shm, which holds nothing of its own."""
    out = []
    for name in ("", "-wal"):
        out.append(b"")
        if os.path.isfile(node.db + name):
            with open(node.db + name, "rb") as f:
                out[-1] = f.read()
    return out


def write(path, data):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(data)


class Damage(Case):
    def whole(self, name="alice"):
        """A node with a database that is all in one file, and no daemon."""
        node = self.node(name)
        node.send_lines(["line %d" % i for i in range(300)])
        self.assertEqual(node.stop(), 0)
        self.assertFalse(os.path.exists(node.db + "-wal"))
        return node

    def refused(self, node, words):
        """By both programs, with a hint, and nothing changes."""
        before = contents(node)
        for done in (node.gossipc("view"), node.gossipc("send", "-m", "x"), run([GOSSIPD, "-n"], node.env), run([GOSSIPD], node.env)):
            self.assertEqual(done.status, 10, done)
            self.assertIn(words, done.err)
            self.assertIn("hint: ", done.err)
            self.assertEqual(done.out, "")
        self.assertEqual(contents(node), before)
        checked = node.gossipc("fsck")
        self.assertEqual(checked.status, 10, checked)
        self.assertIn("ERROR", checked.out)
        self.assertIn("\nnot ok: ", checked.out)
        self.assertEqual(contents(node), before)

    def test_each_damage_has_its_own_words(self):
        node = self.whole()
        with open(node.db, "rb") as f:
            whole = f.read()
        changed = lambda at, data: whole[:at] + data + whole[at + len(data):]
        for data, words in ((b"no database at all\n" * 300, "is not a database"),
                            (b"short", "is not a database"),
                            (changed(0, b"sqlite"), "is not a database"),
                            (changed(60, b"\0\0\0\7"), "has schema 7, made by a newer gossipd"),
                            (changed(68, b"\0\0\0\0"), "is a database of another program"),
                            (whole[:PAGE], "is cut off"),
                            (whole[:-1], "is cut off"),
                            (changed(100, bytes(PAGE - 100)), "is damaged")):
            with self.subTest(words):
                write(node.db, data)
                self.refused(node, words)
        write(node.db, whole)
        os.chmod(node.db, 0o640)
        self.refused(node, "is open to other users")
        os.chmod(node.db, 0o600)
        os.chmod(os.path.dirname(node.db), 0o755)
        self.refused(node, "is open to other users")
        os.chmod(os.path.dirname(node.db), 0o700)
        os.rename(node.db, node.db + ".real")
        os.symlink(node.db + ".real", node.db)
        self.refused(node, "is a symbolic link")
        os.unlink(node.db)
        os.mkdir(node.db)
        self.refused(node, "is not a regular file")
        os.rmdir(node.db)
        os.rename(node.db + ".real", node.db)
        self.assertEqual(len(node.texts()), 300)

    def test_an_empty_file_is_a_loss_and_no_beginning(self):
        node = self.node("alice", start=False)
        os.makedirs(os.path.dirname(node.db), 0o700)
        write(node.db, b"")
        self.refused(node, "is empty")
        os.unlink(node.db)
        node.start()
        node.send("made after all")
        self.assertEqual(node.texts(), ["made after all"])

    def test_an_older_one_is_for_gossipd(self):
        node = self.whole()
        with open(node.db, "r+b") as f:
            f.seek(60)
            f.write(bytes(4))
        before = contents(node)
        done = node.gossipc("view")
        self.assertEqual(done.status, 10, done)
        self.assertIn("start gossipd once", done.err)
        self.assertEqual(contents(node), before)

    def test_fsck_finds_nothing_in_a_whole_one(self):
        alice, bob = self.node("alice"), self.node("bob")
        befriend(alice, bob)
        alice.send("hello")
        bob.wait_text("hello")
        before = bob.ask("SELECT count(*), max(seq) FROM v_messages")
        for args in (("fsck",), ("fsck", "--full")):
            done = bob.gossipc(*args)
            self.assertEqual(done.status, 0, done)
            self.assertNotIn("ERROR", done.out)
            self.assertRegex(done.out, r"(?m)^ok: .*gossipd.db: 1 messages: 0 errors, \d+ warnings$")
        last = json.loads(bob.must("fsck", "--json").splitlines()[-1])
        self.assertEqual((last["database"], last["messages"], last["errors"]), (bob.db, 1, 0))
        self.assertEqual(bob.ask("SELECT count(*), max(seq) FROM v_messages"), before)

    def test_fsck_finds_a_changed_text_and_a_port_that_is_taken(self):
        node, other = self.whole(), self.node("other")
        node.set(GOSSIPD_LISTEN_PORT=other.port)
        with open(node.db, "rb") as f:
            data = f.read()
        at = data.index(b"line 123")
        write(node.db, data[:at] + b"lime" + data[at + 4:])
        done = node.gossipc("fsck")
        self.assertEqual(done.status, 10, done)
        self.assertRegex(done.out, r"(?m)^ERROR port: ")
        self.assertNotIn("texts", done.out)
        done = node.gossipc("fsck", "--full", "--json")
        self.assertEqual(done.status, 10, done)
        found = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual([(f["level"], f["what"]) for f in found if f.get("check") == "texts"],
                         [("ERROR", "1 messages are not what their ids say: seq 124")])
        self.assertTrue(all(f["hint"] for f in found[:-1]))

    def test_what_was_lost_comes_back_from_friends(self):
        alice, bob = self.node("alice"), self.node("bob")
        befriend(alice, bob)
        mine = alice.send_lines(["alice %d" % i for i in range(200)])
        bob.send_lines(["bob %d" % i for i in range(200)])
        alice.wait_count(400)
        bob.wait_count(400)
        self.assertEqual(alice.gossipc("recover").status, 7, "the daemon runs")
        self.assertEqual(alice.stop(), 0)
        with open(alice.db, "rb") as f:
            data = f.read()
        page = data.index(b"alice 111") // PAGE * PAGE
        write(alice.db, data[:page] + bytes(PAGE) + data[page + PAGE:])
        checked = alice.gossipc("fsck")
        self.assertEqual(checked.status, 10, checked)
        self.assertRegex(checked.out, r"(?m)^ERROR (schema|integrity): ")
        self.assertNotIn("***", checked.out)
        damaged = contents(alice)
        saved = os.path.join(alice.dir, "data", "saved.db")
        done = alice.gossipc("recover", "--into", saved)
        self.assertEqual(done.status, 0, done)
        self.assertRegex(done.out, r"(?m)^messages: \d+ kept$")
        self.assertIn("the log is a new one", done.err)
        self.assertEqual(contents(alice), damaged)
        self.assertEqual(os.stat(saved).st_mode & 0o777, 0o600)
        self.assertEqual(sorted(n for n in os.listdir(os.path.dirname(saved)) if n.startswith("saved")), ["saved.db"])
        again = alice.gossipc("recover", "--into", saved)
        self.assertEqual(again.status, 2, again)
        os.rename(saved, alice.db)
        kept = alice.count()
        self.assertTrue(300 < kept < 400, kept)
        alice.start()
        alice.wait_count(400)
        self.assertEqual({m["id"] for m in alice.view()} & set(mine), set(mine))
        self.assertEqual(sorted(alice.texts()), sorted(bob.texts()))
        alice.send("and on")
        bob.wait_text("and on")
        done = alice.gossipc("fsck", "--full")
        self.assertEqual(done.status, 0, done)

    def test_recover_says_it_as_json_and_refuses_rubbish(self):
        node = self.whole()
        rows = [json.loads(line) for line in node.must("recover", "--json").splitlines()]
        self.assertEqual((rows[0]["messages"], rows[0]["whole"], rows[0]["lost"], rows[0]["new_log"]), (300, 300, 0, False))
        self.assertEqual({r["table"] for r in rows[1:]} >= {"meta", "who", "keys", "peers"}, True)
        self.assertEqual([n for n in os.listdir(os.path.dirname(node.db)) if "recovered" in n], ["gossipd.db.recovered"])
        os.unlink(node.db + ".recovered")
        with open(node.db, "rb") as f:
            beginning = f.read(3 * PAGE)
        for data in (b"rubbish" * 1000, beginning):
            write(node.db, data)
            done = node.gossipc("recover")
            self.assertEqual(done.status, 10, done)
            self.assertIn("no message and no friend in it can be read", done.err)
        self.assertEqual(sorted(n for n in os.listdir(os.path.dirname(node.db)) if "recovered" in n), [])

    def test_recover_takes_nothing_away_and_leaves_nothing(self):
        node = self.whole()
        os.unlink(node.db + ".lock")
        mine = node.db + ".saved.copy"
        os.rename(node.db, mine)
        at_mine = {"GOSSIPD_DB_PATH": mine}
        done = node.gossipc("recover", "--into", node.db + ".saved", env=at_mine)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(os.listdir(os.path.dirname(node.db)).count("gossipd.db.saved.copy.lock"), 1)
        os.rename(mine, node.db)
        write(node.db + ".other-wal", b"mine")
        done = node.gossipc("recover", "--into", node.db + ".other")
        self.assertEqual(done.status, 2, done)
        self.assertIn("is there already", done.err)
        self.refused_into(node, node.db + "-wal")
        self.refused_into(node, node.db + ".crash")
        with open(node.db + ".other-wal", "rb") as f:
            self.assertEqual(f.read(), b"mine")
        self.assertNotIn("unfinished", " ".join(os.listdir(os.path.dirname(node.db))))

    def refused_into(self, node, path):
        done = node.gossipc("recover", "--into", path)
        self.assertEqual(done.status, 2, done)
        self.assertIn("belongs to the database", done.err)

    def test_fsck_names_what_others_can_read(self):
        node = self.whole()
        for name in (".lock", ".crash"):
            write(node.db + name, b"")
            os.chmod(node.db + name, 0o644)
            done = node.gossipc("fsck")
            self.assertEqual(done.status, 10, done)
            self.assertRegex(done.out, r"(?m)^ERROR files: .*gossipd.db\%s is open to other users" % name)
            os.chmod(node.db + name, 0o600)

    def test_fsck_names_what_was_left(self):
        node = self.whole()
        for name in (".unfinished-0123456789abcdef", ".recovered.unfinished-0123456789abcdef-wal"):
            write(node.db + name, b"left")
            done = node.gossipc("fsck")
            self.assertEqual(done.status, 0, done)
            self.assertRegex(done.out, r"(?m)^WARNING files: .*gossipd.db" + name.replace(".", r"\.") + " .*private keys")


if __name__ == "__main__":
    unittest.main()
