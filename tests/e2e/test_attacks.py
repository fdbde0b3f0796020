"""The attack list against live daemons, in short; `make timing` measures at length."""
import unittest

import attack
from gossip import FACTOR, Case


class Attacks(Case):
    def test_ta22_friends_get_in_during_a_flood_of_forged_m1(self):
        node = self.node("ann")
        fine, out = attack.flood(node, int(2000 / FACTOR), 8, "median", 0.5 * FACTOR)
        print("".join("figures: %s\n" % line for line in out.splitlines()))
        self.assertTrue(fine, out)

    def measured(self, part, samples):
        """One that is told apart by chance, is so only once."""
        for _ in range(3):
            fine, out = attack.in_process(part, samples)
            if fine:
                break
        self.assertTrue(fine, out)

    @unittest.skipIf(FACTOR > 1, "times of an instrumented build say nothing")
    def test_ta23_rsa_takes_as_long_for_bad_ciphertexts(self):
        self.measured("oaep", 1000)

    @unittest.skipIf(FACTOR > 1, "times of an instrumented build say nothing")
    def test_answering_takes_as_long_for_whoever_calls(self):
        self.measured("answers", 2000)

    def test_closing_times_of_a_live_daemon(self):
        """No kind of caller is ended before 20 s, nor by a reset; each is by 30 s, and what the loop adds."""
        times = attack.close_times(self.node("ann"), 9)
        self.assertEqual(times.pop("reset", []), [])
        for kind, own in times.items():
            self.assertEqual(len(own), 9, kind)
            self.assertGreater(min(own), 19.9, kind)
            self.assertLess(max(own), 30 + 5 * FACTOR, kind)

    def test_ks_can_tell(self):
        even = [20 + i / 100 for i in range(1000)]
        self.assertGreater(attack.ks_p(even, [t + 0.005 for t in even]), 0.9)
        self.assertLess(attack.ks_p(even, [t * 0.96 for t in even]), 0.01)


if __name__ == "__main__":
    unittest.main()
