"""A live daemon under abuse while friends talk: strangers by the thousand, and friends who keep no rule. `make abuse` for minutes of it."""
import concurrent.futures
import os
import subprocess
import time
import unittest

from crowd import LONG, figures
from gossip import BUILD, FACTOR, GOSSIPD, PATIENCE, Case, Late, befriend, wait_until
from test_one_door import Talk

STRANGERS, FRIEND = os.path.join(BUILD, "abuse-strangers"), os.path.join(BUILD, "abuse-friend")
OPENINGS = 100_000 if LONG else int(3000 / FACTOR)
HELD = 1000 if LONG else 300               # slow and silent callers at once
SPAN = 60 if LONG else 2                   # seconds of a flood
ROUNDS = 3 if LONG else 1                  # of every way to break the rules
KNOCKERS, KNOCKS = (6, 25) if LONG else (1, 9)   # a friend may shake hands 30 times a minute
MOST_MEMORY = 16 << 10                     # KiB more, of either process
MOST_LINES = 24                            # more in the log, and of either process one a minute, whatever is done and how often
MOST_MS = 2000 * FACTOR                    # until a friend is in, at p99
SHARED_MS = 10_000 * FACTOR                # where strangers call from that very address it is chance, and a friend tries again


def memory(pid):
    """KiB resident: now, and at most so far."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["VmRSS"].split()[0]), int(fields["VmHWM"].split()[0])


class Abuse(Case):
    def world(self, **limits):
        """bob calls ann, ann calls cara, and kim and mal are programs of ours with a friend's keys; ann is the one who is pestered."""
        self.a = self.node("ann", start=False)
        if limits:
            self.a.command = ["sh", "-c", 'ulimit -n %d; exec "$0" "$@"' % limits["files"], GOSSIPD]
        self.a.start()
        self.b, self.c = self.node("bob"), self.node("cara")
        befriend(self.a, self.b, a_dials=False)
        befriend(self.a, self.c, b_dials=False)
        self.kims = [self.friend("kim%d" % i) for i in range(KNOCKERS)]
        self.talk_once("before")
        self.pids = [self.a.worker(), self.a.listener()]
        self.memory_before = [memory(pid)[0] for pid in self.pids]
        self.lines_before, self.start = len(self.a.lines), time.monotonic()

    def friend(self, name):
        node = self.node(name, start=False)
        befriend(self.a, node, a_dials=False)
        return node

    def talk_once(self, mark):
        for node in (self.a, self.b, self.c):
            node.send("%s says %s" % (node.name, mark))
        for node in (self.a, self.b, self.c):
            for other in "ann", "bob", "cara":
                node.wait_text("%s says %s" % (other, mark))

    def attack(self, *command):
        child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(child.stdout.close)
        self.addCleanup(lambda: (child.kill(), child.wait()))
        return child

    def end_of(self, child, deadline):
        try:
            out = child.communicate(timeout=deadline)[0].decode().rstrip("\n")
        except subprocess.TimeoutExpired:
            raise Late("%s does not end within %d s" % (child.args, deadline)) from None
        self.assertEqual(child.returncode, 0, (child.args, out))
        return out

    def knock(self, kim):
        """Ms until a session stood, from the address of a friend, spread over the time of the attack."""
        child = self.attack(FRIEND, "knock", kim.db, self.a.port, KNOCKS, SPAN * 1000 // KNOCKS)
        return [float(line) for line in self.end_of(child, 2 * SPAN + 3 * PATIENCE).split()]

    def under(self, what, *commands, most_ms=MOST_MS):
        """Friends talk and knock while all this goes on. Gives what the attackers said."""
        start = time.monotonic()
        with Talk(self.a, self.b, self.c) as talk:
            children = [self.attack(*command) for command in commands]
            with concurrent.futures.ThreadPoolExecutor(len(self.kims)) as pool:
                waits = sorted(ms for some in pool.map(self.knock, self.kims) for ms in some)
            told = [self.end_of(child, 10 * SPAN + 6 * PATIENCE) for child in children]
            wait_until(lambda: talk.total() >= 10, "some talk meanwhile", nodes=[self.a])
        took = time.monotonic() - start
        self.all_here()
        p99 = waits[min(len(waits) - 1, len(waits) * 99 // 100)]
        figures("%s: %.0f s, %d messages meanwhile; a friend is in after %.1f ms at p50, %.1f at p99 of %d, %.1f at most" %
                (what, took, talk.total(), waits[len(waits) // 2], p99, len(waits), waits[-1]))
        self.assertLess(p99, most_ms)
        return told

    def all_here(self):
        """Every message of every friend is with all three, once."""
        nodes = (self.a, self.b, self.c)
        own = [{row[0] for row in n.ask("SELECT id FROM v_messages WHERE delivered_by = 'self'")} for n in nodes]
        want = set().union(*own)
        for node in nodes:
            wait_until(lambda n=node: want <= {row[0] for row in n.ask("SELECT id FROM v_messages")}, "everything at " + node.name,
                       3 * PATIENCE, nodes=[node])

    def unharmed(self):
        """The same two processes, no larger and no louder; and they can be stopped and started."""
        self.assertEqual([self.a.worker(), self.a.listener()], self.pids, "a process died")
        grown = [memory(pid)[0] - before for pid, before in zip(self.pids, self.memory_before)]
        lines = self.a.log().split("\n")[self.lines_before:]
        figures("memory: worker %+d KiB, listener %+d KiB; %d lines in the log" % (*grown, len(lines)))
        if FACTOR == 1:  # a sanitizer keeps what was freed
            self.assertLess(max(grown), MOST_MEMORY)
        self.assertLess(len(lines), MOST_LINES + 2 * (time.monotonic() - self.start) / 60, lines)
        self.assertEqual(self.a.stop(), 0)
        self.a.start()
        self.talk_once("after")

    def test_f1_f2_f20_strangers_by_the_thousand(self):
        self.world()
        figures(self.under("openings", [STRANGERS, "openings", self.a.port, OPENINGS])[0])
        figures(self.under("slow and silent", [STRANGERS, "hold", self.a.port, HELD, SPAN])[0])
        figures(self.under("half open", [STRANGERS, "flood", self.a.port, SPAN])[0])
        self.unharmed()

    def test_f2_few_descriptors_and_who_shares_a_friends_address(self):
        self.world(files=128)
        figures(self.under("ulimit -n 128", [STRANGERS, "hold", self.a.port, HELD, SPAN], [STRANGERS, "flood", self.a.port, SPAN])[0])
        told = self.under("from a friend's address", [STRANGERS, "flood", self.a.port, SPAN, "127.0.0.1"], most_ms=SHARED_MS)
        figures(told[0])
        self.unharmed()

    def test_friends_who_keep_no_rule(self):
        self.world()
        false = [self.friend("mal%d" % i) for i in range(ROUNDS)]
        for told in self.under("false friends", *([FRIEND, "break", mal.db, self.a.port] for mal in false)):
            self.assertNotIn("not admitted", told)
            figures("; ".join(told.split("\n")))
        self.unharmed()


if __name__ == "__main__":
    unittest.main()
