"""Real daemons for the process tests: every Node has a folder, a database and a port of its own, waits for events with a deadline
and ends only its own children."""
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("GOSSIP_BUILD", os.path.join(HOME, "build")))
GOSSIPD, GOSSIPC = os.path.join(BUILD, "gossipd"), os.path.join(BUILD, "gossipc")
FACTOR = float(os.environ.get("GOSSIP_TEST_FACTOR", "1"))  # how much slower than a plain build this one may be
PATIENCE = 20 * FACTOR  # seconds until an event that ought to come is missed
M1, M2, M3, CELL = 1296, 1696, 544, 1024  # gossip(7)

# Whoever started the tests in the background had them ignore a ^C, and so would all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Late(AssertionError):
    """What was waited for did not come in time."""


def wait_until(predicate, what, deadline=PATIENCE, every=0.03, nodes=()):
    """Asks again and again, with short waits between, until it gives something true; gives that back."""
    end, pause = time.monotonic() + deadline, threading.Event()
    while True:
        got = predicate()
        if got:
            return got
        if time.monotonic() > end:
            logs = "".join("\n--- log of %s\n%s" % (n.name, n.log()[-3000:]) for n in nodes)
            raise Late("waited %.1f s in vain: %s%s" % (deadline, what, logs))
        pause.wait(every)


def silent_port():
    """A port of 127.0.0.1 at which nobody listens now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def stat_of(pid):
    """Fields of /proc/PID/stat from the state on; None when there is no such process."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def members(number, field):
    """Living processes (zombies not counted) of a process group (field 2) or session (field 3)."""
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        stat = stat_of(pid)
        if stat and stat[0] not in "ZX" and int(stat[field]) == number:
            found.append(pid)
    return found


def group(pgid):
    return members(pgid, 2)


def session(sid):
    return members(sid, 3)


# A group of its own, in the session of the test: what is left of a daemon can be found, and run.py can end all there is.
OWN_GROUP = {"process_group": 0} if sys.version_info >= (3, 11) else {"preexec_fn": os.setpgrp}


def parent_of(pid):
    return int(stat_of(pid)[1])


def alive(pid):
    stat = stat_of(pid)
    return stat is not None and stat[0] not in "ZX"


class Ran:
    """How a program ended: status, standard output and error as text; its process group."""

    def __init__(self, status, out, err, pid):
        self.status, self.out, self.err, self.pid = status, out, err, pid

    def __repr__(self):
        return "exit status %d\nstdout: %s\nstderr: %s" % (self.status, self.out[:2000], self.err[:2000])


def run(command, env, stdin=None, deadline=PATIENCE):
    """Runs to the end. `stdin` is bytes or text."""
    if isinstance(stdin, str):
        stdin = stdin.encode("utf-8", "surrogateescape")
    child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, **OWN_GROUP)
    try:
        out, err = child.communicate(stdin, deadline)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        said = err[-2000:].decode("utf-8", "replace")
        raise Late("%s does not end within %d s\n%s" % (" ".join(command), deadline, said)) from None
    return Ran(child.returncode, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"), child.pid)


class Node:
    """One person's machine: a folder, a daemon when started, and gossipc."""

    def __init__(self, name, **env):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix="gossip-%s-" % name)  # mode 0700
        self.db = os.path.join(self.dir, "data", "gossipd.db")
        self.port = 0
        self.command, self.client = [GOSSIPD], GOSSIPC
        self.daemon, self.pgid = None, None
        self.lines, self.news = [], threading.Condition()
        self.reader, self.denied = None, None
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("GOSSIPD_")}
        self.env.update(HOME=self.dir, GOSSIPD_DB_PATH=self.db, GOSSIPD_USERNAME=name, GOSSIPD_LISTEN_PORT="0",
                        GOSSIPD_RSA_BITS="2048", GOSSIPD_KEY_POOL="2", GOSSIPD_BOGUS_PCT="50", GOSSIPD_FETCH_INTERVAL="1",
                         GOSSIPD_SANDBOX="kill",  # whoever calls what was given up dies, and close() tells
                         GOSSIPD_COVER="off")  # so that calls can be counted
        self.set(**env)

    def set(self, **env):
        """Changes the environment of the programs started from now on; None takes a variable away."""
        for key, value in env.items():
            if value is None:
                self.env.pop(key, None)
            else:
                self.env[key] = str(value)

    # --- the daemon
    def start(self, *args):
        with self.news:
            self.lines.clear()
        self.daemon = subprocess.Popen([*self.command, *args], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, **OWN_GROUP)
        self.pgid = self.daemon.pid
        self.reader = threading.Thread(target=self.read, args=(self.daemon.stdout,), daemon=True)
        self.reader.start()
        started = self.wait_log(r"listening on (\S+) port (\d+)")
        self.port = int(started.group(2))
        self.env["GOSSIPD_LISTEN_PORT"] = str(self.port)  # the address friends know stays, over restarts
        return self

    def read(self, stream):
        for line in iter(stream.readline, b""):
            with self.news:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.news.notify_all()
        stream.close()

    def log(self):
        with self.news:
            return "\n".join(self.lines)

    def wait_log(self, pattern, deadline=PATIENCE, after=0):
        """The first match of `pattern` in a line of the log from line `after` on."""
        end = time.monotonic() + deadline
        with self.news:
            while True:
                for line in self.lines[after:]:
                    match = re.search(pattern, line)
                    if match:
                        return match
                left = end - time.monotonic()
                if left <= 0 or (self.daemon.poll() is not None and not self.reader.is_alive()):
                    raise Late("%s: no line like %r in the log:\n%s" % (self.name, pattern, "\n".join(self.lines)[-3000:]))
                self.news.wait(min(left, 0.2))

    def worker(self):
        return self.daemon.pid

    def listener(self, other_than=None):
        """The pid of the listener, once there is one (other than the one given)."""
        def look():
            pids = [p for p in self.processes() if p != self.daemon.pid and p != other_than and self.is_listener(p)]
            return pids[0] if pids else None
        return wait_until(look, "the listener of " + self.name, nodes=[self])

    @staticmethod
    def is_listener(pid):
        """After its execve: until then it is a copy of the worker."""
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                return b"listener" in f.read()
        except OSError:
            return False

    def processes(self):
        """Those of the daemon that was started last."""
        return group(self.pgid) if self.pgid else []

    def stop(self, sig=signal.SIGTERM, deadline=PATIENCE):
        """Ends it as init would; gives its exit status. Nothing of it may be left."""
        if self.daemon is None:
            return None
        if self.daemon.poll() is None:
            self.daemon.send_signal(sig)
        status = self.wait_end(deadline)
        wait_until(lambda: not self.processes(), "%s to leave no process behind" % self.name, deadline, nodes=[self])
        return status

    def wait_end(self, deadline=PATIENCE):
        try:
            status = self.daemon.wait(deadline)
        except subprocess.TimeoutExpired:
            raise Late("%s: the daemon does not end\n%s" % (self.name, self.log()[-3000:])) from None
        self.reader.join(deadline)
        self.daemon = None
        if status == -signal.SIGSYS or "killed by signal %d" % signal.SIGSYS in self.log():
            self.denied = self.log()
        return status

    def kill(self):
        """kill -9 of both processes at once: the power cut."""
        for pid in sorted(self.processes()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.daemon is not None:
            self.wait_end()
        wait_until(lambda: not self.processes(), "the processes of %s to be gone" % self.name)

    def close(self):
        try:
            self.kill()
            if self.denied:
                raise AssertionError("%s: a system call was denied\n%s" % (self.name, self.denied[-3000:]))
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    # --- gossipc
    def gossipc(self, *args, stdin=None, env=None, deadline=PATIENCE):
        return run([self.client, *args], dict(self.env, **(env or {})), stdin, deadline)

    def must(self, *args, stdin=None, deadline=PATIENCE):
        """gossipc that has to succeed; gives its standard output."""
        done = self.gossipc(*args, stdin=stdin, deadline=deadline)
        if done.status != 0:
            raise AssertionError("gossipc %s: %r" % (" ".join(args), done))
        return done.out

    def add_peer(self, name, host=None, port=None, *more):
        """Adds and gives the PEM to hand over."""
        address = ["--host", host, "--port", str(port)] if host else []
        return pem_of(self.must("add-peer", "--name", name, *address, *more))

    def set_peer_key(self, name, pem, *more):
        path = os.path.join(self.dir, "from-%s.pem" % name)
        with open(path, "w", encoding="ascii") as f:
            f.write(pem)
        return self.must("set-peer-key", "--name", name, "--pubkey-file", path, *more)

    def send(self, text, source=None):
        """Gives the id."""
        return self.must("send", *(["--source", source] if source else []), "-m", text).strip()

    def send_lines(self, texts, source=None):
        """Many at once (no line break in a text); gives the ids."""
        data = "".join(t + "\n" for t in texts)
        out = self.must("send", "--batch", *(["--source", source] if source else []), stdin=data, deadline=3 * PATIENCE)
        return out.split()

    def view(self, *args):
        """All messages, as the objects of view --json."""
        done = self.gossipc("view", "--json", *args, deadline=3 * PATIENCE)
        if done.status not in (0, 1):  # 1: nothing matched
            raise AssertionError("gossipc view: %r" % done)
        return [json.loads(line) for line in done.out.split("\n") if line]

    def texts(self):
        return [m["text"] for m in self.view()]

    def count(self):
        """How many messages are stored; a read-only look through the documented view, cheap enough to ask often."""
        return self.ask("SELECT count(*) FROM v_messages")[0][0]

    def ask(self, query):
        """Rows of a query. Read-only: such a connection never checkpoints."""
        db = sqlite3.connect("file:%s?mode=ro" % self.db, uri=True, timeout=10)
        try:
            return db.execute(query).fetchall()
        finally:
            db.close()

    def wait_count(self, n, deadline=PATIENCE):
        wait_until(lambda: self.count() >= n, "%d messages at %s" % (n, self.name), deadline, nodes=[self])
        got = self.count()
        if got != n:
            raise AssertionError("%s has %d messages instead of %d" % (self.name, got, n))

    def wait_text(self, text, deadline=PATIENCE):
        """The message with this text, once it is here."""
        def look():
            return next((m for m in self.view("--last", "50") if m["text"] == text), None)
        return wait_until(look, "%r at %s" % (text[:60], self.name), deadline, nodes=[self])


def pem_of(text):
    match = re.search(r"-----BEGIN PUBLIC KEY-----\n.*?-----END PUBLIC KEY-----\n", text, re.S)
    if not match:
        raise AssertionError("no PEM in: " + text)
    return match.group(0)


def terminal():
    """Both ends of a pseudo terminal. Where there are none, as in a chroot without /dev/pts, the test is skipped."""
    try:
        return os.openpty()
    except OSError as error:
        raise unittest.SkipTest("no pseudo terminal is to be had: %s" % error) from error


def befriend(a, b, a_dials=True, b_dials=True, a_port=None, b_port=None):
    """Each adds the other and sets the other's key. *_port: where the other one is to be found instead (a proxy)."""
    to_b = a.add_peer(b.name, *(["127.0.0.1", b_port or b.port] if a_dials else []))
    to_a = b.add_peer(a.name, *(["127.0.0.1", a_port or a.port] if b_dials else []))
    a.set_peer_key(b.name, to_a)
    b.set_peer_key(a.name, to_b)


class Case(unittest.TestCase):
    """A test whose nodes end with it."""
    maxDiff = 2000

    def node(self, name, start=True, **env):
        node = Node(name, **env)
        self.addCleanup(node.close)
        return node.start() if start else node

    def refused(self, done, status, *words):
        """One or two clear lines on stderr, this exit status, nothing on stdout."""
        self.assertEqual(done.status, status, done)
        lines = done.err.splitlines()
        self.assertTrue(1 <= len(lines) <= 2, done)
        self.assertEqual(done.out, "", done)
        for word in words:
            self.assertIn(word, done.err)


class SharedCase(Case):
    """Tests that share nodes: a class makes them in set_up_nodes(cls) with cls.shared(name)."""

    @classmethod
    def setUpClass(cls):
        cls.all_nodes = []
        try:
            cls.set_up_nodes()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def shared(cls, name, start=True, **env):
        node = Node(name, **env)
        cls.all_nodes.append(node)
        return node.start() if start else node

    @classmethod
    def tearDownClass(cls):
        for node in cls.all_nodes:
            node.close()
