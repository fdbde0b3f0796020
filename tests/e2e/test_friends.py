"""Friends who are slow, silent, new, away, or killed: mail arrives, once, and nobody else waits."""
import json
import os
import re
import select
import subprocess
import time
import unittest
from collections import Counter

from gossip import FACTOR, GOSSIPC, PATIENCE, Case, befriend, silent_port, wait_until
from proxy import Mute, Proxy


class Friends(Case):
    def pair(self, **env):
        a, b = self.node("ann", **env), self.node("bob", **env)
        befriend(a, b)
        return a, b

    def once_each(self, node, n):
        counts = Counter(m["id"] for m in node.view())
        self.assertEqual(len(counts), n)
        self.assertEqual(set(counts.values()), {1})

    def test_two_friends_talk_in_both_directions(self):
        a, b = self.pair()
        first = a.send("hello bob")
        got = b.wait_text("hello bob")
        self.assertEqual((got["delivered_by"], got["sender"], got["id"]), ("ann", "ann", first))
        b.send("hello ann")
        got = a.wait_text("hello ann")
        self.assertEqual((got["delivered_by"], got["sender"]), ("bob", "bob"))

    def test_a_live_message_waits_for_no_interval(self):
        a, b = self.pair(GOSSIPD_FETCH_INTERVAL="60")
        a.send("first")
        b.wait_text("first")
        b.send("second")
        a.wait_text("second")
        slowest = 0
        for i in range(5):
            start = time.monotonic()
            a.send("live %d" % i)
            b.wait_text("live %d" % i)
            slowest = max(slowest, time.monotonic() - start)
        self.assertLess(slowest, 1.5 * FACTOR, "a bell instead of an interval")

    def test_f3_a_friend_who_stays_silent_delays_nobody(self):
        mute = Mute()
        self.addCleanup(mute.close)
        a, b, c = self.node("ann"), self.node("bob"), self.node("cara")
        befriend(a, c, a_port=silent_port(), b_port=mute.port)  # where ann looks for cara, nobody answers a word
        wait_until(lambda: mute.held, "ann to dial the silent one", nodes=[a])
        start = time.monotonic()
        befriend(a, b, b_dials=False)
        a.send("to bob")
        b.wait_text("to bob", 8 * FACTOR)
        b.send("from bob")
        a.wait_text("from bob", 8 * FACTOR)
        a.add_peer("dora")  # and keys are made
        wait_until(lambda: a.ask("SELECT count(*) FROM keys")[0][0] == 6, "the pool to be filled again", nodes=[a])
        due = 1 + int((time.monotonic() - start) / 10)  # each step of a handshake has 10 s
        self.assertLessEqual(len(mute.held), due, "dialled again before the deadline of the first call")

    def test_f4_a_friend_who_has_not_added_us_is_retried_and_shown(self):
        a, b = self.node("ann"), self.node("bob")
        a_to_b = a.add_peer("bob", "127.0.0.1", b.port)
        b_to_a = b.add_peer("ann")  # bob made a key, but has not set ours; he never dials
        a.set_peer_key("bob", b_to_a)
        a.send("waiting for you")
        wait_until(lambda: re.search("not recognised", a.gossipc("status").out), "status to say not recognised", nodes=[a])
        b.set_peer_key("ann", a_to_b)
        b.wait_text("waiting for you", 2 * PATIENCE)
        b.send("here I am")
        a.wait_text("here I am")
        self.assertFalse(re.search("not recognised", a.gossipc("status").out))

    def test_f11_many_in_one_millisecond_all_arrive_in_order(self):
        a, b = self.pair()
        ids = a.send_lines(["same words"] * 1000)
        self.assertEqual(len(set(ids)), 1000)
        b.wait_count(1000)
        self.assertEqual([m["id"] for m in b.view()], ids)
        two = [a.send("quick 1"), a.send("quick 2")]
        b.wait_count(1002)
        self.assertEqual([m["id"] for m in b.view("--last", "2")], two)

    def test_f12_f13_receiver_killed_in_mid_catch_up(self):
        a, b = self.node("ann"), self.node("bob")
        n = 12000  # more than one commit holds
        a.send_lines(["catch up %d" % i for i in range(n)])
        befriend(a, b)
        cut_at = []
        for part in (1, n // 3, 2 * n // 3):
            wait_until(lambda p=part: b.count() >= p, "some of the catch-up", every=0.005, nodes=[b])
            b.kill()
            cut_at.append(b.count())
            b.start()
        self.assertLess(cut_at[0], n, "it was all over before the first kill: nothing was shown")
        b.wait_count(n, 3 * PATIENCE)
        self.once_each(b, n)

    def test_f12_f13_sender_killed_in_mid_catch_up(self):
        a, b = self.node("ann"), self.node("bob")
        n = 12000  # more than one commit holds
        ids = a.send_lines(["catch up %d" % i for i in range(n)])
        befriend(a, b)
        cut_at = []
        for part in (1, n // 2):
            wait_until(lambda p=part: b.count() >= p, "some of the catch-up", every=0.005, nodes=[b])
            a.kill()
            cut_at.append(b.count())
            a.start()
        self.assertLess(cut_at[0], n, "it was all over before the first kill: nothing was shown")
        b.wait_count(n, 3 * PATIENCE)
        self.once_each(b, n)
        self.assertEqual({m["id"] for m in b.view()}, set(ids))

    def test_f13_mail_waits_for_a_friend_who_is_away_across_restarts_of_both(self):
        a, b = self.pair()
        a.send("before")
        b.wait_text("before")
        b.stop()
        a.send("while bob is away 1")
        a.stop()
        a.send("while nobody runs")  # gossipc needs no daemon
        a.start()
        a.send("while bob is away 2")
        b.start()
        b.wait_count(4)
        self.assertEqual(b.texts(), ["before", "while bob is away 1", "while nobody runs", "while bob is away 2"])
        b.stop()
        b.start()
        a.send("last")
        b.wait_count(5)
        self.once_each(b, 5)

    def test_f14_a_new_friend_gets_what_is_kept(self):
        a = self.node("ann")
        a.send_lines(["old %d" % i for i in range(50)])
        b = self.node("bob")
        self.assertRegex(a.gossipc("add-peer", "someone").err, "everything|history|old")
        befriend(a, b)
        b.wait_count(50)
        self.assertEqual(b.texts(), ["old %d" % i for i in range(50)])

    def test_fetch_back_where_the_friend_cannot_be_dialled(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b, b_dials=False)  # bob has no address for ann; he fetches over her call
        a.send("you cannot call me")
        got = b.wait_text("you cannot call me")
        self.assertEqual(got["delivered_by"], "ann")
        start = time.monotonic()
        a.send("and now at once")
        b.wait_text("and now at once")
        self.assertLess(time.monotonic() - start, 2 * FACTOR)

    def test_f27_delete_takes_effect_at_once_and_the_name_stays_with_what_was_delivered(self):
        a, b = self.pair()
        a.send("one")
        b.wait_text("one")
        b.must("delete-peer", "ann")
        a.send("two, which bob must not get")
        a.must("delete-peer", "bob")
        befriend(a, b)
        wait_until(lambda: b.count() >= 2, "the new friendship to work", nodes=[a, b])
        by = {m["text"]: m["delivered_by"] for m in b.view()}
        self.assertRegex(by["one"], r"^ann~\d+$")
        self.assertEqual(by["two, which bob must not get"], "ann")

    def test_status_of_a_message_says_who_has_passed_it(self):
        a, b = self.pair()
        ident = a.send("who has it?")
        b.wait_text("who has it?")
        wait_until(lambda: "1 of 1" in a.gossipc("status", ident).out, "1 of 1 friends to have passed it", nodes=[a])
        self.refused(a.gossipc("status", "0" * 64), 3)

    def test_f9_a_text_given_each_way_arrives_as_it_was(self):
        a, b = self.pair(GOSSIPD_MAX_MESSAGE=1 << 20)
        text = "caf\u00e9, line one\nline two\ttab, \u65e5\u672c\u8a9e, \U0001f600 and a comma at the end,"
        a.must("send", "-m", "1 " + text)
        a.must("send", "-m", "-", stdin="2 " + text)
        a.must("send", stdin="3 " + text)
        a.must("send", "--source", "a name, with \u00fcml\u00e4uts", "-m", "4 " + text)
        a.must("send", "--batch", "--json", stdin=json.dumps({"text": "5 " + text, "source": "s"}) + "\n")
        a.must("send", stdin="m" * (1 << 20))  # the longest there is
        b.wait_count(6)
        got = {m["text"]: m["sender"] for m in b.view()}
        self.assertEqual(set(got), {"%d %s" % (i, text) for i in range(1, 6)} | {"m" * (1 << 20)})
        self.assertEqual(got["4 " + text], "a name, with \u00fcml\u00e4uts")

    def test_follow_prints_what_comes(self):
        a, b = self.pair()
        follower = subprocess.Popen([GOSSIPC, "view", "--json", "--follow"], env=b.env, stdout=subprocess.PIPE)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.kill)
        for i in range(3):
            a.send("line %d" % i)
            self.assertTrue(select.select([follower.stdout], [], [], PATIENCE)[0], "nothing was printed")
            self.assertEqual(json.loads(follower.stdout.readline())["text"], "line %d" % i)
        follower.terminate()
        self.assertEqual(follower.wait(PATIENCE), 0)

    def test_another_network_key_is_another_network(self):
        a, b = self.node("ann"), self.node("bob", start=False)
        path = os.path.join(b.dir, "network")
        with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write("Ab" * 32 + "\n")
        b.set(GOSSIPD_NETWORK_KEY_FILE=path)
        b.start()
        befriend(a, b)
        a.send("for the other network")
        for node in (a, b):
            wait_until(lambda n=node: "not recognised" in n.gossipc("status").out, "not recognised in status", nodes=[a, b])
        self.assertEqual(b.count(), 0)
        b.set(GOSSIPD_NETWORK_KEY_FILE=None)
        b.stop()
        b.start()
        b.wait_text("for the other network")

    def test_f13_a_dead_wire_that_is_cut_and_mended(self):
        a, b = self.node("ann"), self.node("bob")
        wire = Proxy(a.port)
        self.addCleanup(wire.close)
        befriend(a, b, a_dials=False, a_port=wire.port)
        a.send("one")
        b.wait_text("one")
        for i in range(3):
            wire.cut()
            a.send("cut %d" % i)
            b.wait_text("cut %d" % i)
        self.once_each(b, 4)


if __name__ == "__main__":
    unittest.main()
