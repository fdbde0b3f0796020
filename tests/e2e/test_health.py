"""What status and peers say of each friend: why it is not up, and when the next try is; and that it comes up by itself."""
import json
import re
import time
import unittest

from gossip import PATIENCE, Case, befriend, silent_port, wait_until
from proxy import Mute

NO_NAME = "fe80::1%nosuch0"  # no interface is called so: nobody is asked for it


class Health(Case):
    def friend(self, node, name):
        """The friend, as peers --json has it; the line for people is checked to say the same."""
        lines = [json.loads(line) for line in node.must("peers", "--json").splitlines()]
        return next(one for one in lines if one["name"] == name)

    def wait_reason(self, node, name, reason, deadline=PATIENCE):
        def look():
            one = self.friend(node, name)
            return one if one["reason"] == reason else None
        return wait_until(look, "%s to be %s at %s" % (name, reason, node.name), deadline, nodes=[node])

    def wait_up(self, node, name, deadline=PATIENCE):
        return wait_until(lambda: self.friend(node, name)["up"], "%s to be up at %s" % (name, node.name), deadline, nodes=[node])

    def wait_future_try(self, node, name):
        """Some time there is a next try that is yet to come, and the words say so."""
        def look():
            before, one = time.time() * 1000, self.friend(node, name)
            return one if (one["next_try_ms"] or 0) > before and re.search(r"; next try in \d+ s", one["state"]) else None
        one = wait_until(look, "a next try of %s in the future" % name, 2 * PATIENCE, nodes=[node])
        self.assertLess(one["next_try_ms"], time.time() * 1000 + 75_000)
        return one

    def stranger(self, node, name, host=None, port=None):
        """A friend with a key that nobody answers to."""
        other = self.other
        node.add_peer(name, host, port)
        node.set_peer_key(name, other.add_peer("for-" + name))

    def test_f3_f4_f28_each_reason_in_words_with_the_next_try(self):
        mute = Mute()
        self.addCleanup(mute.close)
        a, b = self.node("ann"), self.node("bob")
        self.other = self.node("cara")
        befriend(a, b)
        self.stranger(a, "closed", "127.0.0.1", silent_port())
        self.stranger(a, "mute", "127.0.0.1", mute.port)
        self.stranger(a, "nameless", NO_NAME, 5555)
        self.stranger(a, "not-yet", "127.0.0.1", self.other.port)  # cara has not set our key for her
        self.stranger(a, "no-address")
        a.add_peer("no-key", "127.0.0.1", silent_port())
        self.wait_up(a, "bob")
        words = {"closed": ("refused", r"not up: refused \(nobody listens there\)"),
                 "mute": ("silent", r"not up: silent \("),
                 "nameless": ("name_not_found", r"not up: name not found"),
                 "not-yet": ("not_recognised", r"not up: not recognised \(they have not added us or not set our key"),
                 "no-address": ("no_address", r"not up: no next try, we have no address and wait for their call"),
                 "no-key": ("no_key", r"not up: no key from them yet, gossipc set-peer-key no-key")}
        for name, (reason, pattern) in words.items():
            one = self.wait_reason(a, name, reason, 2 * PATIENCE)
            self.assertRegex(one["state"], pattern)
            self.assertFalse(one["up"])
            if reason in ("no_address", "no_key"):
                self.assertIsNone(one["next_try_ms"])
            else:
                self.assertGreaterEqual(one["failures"], 1)
            self.assertIsNone(one["last_up_ms"])
        for name in ("closed", "mute", "nameless", "not-yet"):
            self.wait_future_try(a, name)
        one = self.friend(a, "bob")
        self.assertEqual((one["reason"], one["next_try_ms"], one["failures"], one["outage"]), (None, None, 0, False))
        self.assertRegex(one["state"], r"^up since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \((we|they|both) called\), (classical|post-quantum)$")
        status = a.must("status")
        for name, (reason, pattern) in words.items():
            self.assertRegex(status, r"(?m)^  %s at .*: %s" % (name, pattern))
        self.assertNotIn("our own network", status)

    def test_f4_f28_who_appears_comes_up_by_itself_and_is_remembered(self):
        a, b = self.node("ann"), self.node("bob")
        befriend(a, b, b_dials=False)
        self.wait_up(a, "bob")
        b.stop()
        one = self.wait_reason(a, "bob", "refused")
        self.assertRegex(one["state"], r"not up: refused .*; last up \d{4}-")
        self.assertLess(abs(one["last_up_ms"] - time.time() * 1000), 60_000)
        a.stop()
        off = self.friend(a, "bob")
        self.assertEqual((off["reason"], off["next_try_ms"]), ("no_daemon", None))
        self.assertIn("the daemon is not running: no try is due; last up", off["state"])
        a.start()
        again = self.wait_reason(a, "bob", "refused")
        self.assertEqual(again["last_up_ms"], one["last_up_ms"])
        self.wait_future_try(a, "bob")
        b.start()
        self.wait_up(a, "bob", 4 * PATIENCE)
        self.assertRegex(a.must("status"), r"bob at .*: up since .* \(we called\)")

    def test_not_recognised_by_one_who_calls_us_is_somebody_else(self):
        a, b, c = self.node("ann"), self.node("bob"), self.node("cara")
        befriend(a, b, b_port=c.port)  # where ann looks for bob, cara answers
        self.wait_up(a, "bob")
        wait_until(lambda: "(they called), classical; our own calls: not recognised (with their own" in self.friend(a, "bob")["state"],
                   "somebody else to be found out", nodes=[a])

    def test_f28_own_outage_is_one_line_and_ends_by_itself(self):
        a, b = self.node("ann"), self.node("bob")
        self.other = b
        befriend(a, b, b_dials=False)
        self.wait_up(a, "bob")
        for name in ("carl", "dora"):
            self.stranger(a, name, "127.0.0.1", silent_port())
        self.wait_up(a, "bob")  # still, or again
        b.stop()
        first = lambda: a.must("status").splitlines()[0]
        wait_until(lambda: first().startswith("our own network seems to be down"), "an outage in the first line",
                   2 * PATIENCE, nodes=[a])
        self.assertRegex(first(), r"; (next try in \d+ s|dialled now, or within seconds|due, behind others who are dialled first)$")
        self.assertTrue(json.loads(a.must("status", "--json").splitlines()[0])["outage"])
        wait_until(lambda: all(self.friend(a, n)["outage"] for n in ("bob", "carl", "dora")), "all to be part of it", nodes=[a])
        self.assertIn("our own network seems to be down", a.log())
        counted = self.friend(a, "carl")["failures"]
        b.start()
        self.wait_up(a, "bob", 4 * PATIENCE)  # every 30 s
        wait_until(lambda: not first().startswith("our own"), "the outage to be over", nodes=[a])
        self.assertLessEqual(self.friend(a, "carl")["failures"], counted + 1)
        self.assertFalse(json.loads(a.must("status", "--json").splitlines()[0])["outage"])


if __name__ == "__main__":
    unittest.main()
