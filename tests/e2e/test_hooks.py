"""Hooks: a program of the user's for each message, in order, none left out; mutes; another name for a friend.
`make hooks COUNT=10000` for the long form; GOSSIP_SEED runs one again."""
import json
import os
import shutil
import signal
import threading
import time
import unittest
from collections import Counter

from crowd import befriend_all, counters, figures, seeded, steady_port
from gossip import FACTOR, GOSSIPD, PATIENCE, Case, Late, alive, befriend, run, stat_of, wait_until

MESSAGES = int(os.environ.get("GOSSIP_TEST_COUNT", 300))


class Hooked(Case):
    """A node whose hook writes what it was given into files of a folder."""

    def hooked(self, name, body, **env):
        node = self.node(name, start=False, **env)
        node.out = os.path.join(node.dir, "out")
        os.mkdir(node.out)
        node.hook = os.path.join(node.dir, "hook")
        self.write_hook(node, body)
        return node

    def write_hook(self, node, body, mode=0o700):
        fresh = node.hook + ".new"
        with open(fresh, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\ncd %s || exit 1\n%s" % (node.out, body))
        os.chmod(fresh, mode)
        os.rename(fresh, node.hook)
        node.set(GOSSIPD_ON_MESSAGE=node.hook)

    def read(self, node, name):
        try:
            with open(os.path.join(node.out, name), encoding="utf-8", errors="surrogateescape") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def lines(self, node, name, n, deadline=PATIENCE):
        wait_until(lambda: len(self.read(node, name).splitlines()) >= n, "%d lines of %s" % (n, name), deadline, nodes=[node])
        return self.read(node, name).splitlines()

    def wait_handed(self, node, n):
        query = "SELECT v FROM meta WHERE k='handed_upto'"
        wait_until(lambda: node.ask(query) == [(str(n),)], "%d handed over at %s" % (n, node.name), nodes=[node])

    def runner(self, node):
        def look():
            for pid in node.processes():
                try:
                    with open("/proc/%d/cmdline" % pid, "rb") as f:
                        if b"--as-hook-runner" in f.read():
                            return pid
                except OSError:
                    pass
            return None
        return wait_until(look, "the runner of " + node.name, nodes=[node])

    def pair(self, body, **env):
        a, b = self.node("alice"), self.hooked("bob", body, **env)
        b.start()
        befriend(a, b)
        return a, b


class Hooks(Hooked):
    def test_names_are_in_the_environment_and_the_text_on_stdin(self):
        a, b = self.pair("cat > text.$GOSSIP_ID; env | sort > env.$GOSSIP_ID; echo ARGUMENTS=$# >> env.$GOSSIP_ID; readlink /proc/$$/fd/2 >> env.$GOSSIP_ID\n"
                         "grep -E 'NoNewPrivs|^Seccomp:' /proc/$$/status >> env.$GOSSIP_ID; echo $GOSSIP_ID >> done\n", SECRET="x", TZ="UTC")
        text = "two\nlines; $(touch shell) `touch shell` " + "y" * 60000
        a.send(text, source="mall|ory\\")
        own = b.send("of bob's own")
        id = self.lines(b, "done", 1)[0]
        self.assertEqual(self.read(b, "text." + id), text)
        got = dict(line.split("=", 1) for line in self.read(b, "env." + id).splitlines() if "=" in line)
        message = next(m for m in b.view() if m["id"] == id)
        self.assertEqual((got["GOSSIP_ID"], got["GOSSIP_DELIVERED_BY"]), (message["id"], "alice"))
        self.assertEqual(got["GOSSIP_SENDER"], "mall\\x7cory\\\\")
        self.assertEqual(got["GOSSIP_HEARD"], message["heard"])
        self.assertEqual((got["HOME"], got["GOSSIPD_DB_PATH"], got["TZ"]), (b.dir, b.db, "UTC"))
        self.assertFalse({"SECRET", "GOSSIPD_LISTEN_PORT", "GOSSIPD_ON_MESSAGE"} & set(got), got)
        self.assertEqual(got["ARGUMENTS"], "0")
        self.assertEqual([name for name, value in got.items() if "two" in value or "touch" in value], [], "the text is on stdin alone")
        self.assertIn("/dev/null", self.read(b, "env." + id).splitlines())
        self.assertRegex(self.read(b, "env." + id), r"Seccomp:\s+0\b", "the worker's filter is not the hook's")
        a.send("second")
        self.assertNotIn(own, self.lines(b, "done", 2), "one's own are not handed over")
        self.assertFalse(os.path.exists(os.path.join(b.out, "shell")))

    def test_a_path_that_will_not_do_is_refused_at_start_and_by_n(self):
        b = self.hooked("bob", "true\n")
        for path, mode, words in [("hook", None, "whole path"), ("/nowhere/hook", None, "No such file"), (b.dir, None, "regular file"),
                                  (b.hook, 0o600, "not executable"), (b.hook, 0o720, "written by others"), (b.hook, 0o702, "written by others")]:
            if mode:
                os.chmod(path, mode)
            for flags in (["-n"], []):
                done = run([GOSSIPD, *flags], dict(b.env, GOSSIPD_ON_MESSAGE=path))
                self.refused(done, 2, "GOSSIPD_ON_MESSAGE", words)
        os.chmod(b.hook, 0o700)
        folder = os.path.dirname(b.hook)
        os.chmod(folder, 0o770)
        self.refused(run([GOSSIPD, "-n"], dict(b.env, GOSSIPD_ON_MESSAGE=b.hook)), 2, "others can put another one in its place")
        os.chmod(folder, 0o700)

    def test_every_directory_and_every_link_on_the_way_is_looked_at(self):
        b = self.hooked("bob", "true\n")
        safe, public, inner = (os.path.join(b.dir, name) for name in ("safe", "public", "public/inner"))
        for folder in (safe, public, inner):
            os.mkdir(folder, 0o700)
        for folder in (safe, public, inner):
            shutil.copy(b.hook, folder + "/hook")
        os.symlink(public + "/hook", safe + "/away")
        os.symlink(safe + "/hook", public + "/here")
        os.symlink("../../safe/./away", inner + "/twice")
        os.symlink("round", safe + "/round")

        def ask(path):
            return run([GOSSIPD, "-n"], dict(b.env, GOSSIPD_ON_MESSAGE=path))
        ways = (public + "/hook", inner + "/hook", safe + "/away", public + "/here", public + "/../safe/hook", inner + "/twice")
        for path in ways:
            self.assertEqual(ask(path).status, 0, path)
        os.chmod(public, 0o777)
        for path in ways:
            self.refused(ask(path), 2, "through %s/, in which others can put another one in its place" % public)
        self.assertEqual(ask(safe + "/hook").status, 0)
        os.chmod(public, 0o1777)
        for path in ways:
            self.assertEqual(ask(path).status, 0, "nobody can rename there what is ours: " + path)
        self.refused(ask(safe + "/round"), 2, "too many links")
        self.refused(ask(safe + "/hook/more"), 2, "Not a directory")
        if os.geteuid() == 0:
            os.lchown(public + "/here", 65534, 65534)
            self.refused(ask(public + "/here"), 2, "a link of somebody else's")
            os.chmod(public, 0o700)
            os.chown(public, 65534, 65534)
            self.refused(ask(public + "/hook"), 2, "others can put another one in its place")

    def test_without_the_variable_there_are_two_processes_and_with_it_three(self):
        b = self.hooked("bob", "true\n")
        b.set(GOSSIPD_ON_MESSAGE=None)
        b.start()
        b.listener()
        self.assertEqual(len(b.processes()), 2)
        b.stop()
        b.set(GOSSIPD_ON_MESSAGE=b.hook)
        b.start()
        b.listener()
        runner = self.runner(b)
        self.assertEqual(len(b.processes()), 3)
        fds = {os.readlink("/proc/%d/fd/%s" % (runner, fd)).split(":")[0] for fd in os.listdir("/proc/%d/fd" % runner)}
        self.assertFalse([f for f in fds if f.endswith(("gossipd.db", "-wal", "-shm"))], fds)
        self.assertEqual(b.stop(), 0)
        self.assertFalse(alive(runner))

    def test_exit_75_is_tried_again_and_another_failure_is_not(self):
        a, b = self.pair("echo $GOSSIP_ID >> seen\nread text\n[ $text = first ] && [ $(wc -l < seen) -lt 3 ] && exit 75\n"
                         "[ $text = second ] && exit 3\n[ $text = third ] && kill -9 $$\nexit 0\n")
        ids = [a.send(text) for text in ("first", "second", "third", "fourth")]
        seen = self.lines(b, "seen", 10)
        self.assertEqual(seen, [ids[0]] * 3 + [ids[1]] + [ids[2]] * 5 + [ids[3]])
        self.wait_handed(b, 4)
        b.stop()
        counted = counters(b)
        self.assertEqual([counted.get(n) for n in ("hooks", "hooks_failed", "hooks_repeated", "hooks_overdue")], [2, 2, 6, None])
        self.assertIn("a hook failed", b.log())
        self.assertNotIn("alice", b.log())

    def test_a_hook_that_cannot_be_started_is_waited_for(self):
        a, b = self.pair("echo $GOSSIP_ID >> seen\n")
        os.chmod(b.hook, 0o722)
        ids = [a.send("one"), a.send("two")]
        b.wait_log("the hook cannot be started")
        b.wait_count(2)
        os.chmod(b.hook, 0o700)
        self.assertEqual(self.lines(b, "seen", 2), ids)

    def test_f29_a_hook_that_hangs_holds_up_nobody_and_goes_on_after_a_restart(self):
        a, b = self.pair("echo $GOSSIP_ID >> seen\n[ -e go ] || exec sleep 1000\necho $GOSSIP_ID >> done\n")
        ids = a.send_lines(["m%d" % i for i in range(50)])
        self.lines(b, "seen", 1)
        b.wait_count(50)  # relaying goes on
        open(os.path.join(b.out, "go"), "w").close()
        begin = time.monotonic()
        self.assertEqual(b.stop(), 0)
        self.assertLess(time.monotonic() - begin, 8 * FACTOR)
        b.start()
        self.assertEqual(self.lines(b, "done", 50), ids)

    def test_what_was_heard_before_the_first_start_with_a_hook_is_left_alone(self):
        a, b = self.node("alice"), self.hooked("bob", "echo $GOSSIP_ID >> seen\n")
        b.set(GOSSIPD_ON_MESSAGE=None)
        b.start()
        befriend(a, b)
        a.send("before")
        b.wait_count(1)
        b.stop()
        b.set(GOSSIPD_ON_MESSAGE=b.hook)
        b.start()
        after = a.send("after")
        self.assertEqual(self.lines(b, "seen", 1), [after])

    def test_a_runner_that_is_lost_is_said_and_messages_wait(self):
        a, b = self.pair("echo $GOSSIP_ID >> seen\n")
        ids = [a.send("one")]
        self.lines(b, "seen", 1)
        self.wait_handed(b, 1)
        os.kill(self.runner(b), signal.SIGKILL)
        b.wait_log("runs hooks was lost")
        ids.append(a.send("two"))
        b.wait_count(2)
        self.assertEqual(b.stop(), 0)
        b.start()
        self.assertEqual(self.lines(b, "seen", 2), ids)


class Mutes(Hooked):
    def test_mutes_hide_from_view_and_hooks_until_their_time(self):
        a, b = self.pair("echo $GOSSIP_ID >> seen\n")
        b.must("mute", "carol")
        a.send("muted", source="carol")
        shown = a.send("shown", source="dora")
        self.assertEqual(self.lines(b, "seen", 1), [shown])
        b.wait_count(2)
        self.assertEqual(b.texts(), ["shown"])
        self.assertEqual([m["text"] for m in b.view("--last", "1")], ["shown"])
        self.assertEqual([m["text"] for m in b.view("--all")], ["muted", "shown"])
        b.must("mute", "--from", "alice", "--for", "2h")
        self.assertEqual(b.texts(), [])
        listed = [json.loads(line) for line in b.must("mutes", "--json").splitlines()]
        self.assertEqual([(m.get("from"), m.get("sender"), m["until_ms"] is None) for m in listed], [("alice", None, False), (None, "carol", True)])
        self.assertAlmostEqual(listed[0]["until_ms"], time.time() * 1000 + 7200e3, delta=120e3)
        b.must("rename", "alice", "--to", "ally")
        self.assertIn("what ally delivers, until ", b.must("mutes"))
        b.must("unmute", "--from", "ally")
        self.assertEqual(b.texts(), ["shown"])
        b.must("unmute", "carol")
        self.assertEqual(b.texts(), ["muted", "shown"])
        self.assertEqual({m["delivered_by"] for m in b.view()}, {"ally"})
        self.refused(b.gossipc("unmute", "carol"), 1, "not muted")
        self.refused(b.gossipc("mute", "--from", "nobody"), 3, "nobody")
        self.refused(b.gossipc("mute", "--for", "1x", "carol"), 2, "--for")
        self.refused(b.gossipc("mute", "a", "--from", "ally"), 2, "a sender, or a friend")
        self.assertEqual(b.must("mutes"), "")

    def test_a_friend_gets_another_name(self):
        a, b = self.node("alice"), self.node("bob")
        befriend(a, b)
        b.add_peer("carol")
        self.refused(b.gossipc("rename", "alice", "carol"), 4, "carol")
        self.refused(b.gossipc("rename", "nobody", "x"), 3, "nobody")
        self.refused(b.gossipc("rename", "alice", "self"), 2, "not a name")
        self.refused(b.gossipc("rename", "alice"), 2, "two names")
        b.must("rename", "alice", "alice-work")
        self.assertEqual([json.loads(line)["name"] for line in b.must("peers", "--json").splitlines()], ["alice-work", "carol"])
        a.send("hello")
        self.assertEqual(b.wait_text("hello")["delivered_by"], "alice-work")


class Killed(Hooked):
    def test_messages_with_hook_and_worker_killed_at_random(self):
        """Every message at least once, at most one repeat for each kill, in order."""
        rng = seeded(self._testMethodName)
        a, b = self.node("alice"), self.hooked("bob", "echo $GOSSIP_ID >> seen\n", GOSSIPD_LISTEN_PORT=steady_port())
        b.port = int(b.env["GOSSIPD_LISTEN_PORT"])
        befriend_all([(a, b, True, True)])
        b.start()
        kills, begin = Counter(), time.monotonic()
        sender = threading.Thread(target=lambda: [a.send_lines(["m %d %d" % (i, j) for j in range(50)]) for i in range(MESSAGES // 50)])
        sender.start()
        try:
            while len(set(self.read(b, "seen").splitlines())) < MESSAGES:
                if time.monotonic() - begin > (60 + MESSAGES * 0.2) * FACTOR:
                    raise Late("%d of %d handed over\n%s" % (len(set(self.read(b, "seen").splitlines())), MESSAGES, b.log()[-3000:]))
                kills[self.strike(b, rng)] += 1
                threading.Event().wait(0.1 + 0.3 * rng.random())  # a pace, not a wait for something
        finally:
            sender.join()
        repeats = self.judge(b, sum(n for what, n in kills.items() if what))
        wait_until(lambda: not self.zombies(b), "no process that ended and is not waited for", nodes=[b])
        figures("%d messages, %s, %d handed over twice, %.1f s" % (MESSAGES, dict(kills), repeats, time.monotonic() - begin))

    @staticmethod
    def zombies(node):
        ours = set(map(str, node.processes()))
        stats = map(stat_of, map(int, filter(str.isdigit, os.listdir("/proc"))))
        return [stat for stat in stats if stat and stat[0] == "Z" and stat[1] in ours]

    def strike(self, node, rng):
        if rng.random() < 0.5:
            return self.strike_hook(node)
        os.kill(node.worker(), signal.SIGKILL)
        node.wait_end()
        wait_until(lambda: not node.processes(), "nothing left of " + node.name, 5 * FACTOR, 0.005)
        node.start()
        return "worker"

    def strike_hook(self, node):
        """The child of the runner, if there is one just now."""
        runner = self.runner(node)
        try:
            with open("/proc/%d/task/%d/children" % (runner, runner), encoding="ascii") as f:
                for pid in map(int, f.read().split()):
                    os.kill(pid, signal.SIGKILL)
                    return "hook"
        except OSError:
            pass
        return None

    def judge(self, node, kills):
        seen = self.read(node, "seen").splitlines()
        heard = [row[0] for row in node.ask("SELECT id FROM v_messages ORDER BY seq")]
        self.assertEqual(list(dict.fromkeys(seen)), heard, "every one, in the order heard")
        self.assertLessEqual(len(seen) - len(heard), kills)
        at = 0
        for id in seen:  # a repeat comes at once
            self.assertIn(id, heard[max(0, at - 1):at + 1])
            at = max(at, heard.index(id, max(0, at - 1)) + 1)
        return len(seen) - len(heard)


if __name__ == "__main__":
    unittest.main()
