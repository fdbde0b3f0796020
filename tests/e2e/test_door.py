"""What is refused at the door, and how it is said: gossipc without any network."""
import json
import os
import re
import signal
import stat
import subprocess
import unittest

from gossip import GOSSIPC, PATIENCE, Case, SharedCase, pem_of


class Door(SharedCase):
    @classmethod
    def set_up_nodes(cls):
        cls.a = cls.shared("ann")

    def test_f9_text_that_is_not_utf8_is_refused_with_its_offset(self):
        for bad, offset in ((b"abc\xff", 3), (b"\xc3\xa4\xc3", 2), (b"1234\xed\xa0\x80", 4), (b"\xc0\x80", 0), (b"12\x0034", 2)):
            done = self.a.gossipc("send", "-m", "-", stdin=bad)
            self.assertNotIn(done.status, (0, 70), done)
            self.assertEqual(done.out, "")
            self.assertRegex(done.err.splitlines()[0], r"offset %d\b" % offset)
        self.assertNotIn("1234", "".join(self.a.texts()))

    def test_f9_text_over_the_limit_is_refused_with_5(self):
        self.refused(self.a.gossipc("send", stdin="x" * 65537), 5, "65536")
        self.assertEqual(len(self.a.must("send", stdin="y" * 65536).strip()), 64)
        self.assertIn("y" * 65536, self.a.texts())

    def test_f9_one_bad_line_does_not_harm_what_stands_before_it(self):
        done = self.a.gossipc("send", "--batch", stdin=b"good one\nbad \xff\nnever read\n")
        self.assertNotEqual(done.status, 0)
        self.assertEqual(len(done.out.split()), 1, done)
        texts = self.a.texts()
        self.assertIn("good one", texts)
        self.assertNotIn("never read", texts)

    def test_senders_that_are_refused(self):
        for bad in ("", "a\nb", "a\x1b[2J", "x" * 65, "a\u0085b", "\x7f"):
            done = self.a.gossipc("send", "--source", bad, "-m", "from " + repr(bad))
            self.assertIn(done.status, (2, 5), done)
            self.assertTrue(done.err.startswith("gossipc: "), done)
            self.assertNotIn("\x1b", done.err)
        self.assertFalse([t for t in self.a.texts() if t.startswith("from ")])

    def test_usage_faults_end_with_2_and_one_line(self):
        for args in (["frobnicate"], ["send", "--bogus"], ["add-peer"], ["add-peer", "x", "--host", "::1", "--port", "70000"],
                     ["view", "--last", "many"], ["send", "-m", "a", "-m", "b"], ["view", "--since", "yesterdayish"]):
            self.refused(self.a.gossipc(*args), 2, "gossipc: ")

    def test_no_such_things_end_with_3(self):
        self.refused(self.a.gossipc("show-key", "nobody"), 3, "nobody")
        self.refused(self.a.gossipc("delete-peer", "nobody"), 3, "nobody")
        self.refused(self.a.gossipc("set-peer-key", "nobody", "-k", "/dev/null"), 3)
        self.a.add_peer("somebody")
        self.refused(self.a.gossipc("set-peer-key", "somebody", "-k", "/nonexistent/key"), 3, "/nonexistent/key")
        done = self.a.gossipc("show-key", "sombody")
        self.assertIn('did you mean "somebody"?', done.err)

    def test_f27_adding_again_is_refused_and_replace_is_on_purpose(self):
        first = self.a.add_peer("twice", "127.0.0.1", 5999)
        done = self.a.gossipc("add-peer", "--name", "twice", "--host", "127.0.0.1", "--port", "5999")
        self.refused(done, 4, "--replace")
        self.assertEqual(pem_of(self.a.must("show-key", "twice")), first)
        second = self.a.add_peer("twice", "127.0.0.1", 5999, "--replace")
        self.assertNotEqual(first, second)
        self.assertEqual(pem_of(self.a.must("show-key", "twice")), second)
        self.a.must("delete-peer", "twice")
        self.refused(self.a.gossipc("show-key", "twice"), 3)
        third = self.a.add_peer("twice")
        self.assertNotIn(third, (first, second))

    def test_f27_names_that_could_leave_the_directory_are_refused(self):
        before = sorted(os.listdir(self.a.dir)), self.a.must("peers")
        for bad in ("../evil", "a/b", "..", ".", ".hidden", "-dash", "self", "a b", "x" * 65, "\u00e4", "a\nb", ""):
            done = self.a.gossipc("add-peer", "--name=" + bad)
            self.assertEqual(done.status, 2, (bad, done))
            self.assertEqual(done.out, "")
        self.assertEqual((sorted(os.listdir(self.a.dir)), self.a.must("peers")), before)

    def test_keys_that_are_refused_with_4(self):
        mine = self.a.add_peer("keyed")
        good = self.a.add_peer("other")  # a key of our own
        junk = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
        for bad in (junk, "", "no key here", mine + good, mine.replace("PUBLIC", "RSA PUBLIC"), mine, good, mine + "x" * 3000):
            path = os.path.join(self.a.dir, "bad.pem")
            with open(path, "w", encoding="ascii") as f:
                f.write(bad)
            self.refused(self.a.gossipc("set-peer-key", "keyed", "-k", path), 4, "gossipc: ")

    def test_same_key_again_is_fine_and_another_needs_replace(self):
        b = self.node("bob")
        one, two = b.add_peer("ann1"), b.add_peer("ann2")
        self.a.add_peer("bob")
        self.a.set_peer_key("bob", one)
        self.a.set_peer_key("bob", one)
        path = os.path.join(self.a.dir, "two.pem")
        with open(path, "w", encoding="ascii") as f:
            f.write(two)
        self.refused(self.a.gossipc("set-peer-key", "bob", "-k", path), 4, "--replace")
        self.a.set_peer_key("bob", two, "--replace")

    def test_pair_code_is_the_same_on_both_sides(self):
        b = self.node("bea")
        to_b, to_a = self.a.add_peer("bea"), b.add_peer("ann")
        codes = []
        for node, name, pem in ((self.a, "bea", to_a), (b, "ann", to_b)):
            done = node.gossipc("set-peer-key", name, "-k", "-", stdin=pem)
            self.assertEqual(done.status, 0, done)
            codes.append(re.search(r"\b[A-Z2-7]{5}(?:-[A-Z2-7]{5}){3}-[A-Z2-7]{6}\b", done.err).group(0))
        self.assertEqual(codes[0], codes[1])

    def test_closed_stdout_is_an_output_error_and_the_id_is_not_lost(self):
        done = subprocess.run(["sh", "-c", '"$0" send -m unheard >&-', GOSSIPC], env=self.a.env, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 11)
        self.assertRegex(done.stderr.decode(), r"\b[0-9a-f]{64}\b")
        self.assertIn("unheard", self.a.texts())
        done = subprocess.run(["sh", "-c", '"$0" view >&-', GOSSIPC], env=self.a.env, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 11)

    def test_follow_keeps_a_signal_ignored_that_was(self):
        self.a.must("send", "-m", "for the follower")
        follow = subprocess.Popen(["sh", "-c", 'trap "" HUP; exec "$0" view --follow', GOSSIPC], env=self.a.env, stdout=subprocess.PIPE)
        self.addCleanup(follow.stdout.close)
        self.addCleanup(follow.kill)
        while b"for the follower" not in follow.stdout.readline():
            pass
        follow.send_signal(signal.SIGHUP)
        self.a.must("send", "-m", "still there")
        while b"still there" not in follow.stdout.readline():
            pass
        follow.send_signal(signal.SIGTERM)
        self.assertEqual(follow.wait(PATIENCE), 0)

    def test_status_of_a_message_names_who_has_passed_it(self):
        told = json.loads(self.a.must("status", self.a.send("whither"), "--json"))
        self.assertEqual((told["passed_by"], told["friends"]), ([], len(told["waiting"])))

    def test_f30_nothing_printed_can_drive_a_terminal(self):
        nasty = "a\x1b[2J\x07\r\n\u009b31m\u202e\u200b\U000e0041|\\end"
        self.a.must("send", "--source", "e|vil", "-m", "-", stdin=nasty)
        out = self.a.must("view")
        self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b\U000e0041]", out))
        line = [x for x in out.splitlines() if "end" in x][-1]
        self.assertTrue(line.endswith(r"|sender:e\x7cvil|a\x1b[2J\x07\x0d\x0a\u{009b}31m\u{202e}\u{200b}\u{e0041}|\\end"), line)
        json_out = self.a.must("view", "--json")
        self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b\U000e0041]", json_out))
        self.assertIn(nasty, self.a.texts())
        self.assertNotIn("\x1b", self.a.gossipc("show-key", "\x1b[2J").err)

    def test_view_selects(self):
        n = self.node("viewer", start=False)
        n.send_lines(["m%d" % i for i in range(30)])
        self.assertEqual([m["text"] for m in n.view("--last", "3")], ["m27", "m28", "m29"])
        self.assertEqual(len(n.view("--from", "self")), 30)
        self.assertEqual(n.gossipc("view", "--from", "nobody").status, 3)
        self.assertEqual(len(n.view("--since", "1h")), 30)
        self.assertEqual(n.gossipc("view", "--since", "2199-01-01").status, 1)


class Modes(Case):
    def mode(self, path):
        return stat.S_IMODE(os.lstat(path).st_mode)

    def test_f26_modes_and_the_default_path(self):
        n = self.node("ann", start=False, GOSSIPD_DB_PATH=None, XDG_DATA_HOME=None)
        n.env.pop("GOSSIPD_DB_PATH", None)
        old = os.umask(0)
        try:
            n.must("send", "-m", "hello")
        finally:
            os.umask(old)
        folder = os.path.join(n.dir, ".local/share/gossipd")
        self.assertEqual(self.mode(folder), 0o700)
        for name in os.listdir(folder):
            self.assertEqual(self.mode(os.path.join(folder, name)), 0o600, name)
        self.assertIn("gossipd.db", os.listdir(folder))
        self.assertNotIn("~", os.listdir(n.dir))

    def test_f26_files_others_can_read_are_refused(self):
        n = self.node("ann", start=False)
        n.must("send", "-m", "hello")
        os.chmod(n.db, 0o644)
        self.refused(n.gossipc("view"), 10, n.db)
        self.refused(n.gossipc("send", "-m", "x"), 10, n.db)
        os.chmod(n.db, 0o600)
        self.assertEqual(n.texts(), ["hello"])
        os.chmod(os.path.dirname(n.db), 0o755)
        self.refused(n.gossipc("view"), 10)
        os.chmod(os.path.dirname(n.db), 0o700)
        link = os.path.join(os.path.dirname(n.db), "link.db")
        os.symlink(n.db, link)
        self.refused(n.gossipc("view", env={"GOSSIPD_DB_PATH": link}), 10)

    def test_a_file_that_is_not_ours_is_refused_with_10_and_left_alone(self):
        n = self.node("ann", start=False)
        n.must("send", "-m", "hello")
        other = os.path.join(os.path.dirname(n.db), "other.db")
        with open(other, "wb") as f:
            f.write(b"this is no database at all" * 1000)
        os.chmod(other, 0o600)
        self.refused(n.gossipc("view", env={"GOSSIPD_DB_PATH": other}), 10, other)
        with open(other, "rb") as f:
            self.assertEqual(f.read(), b"this is no database at all" * 1000)


if __name__ == "__main__":
    unittest.main()
