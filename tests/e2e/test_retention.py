"""What is dropped or deleted goes from this node alone, leaves its files, and never comes back (F16)."""
import glob
import json
import os
import sqlite3
import time
import unittest

from gossip import Case, befriend, wait_until

DAY = 86_400_000


def on_disk(node, text):
    """In any file beside the database."""
    for path in glob.glob(os.path.join(os.path.dirname(node.db), "*")):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                if text.encode() in f.read():
                    return True
    return False


def age(node, days):
    """Everything there was heard so many days earlier, and the clock was last looked at just now. No daemon runs."""
    db = sqlite3.connect(node.db)
    with db:
        db.execute("UPDATE log SET heard_ms = heard_ms - ?", (days * DAY,))
        db.execute("INSERT OR REPLACE INTO meta(k, v) VALUES('keep_clock', ?)", (str(int(time.time() * 1000)),))
    db.close()


def used(node):
    """Bytes of the messages that are kept."""
    return node.ask("SELECT sum(size) FROM log")[0][0]


class Delete(Case):
    def test_f16_deleted_is_gone_here_for_good_and_stays_with_friends(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b)
        first, last = a.send("the first, %s" % ("x" * 5000)), a.send("the last")
        b.wait_text("the last")
        self.assertTrue(on_disk(b, "the first, xxx"))
        done = b.gossipc("delete", first[:12].upper())
        self.assertEqual((done.status, done.out), (0, first + "\n"), done)
        wait_until(lambda: not on_disk(b, "the first, xxx"), "the bytes to leave bob's files", nodes=[b])
        self.assertEqual(b.texts(), ["the last"])
        self.assertEqual([m.get("kept", True) for m in b.view("--all")], [False, True])
        self.refused(b.gossipc("delete", first), 1, "no longer kept")
        self.refused(b.gossipc("delete", "0" * 64), 3, "no message with this id")
        self.refused(b.gossipc("delete", "zz"), 2, "not a message id")
        self.refused(b.gossipc("delete"), 2, "needs a message id")
        self.assertIn("no longer kept", b.must("status", first))
        self.assertFalse(json.loads(b.must("status", "--json", first[:8]))["kept"])
        self.assertIn("1 deleted by hand", b.must("status"))
        self.assertEqual(len(a.texts()), 2, "a friend's copy stays")
        self.all_is_offered_again(a, b)

        c = self.node("cid")  # a newcomer to bob alone gets what bob keeps
        befriend(b, c)
        c.wait_text("all was announced again")
        self.assertEqual(c.texts(), ["the last", "all was announced again"])
        befriend(a, c)  # and from who keeps more, the rest
        c.wait_count(3)
        self.assertIn(first, [m["id"] for m in c.view()])
        c.send("heard by all")  # bob has been told all that cid has
        b.wait_text("heard by all")
        self.assertEqual((b.count(), len(b.texts())), (4, 3))
        self.assertIn(last, [m["id"] for m in b.view()])
        self.assertEqual(b.ask("PRAGMA integrity_check"), [("ok",)])

    def all_is_offered_again(self, a, b):
        """Bob forgets how far he has read."""
        b.stop()
        db = sqlite3.connect(b.db)
        with db:
            db.execute("DELETE FROM peer_sync")
        db.close()
        b.start()
        a.send("all was announced again")
        b.wait_text("all was announced again")
        self.assertEqual(b.texts(), ["the last", "all was announced again"])

    def test_its_words_leave_the_file_too(self):
        """In the index at first; written anew without them, and what that left behind is overwritten."""
        a = self.node("ann")
        ids = a.send_lines(["the word xylophonequince"] + ["hay %d" % i for i in range(600)])
        wait_until(lambda: a.ask("SELECT v FROM meta WHERE k='search_mark'") == [(601,)], "the index", nodes=[a])
        self.assertTrue(on_disk(a, "ylophonequince"))
        a.must("delete", ids[0])
        wait_until(lambda: not on_disk(a, "ylophonequince"), "its words to leave the files", nodes=[a])
        self.assertEqual(a.must("view", "--search", "hay").count("\n"), 600)

    def test_without_a_daemon_the_bytes_are_gone_when_delete_returns(self):
        a = self.node("ann", start=False)
        first = a.send("nobody needs to know")
        a.send("everybody may")
        self.assertTrue(on_disk(a, "nobody needs"))
        self.assertEqual(a.must("delete", first).strip(), first)
        self.assertFalse(on_disk(a, "nobody needs"))
        self.assertTrue(on_disk(a, "everybody may"))
        self.assertEqual(a.texts(), ["everybody may"])
        self.assertEqual(a.gossipc("delete", first).status, 1)


class Dropped(Case):
    def test_f16_what_is_too_old_goes_and_does_not_come_back(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b)
        old = a.send_lines(["old news %d" % i + "." * 200 for i in range(1200)])
        b.wait_count(1200)
        b.stop()
        age(b, 8)
        b.set(GOSSIPD_KEEP=7)
        b.start()
        b.wait_log("dropped 1200 texts by age")
        a.send("news")
        b.wait_text("news")
        self.assertEqual(b.texts(), ["news"])
        wait_until(lambda: not on_disk(b, "old news"), "the bytes to leave bob's files", nodes=[b])
        self.assertEqual(b.count(), 1201)
        status = json.loads(b.must("status", "--json").split("\n")[0])
        self.assertEqual([status[k] for k in ("keep", "max_store", "kept", "dropped_by_age", "dropped_by_size", "deleted")],
                         [7, 0, 1, 1200, 0, 0])
        self.assertIn("1200 dropped by age", b.must("status"))
        c = self.node("cid")
        befriend(b, c)
        c.wait_text("news")
        self.assertEqual(c.count(), 1, "what bob does not keep he does not announce")
        self.assertEqual(len(old), len(a.texts()) - 1)

    def test_f16_the_store_stays_below_its_limit_and_own_messages_stay_longest(self):
        limit = 2 << 20
        a, b = self.node("ann"), self.node("bob", GOSSIPD_MAX_STORE=limit)
        befriend(a, b)
        mine = b.send_lines(["of bob %d" % i for i in range(20)])
        a.wait_count(20)
        for part in range(5):
            a.send_lines(["%d/%d" % (part, i) + "." * 10_000 for i in range(200)])
            b.wait_count(20 + 200 * (part + 1))
        wait_until(lambda: b.ask("SELECT n FROM counter WHERE name='dropped_by_size'") and used(b) < limit, "room", nodes=[b])
        wait_until(lambda: 0 < os.path.getsize(b.db) < 2 * limit, "the file to be small again", nodes=[b])
        kept = b.view()
        self.assertEqual([m["id"] for m in kept if m["delivered_by"] == "self"], mine)
        self.assertLess(sum(len(m["text"]) for m in kept), limit)
        theirs = [m["text"].split(".")[0] for m in kept if m["delivered_by"] == "ann"]
        self.assertEqual(theirs, ["%d/%d" % divmod(i, 200) for i in range(1000 - len(theirs), 1000)], "the newest")
        self.assertGreater(len(theirs), 100)
        self.assertEqual(b.ask("PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(b.count(), 1020, "dropped once, and not fetched again")
        status = json.loads(b.must("status", "--json").split("\n")[0])
        self.assertEqual(status["dropped_by_size"] + status["kept"], 1020)
        self.assertLessEqual(status["used_bytes"], limit)


if __name__ == "__main__":
    unittest.main()
