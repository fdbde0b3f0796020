"""Transcripts that are made up, and those of real sessions: the short form of make check-deniability, and the command itself."""
import os
import re
import sys

from gossip import GOSSIPC, HOME, Case, run

sys.path.insert(0, os.path.join(HOME, "tests", "deniability"))
import check  # noqa: E402

COUNT, SEED = 24, 20261121


class Deniability(Case):
    def test_a_judge_with_all_the_hearers_keys_is_at_chance(self):
        check.check(self, COUNT, SEED, 4)  # wrong once in 15,000 runs

    def test_forging_needs_two_public_keys_and_nothing_else(self):
        node = self.node("ann", start=False)
        keys = []
        for name in ("a", "b"):
            keys.append(os.path.join(node.dir, name))
            check.tool("key", keys[-1])
            os.unlink(keys[-1] + ".der")  # the private half is gone before anything is forged
        a, b = (k + ".pem" for k in keys)
        bare = {"GOSSIPD_RSA_BITS": "2048", "PATH": os.environ["PATH"], "HOME": "/nonexistent"}

        def forge(*args, **kw):
            return run([GOSSIPC, "forge-transcript", *args], bare, **kw)
        done = forge("--hearer", a, "--speaker", b, "--source", "ann", "-m", "I owe you ten pounds")
        self.assertEqual((done.status, done.err), (0, ""))
        lines = done.out.splitlines()
        self.assertEqual(lines[0], "gossipd/1 transcript")
        self.assertTrue(all(re.fullmatch(r"(x|k_I|ss_pq|M1|M2|M3|I|R) ([0-9a-f]{2})+", line) for line in lines[1:]), lines[1][:100])
        again = forge("--hearer", a, "--speaker", b, "--source", "ann", "-m", "I owe you ten pounds")
        self.assertFalse(set(lines[1:]) & set(again.out.splitlines()[1:]), "each is another")
        self.refused(forge("--hearer", a, "-m", "x"), 2, "two public keys")
        self.refused(forge("--hearer", a, "--speaker", b, "--source", "ann", "-m", "x", "--batch"), 2, "--message or --batch")
        self.refused(forge("--hearer", a, "--speaker", b, "-m", "x"), 2, "sender")
        self.refused(forge("--hearer", a, "--speaker", a, "--source", "x", "-m", "x"), 4, "the same")
        self.refused(forge("--hearer", a, "--speaker", "/nonexistent", "--source", "x", "-m", "x"), 3, "cannot open")
        self.refused(forge("--hearer", a, "--speaker", b, "--source", "x", "--batch", stdin=""), 2, "nothing is said")
        self.refused(forge("--hearer", a, "--speaker", b, "--source", "x", "-m", "\xff".encode("latin-1").decode("utf-8", "surrogateescape")), 2)
