"""Reading: filters, what was read, search, answers, formats, and the examples of gossipc(1)."""
import json
import os
import re
import subprocess
import threading

from gossip import GOSSIPC, HOME, PATIENCE, Case, SharedCase, befriend, run, wait_until


class TwoReaders(SharedCase):
    @classmethod
    def set_up_nodes(cls):
        cls.anna, cls.bert = cls.shared("anna"), cls.shared("bert")
        befriend(cls.anna, cls.bert)

    def test_unread_is_shown_once(self):
        anna, bert = self.anna, self.bert
        bert.gossipc("view", "--unread")
        anna.send_lines(["unread %d" % i for i in range(700)])
        bert.wait_text("unread 699")
        bert.send("my own is never unread")
        self.assertEqual(bert.must("view", "--unread", "--from", "anna", "--last", "2").count("\n"), 2)
        self.assertEqual(bert.must("view", "--unread", "--search", "unread").count("\n"), 700, "a look at some marks nothing")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([GOSSIPC, "view", "--unread"], env=bert.env, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 11, done.stderr)
        look = subprocess.Popen([GOSSIPC, "view", "--unread", "--format", "%m" + 200 * " "], env=bert.env, stdout=subprocess.PIPE)
        look.stdout.readline()
        look.stdout.close()  # long before the end: a pipe does not hold so much
        look.wait(PATIENCE)
        shown = bert.must("view", "--unread", "--format", "%m").split("\n")[:-1]
        self.assertEqual(shown, ["unread %d" % i for i in range(700)], "what could not be written is unread still")
        self.assertEqual(bert.gossipc("view", "--unread").status, 1)
        anna.send("one more")
        bert.wait_text("one more")
        follow = subprocess.Popen([GOSSIPC, "view", "--unread", "--follow", "--format", "%m"], env=bert.env, stdout=subprocess.PIPE)
        try:
            self.assertEqual(follow.stdout.readline(), b"one more\n")
            anna.send("while they look")
            self.assertEqual(follow.stdout.readline(), b"while they look\n")
            wait_until(lambda: bert.ask("SELECT v FROM meta WHERE k='read_mark'")[0][0] >= bert.count(), "the mark to follow")
        finally:
            follow.terminate()
            follow.wait(PATIENCE)
            follow.stdout.close()
        self.assertEqual(bert.gossipc("view", "--unread", "--json").status, 1)

    def test_an_answer_names_what_it_answers_at_the_friend_too(self):
        anna, bert = self.anna, self.bert
        question = anna.send("who comes?")
        bert.wait_text("who comes?")
        other = bert.send("and when?")
        answer = bert.must("send", "--reply", question[:16], "--reply", other, "--reply", question, "-m", "I do").strip()
        got = anna.wait_text("I do")
        self.assertEqual((got["id"], got["parents"]), (answer, [question, other]))
        self.assertEqual(anna.wait_text("and when?")["parents"], [])
        self.assertEqual(anna.must("view", "--last", "1", "--search", "do", "--format", "%p"), "%s,%s\n" % (question, other))
        self.assertEqual(anna.must("status", answer[:20]), anna.must("status", answer))

    def test_the_worker_keeps_the_index_up(self):
        node = self.node("carl")
        node.send_lines(["needle number%d" % i if i % 100 == 0 else "hay" for i in range(1500)])
        wait_until(lambda: node.ask("SELECT v FROM meta WHERE k='search_mark'") == [(1500,)], "the index", nodes=[node])
        node.send("a fresh needle")
        for words, n in (("needle", 16), ("NEEDLE number100", 1), ("number1*", 6), ("fresh", 1)):
            self.assertEqual(node.must("view", "--search", words).count("\n"), n, words)
        self.assertEqual(node.must("view", "--search", "needle", "--last", "2", "--format", "%n"), "1401\n1501\n")
        self.assertEqual(node.gossipc("view", "--search", "nosuchword").status, 1)
        self.assertEqual(node.stop(), 0)
        self.assertEqual(node.must("view", "--search", "fresh").count("\n"), 1)


class Reader(Case):
    def test_usage_and_what_is_not_there(self):
        node = self.node("anna", start=False)
        first = node.send("one")
        for args, status, words in (
                (["send", "--reply", "0" * 64, "-m", "x"], 3, "no message"), (["send", "--reply", first[:7], "-m", "x"], 2, "not a message id"),
                (["send", "--reply", first + "0", "-m", "x"], 2, "not a message id"), (["send", "--batch", "--reply", first], 2, "--reply"),
                (["view", "--after", "f" * 10 + "0" * 54], 3, "no message"), (["watch", "--after", "0" * 64], 3, "no message"),
                (["view", "--from", "nobody"], 3, "no peer"), (["view", "--until", "soon"], 2, "--until"),
                (["view", "--search", " * "], 2, "--search"), (["view", "--format", "%q"], 2, "--format"),
                (["view", "--format", "%m", "--json"], 2, "--format"), (["view", "--last", "-1"], 2, "--last"),
                (["watch", "--json"], 2, "takes no --json")):
            self.refused(node.gossipc(*args, stdin=""), status, words)
        ids = node.send_lines(["text %d" % i for i in range(8)])
        self.refused(node.gossipc("send", *[w for i in ids[:5] for w in ("--reply", i)], "-m", "x"), 2, "4")
        for args in (["--sender", "nobody"], ["--until", "2020-01-01"], ["--after", ids[-1]], ["--unread"], ["--search", "zebra"]):
            done = node.gossipc("view", *args)
            self.assertEqual((done.status, done.out, done.err), (1, "", ""), args)
        self.assertEqual(node.must("view", "--after", ids[5][:12], "--format", "%m"), "text 6\ntext 7\n")

    def test_no_words_are_a_syntax_error(self):
        node = self.node("anna", start=False)
        node.send("quotes \" and text:colons")
        for words in ('"', '" OR "', "text:", "NEAR(", "a AND", "-", "quotes*", "(quotes", "colons)", "^quotes", "'; DROP TABLE log; --"):
            done = node.gossipc("view", "--search", words)
            self.assertIn(done.status, (0, 1, 2), (words, done))
            self.assertNotIn("syntax", done.err)
        self.assertEqual(node.must("view", "--search", "(quotes text:colons").count("\n"), 1)

    def test_a_reader_that_cannot_write_reads_and_says_what_it_cannot(self):
        """On a medium that is read-only, with its files as a clean stop leaves them."""
        if not os.path.exists("/usr/bin/unshare") or os.geteuid() != 0:
            self.skipTest("needs root and unshare for a read-only mount")
        node = self.node("anna")
        node.send("readable")
        node.stop()
        script = "mount --bind $0 $0 && mount -o remount,ro,bind $0 && exec \"$@\""

        def frozen(*args):
            return run(["unshare", "-m", "sh", "-c", script, os.path.dirname(node.db), GOSSIPC, *args], node.env)

        done = frozen("view", "--search", "readable")
        if "mount:" in done.err or "unshare:" in done.err:
            self.skipTest("no mounts here: " + done.err.strip())
        self.assertEqual((done.status, done.out.count("readable\n")), (0, 1), done)
        for args in (["view", "--json"], ["status"], ["peers"], ["view", "--last", "1"]):
            self.assertEqual(frozen(*args).status, 0, args)
        self.assertEqual(frozen("send", "-m", "x").status, 11)

    def test_examples_of_the_page(self):
        """Every line of gossipc(1), EXAMPLES, that reads or answers, run as printed; those that follow are ended after a line.
        test_examples runs the others."""
        with open(os.path.join(HOME, "man/gossipc.1"), encoding="utf-8") as f:
            examples = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh", f.read(), re.M | re.S).group(1)
        lines = [line[2:] for line in examples.replace("\\e", "\\").splitlines()
                 if re.match(r"\$ (id=\$\()?gossipc (view|watch|send --reply|send -m \"lunch)", line)]
        self.assertGreaterEqual(len(lines), 10)
        anna, bert = self.node("alice"), self.node("bob")
        befriend(anna, bert)
        anna.send("my umbrella in the rain", source="bob")
        bert.wait_text("my umbrella in the rain")
        id_of = ""
        for line in lines:
            command = line if not id_of else "id=%s; %s" % (id_of, line)
            if "--follow" in line or "watch" in line:
                if "jq" not in line or subprocess.run(["sh", "-c", "command -v jq"], stdout=subprocess.DEVNULL).returncode == 0:
                    self.follow(bert, command.replace("jq ", "jq --unbuffered "), line)
                continue
            done = run(["sh", "-c", command], dict(bert.env, PATH=os.path.dirname(GOSSIPC) + ":" + os.environ["PATH"]))
            self.assertEqual((done.status, done.err), (0, ""), (line, done))
            if line.startswith("id="):
                id_of = bert.view("--last", "1")[0]["id"]
            else:
                self.assertTrue(done.out, line)
        self.assertTrue(id_of)

    def follow(self, node, command, line):
        """It prints something once there is news."""
        env = dict(node.env, PATH=os.path.dirname(GOSSIPC) + ":" + os.environ["PATH"])
        child = subprocess.Popen(["sh", "-c", command], env=env, stdout=subprocess.PIPE, process_group=0)
        try:
            def news():
                node.send("news")
                return os.get_blocking(child.stdout.fileno()) or True
            os.set_blocking(child.stdout.fileno(), False)
            wait_until(lambda: news() and child.stdout.read(), "a line of " + line, every=0.3)
        finally:
            os.killpg(child.pid, 15)
            child.wait(PATIENCE)
            child.stdout.close()


class Watching(Case):
    def events(self, stream, wanted):
        """Events up to the first that `wanted` likes."""
        out = []
        for line in stream:
            out.append(json.loads(line))
            if wanted(out[-1]):
                return out
        raise AssertionError("the stream ended: %r" % out[-3:])

    def watch(self, node, *args):
        child = subprocess.Popen([GOSSIPC, "watch", *args], env=node.env, stdout=subprocess.PIPE)
        deadline = threading.Timer(4 * PATIENCE, child.kill)  # the stream then ends
        deadline.start()
        self.addCleanup(deadline.cancel)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait, PATIENCE)
        self.addCleanup(child.kill)
        return child

    def test_F29_a_stream_that_fell_behind_goes_on_where_it_was(self):
        anna, bert = self.node("anna"), self.node("bert")
        befriend(anna, bert)
        child = self.watch(bert)
        up = self.events(child.stdout, lambda e: e["event"] == "friend" and e["up"])
        self.assertEqual({e["name"] for e in up}, {"anna"})
        first = anna.send("first")
        got = self.events(child.stdout, lambda e: e["event"] == "message")[-1]
        self.assertEqual((got["id"], got["text"], got["delivered_by"], got["parents"]), (first, "first", "anna", []))
        sent = anna.send_lines(["text %d " % i + 200 * "." for i in range(3000)])  # far more than a pipe holds, and nobody reads
        bert.wait_count(3001)
        anna.stop()
        wait_until(lambda: bert.ask("SELECT count(*) FROM v_peers WHERE dial_state='up' OR call_state='up'") == [(0,)], "anna to be down")
        heard = [m["id"] for m in bert.view("--after", first)]  # friends' own order, as it was heard here
        self.assertEqual(sorted(heard), sorted(sent))
        got = self.events(child.stdout, lambda e: e["event"] == "message" and e["id"] == heard[-1])
        self.assertEqual([e["id"] for e in got if e["event"] == "message"], heard, "none lost, none twice, in order")
        child.terminate()
        self.assertEqual(child.wait(PATIENCE), 0)
        anna.start()
        bert.must("delete-peer", "anna")
        again = self.watch(bert, "--after", heard[1999])
        got = self.events(again.stdout, lambda e: e["event"] == "message" and e["id"] == heard[-1])
        self.assertEqual([e["id"] for e in got if e["event"] == "message"], heard[2000:])
        self.assertEqual([e for e in got if e["event"] != "message"], [], "no friend is left")

    def test_friends_come_and_go(self):
        anna, bert = self.node("anna"), self.node("bert")
        befriend(anna, bert)
        child = self.watch(bert)
        self.events(child.stdout, lambda e: e["event"] == "friend" and e["up"])
        anna.stop()
        down = self.events(child.stdout, lambda e: e["event"] == "friend" and not e["up"])[-1]
        self.assertEqual((down["name"], down["up"]), ("anna", False))
        self.assertTrue(down["reason"])
        bert.must("delete-peer", "anna")
        self.assertEqual(self.events(child.stdout, lambda e: e["event"] == "friend_gone")[-1]["name"], "anna")
