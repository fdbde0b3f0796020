"""Where friends are called: several addresses, in turn; the one that worked last first; changed while the daemon runs."""
import json
import os
import re
import socket
import unittest

from gossip import BUILD, FACTOR, HOME, Case, befriend, run, silent_port, wait_until
from proxy import Mute, Taker

SOON = 6 * FACTOR  # seconds; far less than the interval of those who wait for the next dial


class Slam(Taker):
    """Ends every call at once; counts them."""
    calls = 0

    def carry(self, caller):
        self.calls += 1
        caller.close()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


class Addresses(Case):
    def opened(self, kind):
        there = kind()
        self.addCleanup(there.close)
        return there

    def friends(self, hosts, **env):
        """ann calls bob at `hosts`, which is a function of bob's port; bob never calls, so ann gets what he says at once. They
        have met before, so that no call comes too early to be recognised; where, is forgotten."""
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b, b_dials=False)
        wait_until(lambda: self.shown(a)["up"], "ann and bob to meet", nodes=[a, b])
        a.stop()
        a.must("set-address", "bob", "--none")
        self.call_at(a, *hosts(b.port))
        a.set(**env)
        return a.start(), b

    @staticmethod
    def call_at(node, *hosts, name="bob"):
        node.must("set-address", name, *[word for host in hosts for word in ("--host", host)])

    def shown(self, node, name="bob"):
        return next(p for p in map(json.loads, node.must("peers", "--json").splitlines()) if p["name"] == name)

    def test_f13_a_friend_who_moves_is_found_at_the_new_address_at_once(self):
        a, b = self.friends(lambda port: ["127.0.0.1:%d" % port], GOSSIPD_FETCH_INTERVAL="60")
        b.send("before")
        a.wait_text("before")
        old = b.port
        b.stop()
        wait_until(lambda: "refused" in self.shown(a)["state"], "ann to miss bob", nodes=[a])
        b.set(GOSSIPD_LISTEN_PORT="0")
        b.start()
        self.assertNotEqual(b.port, old)
        b.send("after")
        self.call_at(a, "127.0.0.1:%d" % b.port)
        a.wait_text("after", SOON)
        self.assertEqual(a.texts(), ["before", "after"])
        self.assertEqual(self.shown(a)["addresses"], ["127.0.0.1:%d" % b.port])

    def test_f3_a_new_address_ends_the_wait_for_one_that_stays_silent(self):
        mute = self.opened(Mute)
        a, b = self.friends(lambda port: ["127.0.0.1:%d" % mute.port], GOSSIPD_FETCH_INTERVAL="60")
        wait_until(lambda: mute.held, "ann to call the silent one", nodes=[a])
        b.send("found you")
        self.call_at(a, "127.0.0.1:%d" % b.port)
        a.wait_text("found you", SOON)

    def test_a_dead_first_address_costs_no_wait(self):
        a, b = self.friends(lambda port: ["127.0.0.1:%d" % silent_port(), "127.0.0.1:%d" % port], GOSSIPD_FETCH_INTERVAL="60")
        b.send("second try")
        a.wait_text("second try", SOON)

    def test_the_address_that_worked_last_is_the_first_after_a_restart_too(self):
        slam = self.opened(Slam)
        a, b = self.friends(lambda port: ["127.0.0.1:%d" % slam.port, "127.0.0.1:%d" % port])
        b.send("one")
        a.wait_text("one")
        self.assertEqual(slam.calls, 1, "in the order given; and who is not the friend is not tried twice")
        a.stop()
        a.start()
        b.send("two")
        a.wait_text("two")
        self.assertEqual(slam.calls, 1)
        b.stop()  # now the other one has its turn again
        wait_until(lambda: slam.calls > 1, "the other address to be tried", nodes=[a])
        b.start()
        b.send("three")
        a.wait_text("three")

    @unittest.skipUnless(has_ipv6(), "no IPv6 here")
    def test_numbers_of_both_families_and_a_name(self):
        a, b = self.node("ann"), self.node("bob", GOSSIPD_LISTEN_IP="::1")
        befriend(a, b, a_dials=False, b_dials=False)
        b.send("by IPv6")
        a.must("set-address", "bob", "--host", "127.0.0.1", "--host", "localhost", "--host", "::1", "--port", str(b.port))
        self.assertEqual(self.shown(a)["addresses"], ["%s:%d" % (host, b.port) for host in ("127.0.0.1", "localhost", "[::1]")])
        a.wait_text("by IPv6")
        b.stop()
        b.set(GOSSIPD_LISTEN_IP="127.0.0.1")
        b.start()
        b.send("by IPv4")
        a.wait_text("by IPv4")

    def test_a_friend_without_address_is_never_called(self):
        a, b = self.friends(lambda port: ["127.0.0.1:%d" % silent_port()])
        wait_until(lambda: "refused" in self.shown(a)["state"], "a call in vain", nodes=[a])
        done = a.gossipc("set-address", "bob", "--none")
        self.assertEqual(done.status, 0, done)
        self.assertIn("not called any more", done.err)
        self.assertEqual(self.shown(a)["addresses"], [])
        self.assertIsNone(self.shown(a)["host"])
        wait_until(lambda: "wait for their call" in a.must("peers"), "the state to say so", nodes=[a])
        self.call_at(b, "127.0.0.1:%d" % a.port, name="ann")
        a.send("you called")
        b.wait_text("you called", SOON)

    def test_all_addresses_are_shown(self):
        a = self.node("ann", start=False)
        a.must("add-peer", "bob", "--host", "bob.example", "--host", "[2001:db8::7]:1", "--host", "192.0.2.7:2", "--port", "3")
        words = ["bob.example:3", "[2001:db8::7]:1", "192.0.2.7:2"]
        self.assertEqual(self.shown(a)["addresses"], words)
        self.assertEqual((self.shown(a)["host"], self.shown(a)["port"]), ("bob.example", 3))
        for command in ("peers", "status"):
            self.assertIn("bob at %s: " % ", ".join(words), a.must(command))
        status = [json.loads(line) for line in a.must("status", "--json").splitlines()]
        self.assertIn(words, [one.get("addresses") for one in status])
        self.assertEqual(json.loads(a.ask("SELECT addresses FROM v_peers")[0][0]), words)

    def test_the_same_addresses_change_nothing(self):
        a = self.node("ann", start=False)
        a.must("add-peer", "bob", "--host", "bob.example")
        before = self.all_of(a)
        done = a.gossipc("set-address", "bob", "--host", "bob.example:5555")
        self.assertEqual(done.status, 0, done)
        self.assertIn("nothing changed", done.err)
        self.assertEqual(self.all_of(a), before)

    @staticmethod
    def all_of(node):
        return node.ask("SELECT * FROM v_peers"), node.ask("SELECT v FROM meta WHERE k = 'peers'")

    def test_what_is_wrong_is_refused_and_changes_nothing(self):
        a = self.node("ann", start=False)
        a.must("add-peer", "bob", "--host", "bob.example")
        before = self.all_of(a)
        for hosts, word in ((["999.1.1.1"], "IPv4"), (["1.2.3"], "IPv4"), (["[::1"], "IPv6"), (["bob:0"], "port"), (["bob:"], "port"),
                            ([""], "no host"), (["224.0.0.1"], "machine"), (["http://a"], "port"), (["a/b"], "host"), (["a", "b", "a"], "twice"), (["0.0.0.0"], "machine"),
                            (["h%d" % i for i in range(9)], "too many")):
            for words in (["set-address", "bob"], ["add-peer", "cara"], ["add-peer", "bob", "--replace"]):
                done = a.gossipc(*words, *[w for host in hosts for w in ("--host", host)])
                self.refused(done, 2, word, "hint:")
        self.refused(a.gossipc("set-address", "bob"), 2, "--none")
        self.refused(a.gossipc("set-address", "bob", "--none", "--host", "a"), 2, "--none")
        self.refused(a.gossipc("set-address", "bob", "--port", "5"), 2, "--host")
        self.refused(a.gossipc("set-address", "bob", "--host", "a:1", "--port", "5"), 2, "--port")
        self.refused(a.gossipc("set-address"), 2, "name")
        self.refused(a.gossipc("set-address", "bop", "--none"), 3, 'did you mean "bob"')
        self.assertEqual(self.all_of(a), before)

    def test_the_examples_of_the_manual(self):
        with open(os.path.join(HOME, "man", "gossipc.1"), encoding="utf-8") as f:
            examples = re.findall(r"^\$ (gossipc set-address .*)$", f.read(), re.M)
        self.assertGreaterEqual(len(examples), 2)
        a = self.node("ann", start=False)
        for name in {line.split()[2] for line in examples}:
            a.must("add-peer", name)
        for line in examples:
            done = run(["sh", "-c", line], dict(a.env, PATH=BUILD + ":" + os.environ["PATH"]))
            self.assertEqual(done.status, 0, done)

    def test_a_name_that_is_not_found_is_passed_by(self):  # no interface is called so: nobody outside is asked
        a, b = self.friends(lambda port: ["[fe80::1%%nosuch0]:%d" % port, "127.0.0.1:%d" % port])
        b.send("by number")
        a.wait_text("by number")


if __name__ == "__main__":
    unittest.main()
