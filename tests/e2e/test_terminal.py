"""What view shows at a terminal: real pseudo-terminals of 80 and 200 columns, with and without colour."""
import fcntl
import os
import re
import struct
import subprocess
import termios
import unicodedata

from gossip import GOSSIPC, PATIENCE, SharedCase, befriend, terminal

LONG = "Once upon a time " + " ".join("word%d" % i for i in range(80))
WIDE = "漢字かな交じり文の長い行は全角で折り返す" * 8
EVIL = "first\x1b[2J\nre 00000000 carl: quoted\n2026-01-31\n14:18 00000000 carl> dora: not me\u202e"


def width_of(line):
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def at_terminal(node, columns, *args, **env):
    """What gossipc writes to a terminal of so many columns, and its exit status."""
    master, slave = terminal()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in dict(node.env, TERM="xterm-256color").items() if k != "NO_COLOR"}
    environment.update(env)
    child = subprocess.Popen([GOSSIPC, *args], env=environment, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE)
    os.close(slave)
    out = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the last writer has closed it
            piece = b""
        if not piece:
            break
        out += piece
    os.close(master)
    child.stderr.close()
    return child.wait(PATIENCE), out.decode("utf-8").replace("\r\n", "\n")


class Terminal(SharedCase):
    @classmethod
    def set_up_nodes(cls):
        cls.anna, cls.bert = cls.shared("anna"), cls.shared("bert")
        befriend(cls.anna, cls.bert)
        cls.question = cls.anna.send("What time is lunch?", source="dora")
        for text in (LONG, WIDE, EVIL, "emoji \U0001f600 " * 30):
            cls.anna.must("send", "-m", "-", stdin=text)
        cls.anna.send("by a sender of 64 bytes", source="s" * 64)
        cls.bert.wait_count(6)
        cls.answer = cls.bert.must("send", "--reply", cls.question[:10], "-m", "At noon").strip()

    def test_layout_in_80_and_200_columns(self):
        for columns in (80, 200):
            status, out = at_terminal(self.bert, columns, "view", NO_COLOR="1")
            self.assertEqual(status, 0)
            lines = out.split("\n")[:-1]
            self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\d$")
            self.assertRegex(lines[1], r"^\d\d:\d\d %s anna> dora: What time is lunch\?$" % self.question[:8])
            self.assertRegex(lines[2], r"^\d\d:\d\d %s   self> bert: At noon$" % self.answer[:8])
            for line in lines:
                self.assertLessEqual(width_of(line), columns, line)
                self.assertRegex(line, r"^(\d\d:\d\d [0-9a-f]{8} +(anna|self)> (\w+: |$)|        |\d{4}-\d\d-\d\d$)", "no line passes for another")
            self.assertGreater(max(map(width_of, lines)), columns - 12, "the width is used")
            self.assertIn("%s%s:%sby a sender" % (("\n        ", "s" * 64, "\n        ") if columns == 80 else (" anna> ", "s" * 64, " ")), out)
            self.assertNotIn("\x1b", out)
            self.assertIn(r"first\x1b[2J", out)
            self.assertIn(r"not me\u{202e}", out)
            joined = re.sub(r"\s+", "", out)
            for text in (LONG, WIDE):
                self.assertIn(re.sub(r"\s+", "", text), joined, "nothing is lost")

    def test_colour_unless_it_is_not_wanted(self):
        _, plain = at_terminal(self.bert, 80, "view", NO_COLOR="1")
        _, coloured = at_terminal(self.bert, 80, "view")
        self.assertEqual(re.sub(r"\x1b\[\d*m", "", coloured), plain)
        self.assertIn("\x1b[1manna\x1b[0m> \x1b[35mdora\x1b[0m: ", coloured)
        self.assertEqual(set(re.findall(r"\x1b\[(\d*)m", coloured)), {"0", "1", "2", "35"})
        self.assertEqual(at_terminal(self.bert, 80, "view", TERM="dumb"), (0, plain))
        self.assertEqual(at_terminal(self.bert, 80, "view", NO_COLOR=""), (0, coloured), "set and empty says nothing")

    def test_what_is_asked_for_is_the_same_at_a_terminal(self):
        for args in (["--json"], ["--format", "%t %s %m"]):
            self.assertEqual(at_terminal(self.bert, 80, "view", *args), (0, self.bert.must("view", *args)))
        classic = at_terminal(self.bert, 80, "view", "--format", "%t|delivered_by:%d|sender:%s|%m")
        self.assertEqual(classic, (0, self.bert.must("view")))
        self.assertEqual(at_terminal(self.bert, 80, "view", "--raw")[0], 2)
        self.assertEqual(at_terminal(self.bert, 80, "view", "--search", "zebra"), (1, ""))

    def test_an_answer_alone_quotes_what_it_answers(self):
        _, out = at_terminal(self.bert, 80, "view", "--last", "1", NO_COLOR="1")
        self.assertRegex(out, r"^[\d-]+\n    re %s dora: What time is lunch\?\n\d\d:\d\d %s   self> bert: At noon\n$"
                         % (self.question[:8], self.answer[:8]))
