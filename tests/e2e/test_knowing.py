"""What can be known: who told of a message, how long a friend's answer takes, the neighbourhood, and somebody's own questions."""
import json
import os
import re
import signal
import subprocess
import unittest

from gossip import GOSSIPC, PATIENCE, Case, SharedCase, befriend, terminal, wait_until


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


class Triangle(SharedCase):
    """ann, bob and cara are friends of each other."""

    @classmethod
    def set_up_nodes(cls):
        cls.a, cls.b, cls.c = cls.shared("ann"), cls.shared("bob"), cls.shared("cara")
        for one, other in ((cls.a, cls.b), (cls.b, cls.c), (cls.a, cls.c)):
            befriend(one, other)
        cls.ident = cls.a.send("from ann")
        for node in (cls.b, cls.c):
            node.wait_text("from ann")

    def who(self, node, ident):
        return [(row["place"], row["peer"], row["how"]) for row in lines_of(node.must("who", ident, "--json"))]

    def wait_up(self, node, name):
        wait_until(lambda: any(one["up"] for one in lines_of(node.must("peers", "--json")) if one["name"] == name),
                   "%s to be up at %s" % (name, node.name), nodes=[node])

    def test_who_says_who_delivered_and_who_told(self):
        # whoever was later got it from ann or from the other one, and hears of it from the third
        for node in (self.b, self.c):
            rows = self.who(node, self.ident)
            self.assertEqual((rows[0][0], rows[0][2]), (1, "delivered"))
            self.assertEqual(rows[0][1], node.view()[0]["delivered_by"])
        self.assertEqual(self.who(self.a, self.ident)[0], (1, "self", "wrote"))

        def third():
            return [node for node in (self.b, self.c) if len(self.who(node, self.ident)) == 2]
        told = wait_until(third, "one of two to hear it twice", nodes=[self.b, self.c])[0]
        rows = lines_of(told.must("who", self.ident, "--json"))
        self.assertEqual([(r["place"], r["how"]) for r in rows], [(1, "delivered"), (2, "told")])
        self.assertEqual({r["peer"] for r in rows} | {told.name}, {"ann", "bob", "cara"})
        plain = told.must("who", self.ident).splitlines()
        self.assertEqual(len(plain), 2)
        self.assertRegex(plain[1], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\|%s\|told$" % rows[1]["peer"])
        status = json.loads(told.must("status", self.ident, "--json"))
        self.assertEqual((status["delivered_by"], status["told_by"]), (rows[0]["peer"], [rows[1]["peer"]]))
        self.assertIn("told of by " + rows[1]["peer"], told.must("status", self.ident))
        self.assertIn(self.ident, [m["id"] for m in told.view("--min-sources", "2")])
        self.assertEqual(told.gossipc("view", "--min-sources", "3").status, 1)

    def test_who_of_what_is_not_there(self):
        self.refused(self.a.gossipc("who", "0" * 64), 3)
        self.refused(self.a.gossipc("who", "nonsense"), 2)
        self.refused(self.a.gossipc("who"), 2)
        self.refused(self.a.gossipc("view", "--min-sources", "many"), 2)

    def test_ping_goes_there_and_back(self):
        for node, name in ((self.a, "bob"), (self.b, "ann"), (self.c, "bob")):
            self.wait_up(node, name)
            self.assertRegex(node.must("ping", name), r"^%s answered in \d+\.\d\d\d ms\n$" % name)
        took = json.loads(self.a.must("ping", "bob", "--json"))
        self.assertEqual(took["peer"], "bob")
        self.assertTrue(0 < took["round_trip_us"] < PATIENCE * 1_000_000, took)
        self.assertEqual(self.a.ask("SELECT count(*) FROM ping")[0][0], 0)
        self.refused(self.a.gossipc("ping", "bib"), 3, "bob")
        self.refused(self.a.gossipc("ping"), 2)

    def test_peers_json_says_how_far_both_have_read(self):
        def passed():
            return all(one["acked"] >= 1 for one in lines_of(self.a.must("peers", "--json")))
        wait_until(passed, "both friends to have passed the first message", nodes=[self.a])
        self.assertEqual({one["cursor"] >= 0 for one in lines_of(self.a.must("peers", "--json"))}, {True})

    def test_graph_has_facts_solid_and_claims_dashed(self):
        self.b.must("send", "--source", 'e"v\\il\u202e', "-m", "drawn")
        self.a.wait_text("drawn")
        dot = self.a.must("graph")
        self.assertTrue(dot.startswith("digraph gossip {\n") and dot.endswith("}\n"))
        nodes = dict(re.findall(r'^  (p\d+) \[label="(\w+)", shape=ellipse\];$', dot, re.M))
        self.assertEqual(set(nodes.values()), {"bob", "cara"})
        solid = re.findall(r'^  (p\d+) -> me \[label="\d+ messages?", style=solid(?:, color=gray)?\];$', dot, re.M)
        self.assertEqual(set(solid), set(nodes))
        self.assertIn(r'[label="e\"v\\\\il\\u{202e}", shape=plaintext];', dot)
        self.assertRegex(dot, r'(?m)^  c\d+ -> (p\d+|me) \[label="1 message", style=dashed\];$')

    def test_sql_asks_the_views_and_nothing_else(self):
        self.assertEqual(self.a.must("sql", "select text from v_messages where seq = 1"), "from ann\n")
        self.assertEqual(lines_of(self.a.must("sql", "--json", "select name, has_key from v_peers order by name")),
                         [{"name": "bob", "has_key": 1}, {"name": "cara", "has_key": 1}])
        self.assertEqual(self.a.must("sql", "select 'a|b' || char(10, 27), 2"), "a\\x7cb\\x0a\\x1b|2\n")
        for query in ("select private from keys", "with v_peers as (select pub from peers) select * from v_peers", "pragma user_version",
                      "delete from log", "attach '/tmp/x' as x", "select 1; select 2", "select load_extension('x')"):
            self.refused(self.a.gossipc("sql", query), 2)
        self.refused(self.a.gossipc("sql"), 2)


class Alone(Case):
    def test_ping_without_a_daemon_or_a_session(self):
        a, b = self.node("ann", start=False), self.node("bob", start=False)
        a.port = b.port = 1
        befriend(a, b, a_dials=False, b_dials=False)
        self.refused(a.gossipc("ping", "bob"), 8)
        a.start()
        self.refused(a.gossipc("ping", "bob"), 1, "wait for their call")

    def test_a_friend_who_does_not_answer_in_time(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b)
        wait_until(lambda: a.gossipc("ping", "bob").status == 0, "an answer", nodes=[a, b])
        stopped = sorted(b.processes())
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.refused(a.gossipc("ping", "bob", deadline=2 * PATIENCE), 9)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    def test_without_a_ledger_nothing_is_kept(self):
        a, b, c = self.node("ann"), self.node("bob"), self.node("cara")
        for one, other in ((a, b), (b, c), (a, c)):
            befriend(one, other)
        for i in range(20):
            a.send("message %d" % i)
        rows = lambda node: node.ask("SELECT count(*) FROM heard")[0][0]
        wait_until(lambda: rows(b) + rows(c) > 0, "something told twice", nodes=[b, c])
        told = b if rows(b) else c
        told.stop()
        told.env["GOSSIPD_LEDGER"] = "0"
        told.start()
        wait_until(lambda: rows(told) == 0, "the ledger to be empty", nodes=[told])
        a.send("one more")
        told.wait_text("one more")
        self.assertEqual(rows(told), 0)

    def test_status_of_three_friends_fits_a_screen(self):
        a = self.node("ann")
        for name in ("bob", "cara"):
            befriend(a, self.node(name))
        a.add_peer("a-friend-with-a-longish-name", "some-host.in.a.long-domain.example", 5555)
        wait_until(lambda: sum(one["up"] for one in lines_of(a.must("peers", "--json"))) == 2, "two friends to be up", nodes=[a])
        a.stop()
        a.start()  # has written counters
        ours, theirs = terminal()
        done = subprocess.Popen([GOSSIPC, "status"], env=a.env, stdout=theirs)
        os.close(theirs)
        out = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            out += piece
        os.close(ours)
        self.assertEqual(done.wait(PATIENCE), 0)
        lines = out.decode().replace("\r\n", "\n").splitlines()
        self.assertLessEqual(max(map(len, lines)), 80, lines)
        self.assertLess(len(lines), 24, lines)
        for word in ("daemon: running", "messages: 0", "keys: ", "cover traffic: ", "3 friends", "counters: "):
            self.assertIn(word, "\n".join(lines))


if __name__ == "__main__":
    unittest.main()
