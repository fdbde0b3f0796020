"""Friends who are slow, silent, new, away, or killed: mail arrives, once, and nobody else waits."""
import re
import time
import unittest
from collections import Counter

from gossip import FACTOR, PATIENCE, Case, befriend, silent_port, wait_until
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
        befriend(a, b, b_dials=False)
        a.send("to bob")
        b.wait_text("to bob", 8 * FACTOR)
        b.send("from bob")
        a.wait_text("from bob", 8 * FACTOR)
        a.add_peer("dora")  # and keys are made
        wait_until(lambda: a.ask("SELECT count(*) FROM keys")[0][0] == 6, "the pool to be filled again", nodes=[a])
        self.assertEqual(len(mute.held), 1, "dialled again before the deadline of the first call")

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
        n = int(12000 / FACTOR)
        a.send_lines(["catch up %d" % i for i in range(n)])
        befriend(a, b)
        for part in (1, n // 3, 2 * n // 3):
            wait_until(lambda p=part: b.count() >= p, "some of the catch-up", every=0.005, nodes=[b])
            b.kill()
            b.start()
        b.wait_count(n, 3 * PATIENCE)
        self.once_each(b, n)

    def test_f12_f13_sender_killed_in_mid_catch_up(self):
        a, b = self.node("ann"), self.node("bob")
        n = int(12000 / FACTOR)
        ids = a.send_lines(["catch up %d" % i for i in range(n)])
        befriend(a, b)
        for part in (1, n // 2):
            wait_until(lambda p=part: b.count() >= p, "some of the catch-up", every=0.005, nodes=[b])
            a.kill()
            a.start()
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
