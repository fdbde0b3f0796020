"""Pairing in one paste: invite at one side, join at the other, whoever of the two can be reached."""
import fcntl
import os
import struct
import subprocess
import termios
import threading
import unittest

from gossip import OWN_GROUP, PATIENCE, terminal, wait_until
from invitations import CODE, Invitations, invite, state


class Invite(Invitations):
    def test_the_inviter_is_reachable(self):
        a, b = self.nodes()
        line = invite(a, "bob", *self.here(a))
        self.assertRegex(line, r"\Agossip-invite:1:[A-Za-z0-9_-]+\n\Z")
        self.assertLess(len(line), 4095, "what a terminal takes in one line")
        self.assertEqual(state(a, "bob")["invitation"], "invited")
        self.assertFalse(state(a, "bob")["key_set"])
        self.assertIsNone(state(a, "bob")["pair_code"])
        self.assertIn("invited, waiting for them until ", a.must("peers"))
        joined = b.gossipc("join", "--wait", str(int(PATIENCE)), stdin=line)
        self.assertEqual(joined.status, 0, joined)
        self.assertIn("now friends with ann", joined.err)
        self.assertEqual(CODE.search(joined.err).group(1), state(a, "bob")["pair_code"])
        self.assertEqual(joined.out, "")
        self.friends(a, b)
        self.nothing_left(a)
        self.nothing_left(b)
        for node in (a, b):
            self.assertNotRegex(node.log().replace(node.dir, ""), r"gossip-invite|\b(ann|bob)\b")

    def test_only_the_invited_is_reachable(self):
        a, b = self.nodes()
        line = invite(a, "bob", "--host", "127.0.0.1", "--port", str(b.port))
        waiting = b.gossipc("join", stdin=line)
        self.assertEqual(waiting.status, 0, waiting)
        self.assertIn("who has to call us", waiting.err)
        self.friends(a, b)

    def test_invite_waits_as_well(self):
        a, b = self.nodes()
        none = a.gossipc("invite", "bob", *self.here(a), "--wait", "1")
        self.assertEqual(none.status, 9, none)
        b.must("join", stdin=none.out)
        self.friends(a, b)

    def test_the_line_works_once(self):
        a, b = self.nodes()
        c = self.node("cara")
        line = invite(a, "bob", *self.here(a))
        b.must("join", "--wait", str(int(PATIENCE)), stdin=line)
        c.must("join", stdin=line)
        wait_until(lambda: state(c, "ann")["reason"] == "not_recognised", "cara to be a stranger", nodes=[a, c])
        self.friends(a, b)
        self.assertEqual(len(a.must("peers").splitlines()), 1)
        self.refused(b.gossipc("join", stdin=line), 4, "taken here already")
        self.refused(b.gossipc("join", "again", stdin=line), 4, "taken here already")
        self.refused(a.gossipc("join", "myself", stdin=line), 4, "your own")

    def test_what_is_not_whole_is_refused(self):
        a, b = self.nodes()
        line = invite(a, "bob", *self.here(a)).strip()
        middle = len(line) // 2
        other = "A" if line[middle] != "A" else "B"
        for bad, words in (("", "no invitation"), ("hello", "no invitation"), (line[:-1], "not whole"), (line[:200], "not whole"),
                           (line[:middle] + other + line[middle + 1:], "not whole"), (line + "A", "not whole"), (line + "!", "not whole"),
                           (line + "\n" + line, "more than one"), (line.replace(":1:", ":2:"), "a version"), ("x" * 9000, "longer")):
            self.refused(b.gossipc("join", stdin=bad), 4, words)
        self.assertEqual(b.must("peers"), "")
        folded = "> " + "\r\n  ".join(line[i:i + 70] for i in range(0, len(line), 70)) + "\n\n"  # as mail programs do
        b.must("join", "--wait", str(int(PATIENCE)), stdin=folded)
        self.friends(a, b)

    def test_a_paste_at_a_terminal_needs_no_end_of_file(self):
        """As long as lines get, and as a terminal takes them: one by one, 4,095 characters each."""
        a, b = self.nodes(GOSSIPD_RSA_BITS="3072")
        line = invite(a, "bob", *self.here(a), "--here", "a." + "example." * 20)
        master, slave = terminal()
        self.addCleanup(os.close, master)
        child = subprocess.Popen([b.client, "join"], env=b.env, stdin=slave, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **OWN_GROUP)
        self.addCleanup(os.close, slave)
        self.assertIn(b"paste the invitation", child.stderr.readline())
        os.write(master, (line + "\nWelcome!\nexit 1\n").encode())
        echoed = threading.Thread(target=self.drain, args=(master,), daemon=True)
        echoed.start()
        _, err = child.communicate(timeout=3 * PATIENCE)
        self.assertEqual(child.returncode, 0, err)
        self.assertIn(b"now friends with ann", err)
        left = struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, b"\0" * 4))
        self.assertEqual(left, (0,), "bytes that the shell would take for commands")
        self.friends(a, b)

    @staticmethod
    def drain(master):
        try:
            while os.read(master, 65536):
                pass
        except OSError:
            pass  # nobody has the other end any more

    def test_usage(self):
        a = self.node("ann", start=False)
        for args in (["invite"], ["invite", "-x"], ["invite", "self"], ["invite", "bob", "--expires", "91d"], ["invite", "bob", "--expires", "soon"],
                     ["invite", "bob", "--here", "0.0.0.0"], ["invite", "bob", "--wait", "-1"], ["invite", "bob", "--port", "1"],
                     ["join", "--port", "1"], ["join", "a b"], ["join", "--wait", "x"]):
            self.assertEqual(a.gossipc(*args, stdin="").status, 2, args)
        done = a.gossipc("invite", "bob", "--wait", "5")
        self.assertEqual(done.status, 8, done)  # there is no daemon to wait for
        self.assertIn("none of theirs is known", done.err)


if __name__ == "__main__":
    unittest.main()
