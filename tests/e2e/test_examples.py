"""Every line of gossipc(1), EXAMPLES, run as it is printed: two friends, their shells, and tools that play the rest of the machine.
Those that read and go on reading are run by test_reading."""
import os
import re
import shutil
import unittest

from gossip import BUILD, GOSSIPC, HOME, PATIENCE, Case, run, wait_until

READS = re.compile(r"(\$ )?(id=\$\()?gossipc (view|watch|send --reply|send -m \"lunch)")  # by test_reading
TOOLS = {"git": "echo commit", "dot": "cat", "systemctl": "exit 0"}


def page():
    with open(os.path.join(HOME, "man/gossipc.1"), encoding="utf-8") as f:
        return f.read()


def blocks():
    """(words before it, lines) of each example; a line that goes on is one line."""
    examples = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh", page(), re.M | re.S).group(1)
    found = re.findall(r"((?:(?!\.Ed|\.Pp)[^\n]*\n)+?)\.Bd[^\n]*\n(.*?)^\.Ed", examples, re.M | re.S)
    return [(" ".join(words.split()), block.replace("\\e\n", "").splitlines()) for words, block in found]


@unittest.skipUnless(shutil.which("jq") and shutil.which("bash"), "jq or bash is not here")
class Examples(Case):
    def setUp(self):
        self.alice, self.bob = self.node("alice"), self.node("bob")
        self.carl = self.node("carl", start=False, GOSSIPD_DB_PATH=None)  # where gossipd looks when it is not told
        self.carl.db = os.path.join(self.carl.dir, ".local/share/gossipd/gossipd.db")
        self.tools = os.path.join(self.alice.dir, "tools")
        os.mkdir(self.tools)
        os.mkdir(os.path.join(self.alice.dir, "stick"), 0o700)
        for name, body in TOOLS.items():
            with open(os.path.join(self.tools, name), "w", encoding="ascii") as f:
                f.write("#!/bin/sh\n%s\n" % body)
            os.chmod(f.name, 0o755)
        self.done = []

    def shell(self, node, line, status=0, want=None):
        """Runs the line; what it prints is like what the page prints behind it."""
        if "systemctl stop" in line:
            node.stop()
        here = line.replace("alice.example --port 5555", "127.0.0.1 --port %d" % self.alice.port)
        here = re.sub(r"alice\.example(:5556)?", "127.0.0.1:%d" % self.alice.port, here).replace("/mnt/stick", self.alice.dir + "/stick")
        done = run(["bash", "-c", "cd && " + here], dict(node.env, PATH="%s:%s:%s" % (BUILD, self.tools, os.environ["PATH"])), deadline=3 * PATIENCE)
        self.assertEqual(done.status, status, (line, done))
        for row in want or []:
            shape = re.sub(r"\d+", r"\\d+", re.escape(row)).replace(r"\ \.\.\.", ".*")
            shape = shape.replace(r"Tree\ \d+\ page", "(Tree \\d+ page|Page)")  # as the versions of SQLite say it
            self.assertRegex(done.out, "(?m)^%s$" % shape, line)
        if "systemctl start" in line:
            node.start()
        self.done.append(line)
        return done

    def give(self, giver, taker, name="from-%s.txt"):
        shutil.copy(os.path.join(giver.dir, "for-%s.txt" % taker.name), os.path.join(taker.dir, name % giver.name))

    def part(self):
        """No longer friends."""
        for one, other in ((self.alice, self.bob), (self.bob, self.alice)):
            one.must("delete-peer", other.name)

    def run_block(self, node, lines, status=0):
        """Lines with "$ " before them, and behind each what it prints."""
        for i, line in enumerate(lines):
            if line.startswith("$ ") and not READS.match(line):
                want = []
                while i + 1 < len(lines) and not lines[i + 1].startswith("$ "):
                    i += 1
                    want.append(lines[i])
                self.shell(node, line[2:], status, want)

    def friends(self):
        wait_until(lambda: '"up":true' in self.bob.must("peers", "--json"), "the session", nodes=[self.alice, self.bob])

    def test_every_line(self):
        a, b = self.alice, self.bob
        todo = iter(blocks())

        def next_block(words):
            before, lines = next(todo)
            self.assertIn(words, before)
            return lines
        hers, his = next_block("Become friends"), next_block("and Bob")
        for node, lines, other in ((a, hers, b), (b, his, a)):
            self.run_block(node, lines[:1])
            self.give(node, other)
        shutil.copy(os.path.join(a.dir, "for-bob.txt"), os.path.join(self.alice.dir, "from-alice.pem"))
        shutil.copy(os.path.join(b.dir, "for-alice.txt"), os.path.join(self.alice.dir, "from-bob.pem"))
        self.run_block(a, hers[1:])
        self.run_block(b, his[1:])
        self.friends()
        self.part()
        self.run_block(a, next_block("Or in one step"))
        self.give(a, b)
        self.run_block(b, next_block("and Bob"))
        self.part()
        a.add_peer("bob")
        with open(os.path.join(b.dir, "from-alice.txt"), "w", encoding="ascii") as f:
            f.write(a.must("show-key", "bob"))
        self.run_block(b, next_block("classic spelling"))
        a.set_peer_key("bob", b.must("show-key", "alice"))
        self.friends()
        for words in ("Is she there", "Alice has moved", "Somebody says"):
            self.run_block(b, next_block(words))
        with open(os.path.join(b.dir, "lines.txt"), "w", encoding="ascii") as f:
            f.write("one\ntwo\n")
        self.run_block(b, next_block("Say something"))
        next_block("Listen")
        next_block("Answer")
        self.seal(next_block("Seal"))
        self.run_block(a, next_block("Make a copy"))
        self.run_block(a, next_block("never said so"))
        self.rescue(next_block("A bad day"))
        self.complete(next_block("Tab"))
        for words in ("got through", "Who told me", "Delete the last"):
            self.run_block(b, next_block(words))
        self.assertIsNone(next(todo, None))
        self.all_commands()

    def seal(self, lines):
        node = self.carl
        node.send("sealed")
        with open(os.open(os.path.join(node.dir, ".gossipd-passphrase"), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write("correct horse\n")
        self.run_block(node, lines[:1])
        self.assertEqual(node.gossipc("peers").status, 4)
        self.shell(node, lines[1][2:] + " && gossipc peers")
        node.set(GOSSIPD_PASSPHRASE_FILE=os.path.join(node.dir, ".gossipd-passphrase"))
        node.must("passphrase", "--remove")

    def rescue(self, lines):
        """A page of texts is overwritten."""
        node = self.carl
        node.send_lines(["a text of some length, so that there are pages of them %d" % i for i in range(3000)])
        where = node.ask("SELECT pageno FROM dbstat WHERE name='body' AND pagetype='leaf' ORDER BY pageno LIMIT 1 OFFSET 20")[0][0]
        node.start()
        node.stop()  # puts all into the one file
        with open(node.db, "r+b") as f:
            f.seek((where - 1) * 4096)
            f.write(b"\xff" * 4096)
        at = next(i for i, line in enumerate(lines) if "recover" in line)
        self.run_block(node, lines[:at], status=10)
        self.run_block(node, lines[at:])
        self.assertGreater(node.count(), 2900)

    def complete(self, lines):
        for line in lines:
            shell = re.search("bash|zsh|fish", line).group()
            if shutil.which(shell):
                done = run([shell, "-c", "autoload -U compinit && compinit -D; " * (shell == "zsh") + line], dict(self.bob.env, PATH=BUILD + ":" + os.environ["PATH"]))
                self.assertEqual((done.status, done.err), (0, ""), done)
            self.done.append(line)

    def all_commands(self):
        """Each command has an example, and each line of an example was run, here or by test_reading."""
        lines = [line for _, block in blocks() for line in block if line.startswith("$ ")]
        ran = "\n".join(self.done)
        for line in lines:
            self.assertTrue(line[2:] in ran or READS.match(line), line)
        names = re.findall(r"^  ([a-z]\S+)  ", run([GOSSIPC, "--help"], self.bob.env).out.split("\n\n")[1], re.M)
        self.assertGreater(len(names), 25)
        everything = ran + "\n" + "\n".join(lines)
        for name in names:
            self.assertRegex(everything, r"gossipc %s(?![a-z-])" % name)


if __name__ == "__main__":
    unittest.main()
