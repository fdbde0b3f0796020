"""Newcomers with README.md and nothing else: its blocks, pasted at real terminals, as they are printed.
With GOSSIP_ACCOUNTS=1 and root (`make newcomer`) in two fresh accounts of this machine, with the programs as `make install` puts
them; otherwise in two fresh homes, with ports that are free."""
import errno
import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from crowd import figures
from gossip import BUILD, FACTOR, HOME, PATIENCE, Late, session, silent_port, terminal, wait_until
from test_install import make

ACCOUNTS = os.environ.get("GOSSIP_ACCOUNTS") == "1"
SOON = 180 * FACTOR  # until the first message is read
PROMPT = r"<<(\d+|more)>> \Z"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")


def blocks(heading):
    """(paragraph before it, block) of each ```sh block of a section."""
    with open(os.path.join(HOME, "README.md"), encoding="utf-8") as f:
        section = re.search(r"^## %s\n(.*?)(?=^## |\Z)" % heading, f.read(), re.S | re.M).group(1)
    return re.findall(r"((?:^[^\n]+\n)+)\n```sh\n(.*?)^```$", section, re.S | re.M)


class Shell:
    """A bash at a terminal of its own, or of an account's own."""

    def __init__(self, env, cwd, command=("bash", "--noprofile", "--norc", "-i"), columns=80):
        self.master, slave = terminal()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.child = subprocess.Popen(command, env=dict(env, TERM="xterm"), cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
                                      start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        os.set_blocking(self.master, False)
        self.seen, self.at = "", 0  # all there was, and where the answer to what was typed last begins
        self.line("HISTFILE= PS1='<<$''?>> ' PS2='<<more>> '")

    def read(self):
        try:
            while piece := os.read(self.master, 65536):
                self.seen += ESCAPES.sub("", piece.decode("utf-8", "replace")).replace("\r", "\n")
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EIO:  # the last one has closed it
                raise
        return self.seen[self.at:]

    def type(self, text):
        self.read()
        self.at = len(self.seen)
        data = text.encode() + b"\n"
        while data:
            self.read()  # so that the echo has room
            try:
                data = data[os.write(self.master, data[:512]):]
            except BlockingIOError:
                pass

    def wait_for(self, pattern, deadline=PATIENCE):
        try:
            return wait_until(lambda: re.search(pattern, self.read(), re.M), "%r at the terminal" % pattern, deadline)
        except Late as late:
            raise Late("%s\n%s" % (late, self.seen)) from None

    def line(self, text):
        """Types it and waits until it is done; it may not fail. What it shows."""
        self.type(text)
        self.done()

    def done(self):
        status = self.wait_for(PROMPT, 3 * PATIENCE).group(1)
        if status not in ("0", "more"):
            raise AssertionError("a step fails as printed, with %s:\n%s" % (status, self.seen))

    def paste(self, block):
        for line in block.splitlines():
            self.line(line)

    def close(self):
        for pid in session(self.child.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()
        os.close(self.master)


class Tour(unittest.TestCase):
    def test_the_tour_in_one_interactive_shell(self):
        home = tempfile.mkdtemp(prefix="gossip-tour-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("GOSSIPD_")}
        env.update(HOME=home, TMPDIR=home)
        shell = Shell(env, HOME)
        self.addCleanup(shell.close)
        steps = [block for _, block in blocks("A tour of ten minutes")]
        self.assertGreater(len(steps), 5)
        ports = {port: str(silent_port()) for port in ("5555", "5556")}
        for step in steps:
            shell.paste(re.sub("5555|5556", lambda m: ports[m.group()], step.replace("$PWD/build:", BUILD + ":")))
        codes = re.findall(r"^pair code with \w+: ([A-Z2-7-]{30})$", shell.seen, re.M)
        self.assertEqual((len(codes), len(set(codes))), (2, 1), shell.seen)
        self.assertRegex(shell.seen, r"(?m)^\d\d:\d\d [0-9a-f]{8} alice> alice: hello bob$")
        self.assertRegex(shell.seen, r"(?m)^\d\d:\d\d [0-9a-f]{8}   bob> bob: hello alice$")  # under what it answers
        self.assertEqual(os.listdir(home), [])


class Newcomers(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="gossip-newcomer-")
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        os.chmod(self.place, 0o755)

    def account(self, name):
        """A fresh one, with the programs in its PATH."""
        if ACCOUNTS:
            login = "gossip-%s-%d" % (name, os.getpid())
            home = os.path.join(self.place, name)
            subprocess.run(["useradd", "-m", "-d", home, "-s", "/bin/bash", login], check=True)
            self.addCleanup(subprocess.run, ["userdel", "-r", login], check=True, stderr=subprocess.DEVNULL)
            shell = Shell({"PATH": os.environ["PATH"]}, "/", ("su", "-", login))
            programs = os.path.join(self.place, "usr/local/bin")
        else:
            home, programs = os.path.join(self.place, name), BUILD
            os.mkdir(home, 0o700)
            env = {k: v for k, v in os.environ.items() if not k.startswith("GOSSIPD_")}
            shell = Shell(dict(env, HOME=home, USER=name), home)
        self.addCleanup(shell.close)
        shell.line("cd && PATH=%s:$PATH" % programs)
        return shell

    def test_first_message_in_three_minutes(self):
        if ACCOUNTS:
            done = make("install", "DESTDIR=" + self.place)
            self.assertEqual(done.status, 0, done)
        people = {name: self.account(name) for name in ("alice", "bob")}
        alice, bob = people["alice"], people["bob"]
        port = "5556"
        if not ACCOUNTS:
            alice.line("export GOSSIPD_LISTEN_PORT=%d" % silent_port())  # in the place of 5555
            port = str(silent_port())
        steps = [(re.match("(Alice|Bob) ", words).group(1).lower(), block.replace("5556", port)) for words, block in blocks("With a friend")]
        self.assertEqual([who for who, _ in steps], ["alice", "bob", "alice", "bob", "alice", "bob"])
        begin = time.monotonic()
        alice.paste(steps[0][1])
        bob.paste(steps[1][1])
        alice.type(steps[2][1].rstrip())
        invitation = alice.wait_for(r"^gossip-invite:\S+$", 3 * PATIENCE).group()
        bob.type(steps[3][1].rstrip())
        bob.wait_for("paste the invitation")
        bob.type(invitation)
        codes = [shell.wait_for(r"^pair code with %s: (\S+)$" % friend).group(1) for shell, friend in ((alice, "bob"), (bob, "alice"))]
        self.assertEqual(codes[0], codes[1])
        for shell, friend in ((alice, "bob"), (bob, "alice")):
            shell.done()
            self.assertIn("now friends with " + friend, shell.seen)
        alice.paste(steps[4][1])
        bob.type(steps[5][1].rstrip())
        bob.wait_for(r"alice> alice: hello bob$")
        passed = time.monotonic() - begin
        self.assertLess(passed, SOON)
        self.assertEqual(len(steps), 6)
        figures("first message read after %.1f s, in %s" % (passed, "two fresh accounts" if ACCOUNTS else "two fresh homes of one account"))
        bob.type("\x03")
        bob.wait_for(PROMPT)
        for shell in people.values():
            shell.line("kill %1 && wait")


if __name__ == "__main__":
    unittest.main()
